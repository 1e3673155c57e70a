"""Rounding against exact arithmetic: Python's fractions, decimal and unbounded integers."""

import math
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.check import BadValue
from golden.formats.rounding import Rounding, finite, round_real, round_shift

ORACLE = {
    Rounding.HALF_UP: lambda x: math.floor(x + Fraction(1, 2)),
    Rounding.HALF_EVEN: round,
    Rounding.HALF_AWAY: lambda x: math.floor(x + Fraction(1, 2)) if x >= 0 else math.ceil(x - Fraction(1, 2)),
    Rounding.FLOOR: math.floor,
    Rounding.ZERO: math.trunc,
}
modes = pytest.mark.parametrize("mode", Rounding)
TIES = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [
        ("half_up", [-2, -1, 0, 1, 2, 3]),
        ("half_even", [-2, -2, 0, 0, 2, 2]),
        ("half_away", [-3, -2, -1, 1, 2, 3]),
        ("floor", [-3, -2, -1, 0, 1, 2]),
        ("zero", [-2, -1, 0, 0, 1, 2]),
    ],
)
def test_ties_go_where_the_mode_says(mode, rounded):
    assert round_real(TIES, Rounding(mode)).tolist() == rounded
    assert round_shift([int(2 * x) for x in TIES], 1, Rounding(mode)).tolist() == rounded


@modes
def test_all_ten_bit_values_by_all_shifts(mode):
    x, shift = np.arange(-1024, 1025), np.arange(13)[:, None]
    wanted = [[ORACLE[mode](Fraction(int(v), 1 << s)) for v in x] for s in range(13)]
    assert np.array_equal(round_shift(x, shift, mode), wanted)


@modes
@given(x=st.integers(-(2**62), 2**62), shift=st.integers(0, 62))
def test_shift_is_exact_up_to_the_limits(mode, x, shift):
    assert round_shift(x, shift, mode) == ORACLE[mode](Fraction(x, 1 << shift))


@modes
@pytest.mark.parametrize("x", [2**62, -(2**62), 2**62 - 1, 1 - 2**62])
def test_no_sum_overflows_at_the_corners(mode, x):
    wanted = [ORACLE[mode](Fraction(x, 1 << s)) for s in range(63)]
    assert round_shift(x, np.arange(63), mode).tolist() == wanted


@modes
@given(x=st.floats(-(2.0**63), 2.0**63, exclude_min=True, exclude_max=True))
def test_reals_round_exactly(mode, x):
    assert round_real(x, mode) == ORACLE[mode](Fraction(x))


@modes
@pytest.mark.parametrize("x", [0.5, 1.5, 2.0**52 - 0.5, 2.0**52 + 1])
def test_neighbours_of_ties_round_exactly(mode, x):
    near = [s * y for s in (1, -1) for y in (np.nextafter(x, 0), x, np.nextafter(x, np.inf))]
    assert round_real(near, mode).tolist() == [ORACLE[mode](Fraction(float(y))) for y in near]


@pytest.mark.parametrize(
    ("mode", "decimal"),
    [
        (Rounding.HALF_EVEN, ROUND_HALF_EVEN),
        (Rounding.HALF_AWAY, ROUND_HALF_UP),  # decimal's "half up" is away from zero
        (Rounding.FLOOR, ROUND_FLOOR),
    ],
)
def test_the_oracle_agrees_with_decimal(mode, decimal):
    eighths = [Fraction(n, 8) for n in range(-40, 41)]
    wanted = [int((Decimal(f.numerator) / f.denominator).quantize(Decimal(1), decimal)) for f in eighths]
    assert [ORACLE[mode](f) for f in eighths] == wanted


@pytest.mark.parametrize(
    ("x", "shift", "message"),
    [
        (2**62 + 1, 0, "x is 4611686018427387905"),
        (0, 63, "shift is 63; allowed: 0 to 62"),
        ([1], [-1], r"shift\[0\] is -1"),
        (0.5, 1, "x.dtype is float64; allowed: integers"),
    ],
)
def test_shift_refuses_what_it_cannot_round(x, shift, message):
    with pytest.raises(BadValue, match=message):
        round_shift(x, shift, Rounding.FLOOR)


@pytest.mark.parametrize("x", [float("nan"), float("inf"), -(2.0**63)])
def test_reals_beyond_int64_are_refused(x):
    with pytest.raises(BadValue, match="x is"):
        round_real(x, Rounding.FLOOR)


def test_an_unknown_mode_is_refused_with_the_list():
    with pytest.raises(BadValue, match="mode is 'up'; allowed: half_up, half_even, half_away, floor, zero"):
        round_shift(1, 1, "up")


def test_finite_names_the_first_bad_element():
    with pytest.raises(BadValue, match=r"weights\[1, 0\] is nan; allowed: finite numbers"):
        finite("weights", [[0.0, 1.0], [np.nan, np.inf]])
