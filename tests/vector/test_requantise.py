"""Requantise against exact fractions, value by value, and against float64 where that is exact."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.check import BadValue
from golden.formats import Int, Rounding
from golden.vector.requantise import (
    LATENCY,
    ROUNDINGS,
    RequantiseParams,
    cycles,
    multiplier_and_shift,
    requantise,
)

HALF = Fraction(1, 2)
ROUND = {
    Rounding.HALF_UP: lambda x: math.floor(x + HALF),
    Rounding.HALF_EVEN: round,
    Rounding.HALF_AWAY: lambda x: int(math.copysign(1, x)) * math.floor(abs(x) + HALF),
}
U16 = Int(16, signed=False)
roundings = pytest.mark.parametrize("rounding", ROUNDINGS)


def exact(p, acc, bias, multiplier, shift, zero_point, relu):
    """The equation in fractions."""
    o = ROUND[p.rounding](Fraction((acc + bias) * multiplier, 2**shift)) + zero_point
    return min(max(o, zero_point if relu else p.out.min), p.out.max)


def corners(fmt):
    return sorted({fmt.min, fmt.min + 1, fmt.min // 3, 0, 1, fmt.max // 3, fmt.max - 1, fmt.max})


@roundings
@pytest.mark.parametrize("relu", [False, True])
def test_every_case_of_a_small_unit(rounding, relu):
    p = RequantiseParams(
        acc=Int(5), multiplier=Int(3, signed=False), out=Int(3), max_shift=8, rounding=rounding
    )
    acc = np.arange(-16, 16)[:, None]
    channels = list(itertools.product((-16, -1, 0, 5, 15), range(8), range(1, 9)))
    bias, multiplier, shift = np.array(channels).T
    for zero_point in range(-4, 4):
        got = requantise(p, np.tile(acc, len(channels)), bias, multiplier, shift, zero_point, relu)
        wanted = [[exact(p, a, *c, zero_point, relu) for c in channels] for a in range(-16, 16)]
        assert np.array_equal(got, wanted)


@roundings
@pytest.mark.parametrize(
    ("acc", "multiplier", "out", "max_shift"),
    [
        (Int(32), U16, Int(8), 47),
        (Int(32), U16, Int(8, signed=False), 48),
        (Int(46), U16, Int(16), 62),
        (Int(20), Int(42, signed=False), Int(4), 62),
        (Int(2), Int(1, signed=False), Int(1), 3),
    ],
    ids=["acc32-int8", "acc32-uint8", "widest-acc", "widest-multiplier", "narrowest"],
)
def test_corners_of_the_formats(rounding, acc, multiplier, out, max_shift):
    p = RequantiseParams(acc=acc, multiplier=multiplier, out=out, max_shift=max_shift, rounding=rounding)
    shifts = (1, 2, max_shift // 2 + 1, max_shift)
    words = list(itertools.product(corners(acc), corners(acc), corners(multiplier), shifts))
    channels = np.array(words, object).T.astype(np.int64)
    for zero_point, relu in itertools.product((out.min, 0, out.max), (False, True)):
        got = requantise(p, *channels, zero_point, relu)
        assert got.tolist() == [exact(p, *word, zero_point, relu) for word in words]


@given(
    acc=st.integers(-(2**31), 2**31 - 1),
    bias=st.integers(-(2**31), 2**31 - 1),
    multiplier=st.integers(0, 2**16 - 1),
    shift=st.integers(1, 47),
    zero_point=st.integers(-128, 127),
    relu=st.booleans(),
    rounding=st.sampled_from(ROUNDINGS),
)
def test_any_word_of_the_default_unit(acc, bias, multiplier, shift, zero_point, relu, rounding):
    p = RequantiseParams(rounding=rounding)
    got = requantise(p, [acc], [bias], [multiplier], [shift], zero_point, relu)
    assert got.tolist() == [exact(p, acc, bias, multiplier, shift, zero_point, relu)]


def test_float64_gives_the_same_where_it_is_exact():
    rng = np.random.default_rng(5)
    acc = rng.integers(-(2**31), 2**31, (1000, 16))
    bias = rng.integers(-(2**31), 2**31, 16)
    multiplier, shift = rng.integers(0, 2**16, 16), rng.integers(36, 48, 16)
    real = (acc + bias).astype(np.float64) * multiplier / 2.0**shift  # 49 bits, then a power of two: exact
    wanted = np.clip(np.rint(real) + 3, -128, 127)
    assert np.array_equal(requantise(RequantiseParams(), acc, bias, multiplier, shift, 3), wanted)


@pytest.mark.parametrize(
    ("rounding", "codes"),
    [("half_up", [-1, 0, 1, 2]), ("half_even", [-2, 0, 0, 2]), ("half_away", [-2, -1, 1, 2])],
)
def test_ties_go_where_the_rounding_says(rounding, codes):
    p = RequantiseParams(rounding=Rounding(rounding))
    got = requantise(p, [[-3], [-1], [1], [3]], [0], [1], [1])
    assert got.ravel().tolist() == codes


def test_relu_cuts_at_the_zero_point():
    got = requantise(RequantiseParams(), [[-50], [0], [50]], [0], [2], [1], 10, relu=True)
    assert got.ravel().tolist() == [10, 10, 60]


@pytest.mark.parametrize("shape", [(4,), (0, 4), (2, 3, 4)], ids=str)
def test_leading_axes_are_kept(shape):
    one = np.ones(4, np.int64)
    assert requantise(RequantiseParams(), np.zeros(shape, np.int32), one, one, one).shape == shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acc": [[2**31, 0]]}, r"acc\[0, 0\] is 2147483648"),
        ({"bias": [0, -(2**31) - 1]}, r"bias\[1\] is -2147483649"),
        ({"multiplier": [0, 2**16]}, r"multiplier\[1\] is 65536; allowed: 0 to 65535"),
        ({"shift": [0, 1]}, r"shift\[0\] is 0; allowed: 1 to 47"),
        ({"shift": [48, 1]}, r"shift\[0\] is 48"),
        ({"shift": [1]}, r"shift.shape is \[1\]; allowed: \[2\]"),
        ({"acc": 1}, r"bias.shape is \[2\]; allowed: \[\]"),
        ({"zero_point": 128}, r"zero_point is 128; allowed: -128 to 127 \(int8\)"),
    ],
)
def test_an_argument_outside_its_format_is_refused(change, message):
    word = {"acc": [[0, 0]], "bias": [0, 0], "multiplier": [0, 0], "shift": [1, 1]}
    with pytest.raises(BadValue, match=message):
        requantise(RequantiseParams(), **(word | change))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"acc": Int(32, signed=False)}, "acc.signed is False; allowed: True"),
        ({"multiplier": Int(16)}, "multiplier.signed is True; allowed: False"),
        ({"acc": Int(47)}, "acc.width .* is 64; allowed: 3 to 63"),
        ({"out": Int(33)}, r"out.width is 33; allowed: 1 to 32 \(no wider than acc\)"),
        ({"max_shift": 49}, "max_shift is 49; allowed: 1 to 48"),
        ({"max_shift": 0}, "max_shift is 0"),
        ({"registers": 7}, "requantise.registers is 7; allowed: 0 to 6"),
        ({"rounding": Rounding.FLOOR}, "rounding is .*; allowed: half_up, half_even, half_away"),
    ],
)
def test_a_unit_that_cannot_be_is_refused(fields, message):
    with pytest.raises(BadValue, match=message):
        RequantiseParams(**fields)


def test_sum_and_product_are_no_wider_than_their_extremes_need():
    p = RequantiseParams(acc=Int(8), multiplier=Int(4, signed=False), max_shift=4)
    assert p.sum.min == 2 * p.acc.min
    assert p.product.min < p.sum.min * p.multiplier.max < p.product.min // 2


@pytest.mark.parametrize(("count", "taken"), [(0, 0), (1, 1 + LATENCY), (500, 500 + LATENCY)])
def test_cycles_are_the_words_and_the_latency(count, taken):
    assert cycles(count) == taken


@pytest.mark.parametrize("registers", range(7))
def test_each_added_register_is_a_stage_and_a_cycle(registers):
    stages = RequantiseParams(registers=registers).stages
    assert stages[0] == "sum" and stages[-1] == "o" and len(stages) == LATENCY + registers
    assert cycles(10, registers) == cycles(10) + registers


@pytest.mark.parametrize("bits", [1, 8, 16, 31])
@given(scale=st.floats(2.0**-15, 0.5))
def test_the_multiplier_is_within_one_part_in_two_to_its_width(bits, scale):
    multiplier, shift = multiplier_and_shift(scale, Int(bits, signed=False), 47)
    assert 1 << bits - 1 <= multiplier < 1 << bits
    assert 1 <= shift <= 47
    error = abs(Fraction(int(multiplier), 1 << int(shift)) - Fraction(scale))
    assert error * 2**bits <= Fraction(scale)


@given(scale=st.floats(0, 2.0**-30))
def test_a_factor_too_small_for_the_shift_keeps_what_it_can(scale):
    multiplier, shift = multiplier_and_shift(scale, U16, 40)
    assert abs(Fraction(int(multiplier), 1 << int(shift)) - Fraction(scale)) <= Fraction(1, 2**41)


@pytest.mark.parametrize(
    ("scale", "pair"),
    [
        (0.0, (0, 16)),
        (0.5, (2**15, 16)),
        (1.0, (2**15, 15)),
        (32767.5, (65535, 1)),
        (1 - 2.0**-20, (2**15, 15)),  # rounds up to 2^16: one binade on
        (2.0**-48, (0, 47)),  # half of the least, a tie: to even
        (3 * 2.0**-49, (1, 47)),
        (5e-324, (0, 47)),
    ],
)
def test_fixed_point_of(scale, pair):
    assert tuple(int(v) for v in multiplier_and_shift(scale, U16, 47)) == pair


def test_fixed_point_keeps_the_shape():
    multiplier, shift = multiplier_and_shift(np.full((2, 3), 0.1), U16, 47)
    assert multiplier.shape == shift.shape == (2, 3)
    assert multiplier.dtype == shift.dtype == np.int64


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        ([0.1, -0.1], r"real_scale\[1\] is -0.1; allowed: 0 to 32767.5"),
        ([0.1, np.nan], r"real_scale\[1\] is nan"),
        (np.inf, "real_scale is inf"),
        (32768.0, "real_scale is 32768.0; allowed: 0 to 32767.5"),
        (32767.9, "real_scale is 32767.9"),
        (1e308, r"real_scale is 1e\+308"),
    ],
)
def test_a_factor_that_has_no_fixed_point_is_refused(scale, message):
    with pytest.raises(BadValue, match=message):
        multiplier_and_shift(scale, U16, 47)


def test_a_multiplier_wider_than_a_float64_mantissa_is_refused():
    with pytest.raises(BadValue, match=r"multiplier.max bits is 54; allowed: 1 to 53"):
        multiplier_and_shift(0.5, Int(54, signed=False), 47)
