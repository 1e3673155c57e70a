"""Uniform quantisation against exact fractions and a slice-by-slice loop."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.check import BadValue
from golden.formats import Int, Rounding, Scale

WEIGHTS = np.random.default_rng(0).normal(size=(12, 5, 4))
INTS = [Int(8), Int(4), Int(2), Int(32), Int(8, signed=False), Int(1, signed=False)]
affine_formats = pytest.mark.parametrize("fmt", [*INTS, Int(1)], ids=str)


@given(
    x=st.floats(-1e6, 1e6),
    scale=st.floats(1e-3, 1e3),
    zero_point=st.integers(-128, 127),
    mode=st.sampled_from([Rounding.HALF_EVEN, Rounding.FLOOR]),
)
def test_quantise_is_the_equation(x, scale, zero_point, mode):
    s = Scale(format=Int(8), scale=np.float64(scale), zero_point=np.int64(zero_point), rounding=mode)
    steps = Fraction(x / scale)  # the division is float64's; all after it is exact
    whole = round(steps) if mode == Rounding.HALF_EVEN else steps.__floor__()
    assert s.quantise(x) == min(max(whole + zero_point, -128), 127)


@given(value=st.integers(-128, 127), scale=st.floats(1e-3, 1e3), zero_point=st.integers(-128, 127))
def test_quantise_undoes_dequantise(value, scale, zero_point):
    s = Scale(format=Int(8), scale=np.float64(scale), zero_point=np.int64(zero_point))
    assert s.quantise(s.dequantise(value)) == value


def test_rounding_is_half_even_unless_asked():
    s = Scale(format=Int(8), scale=np.float64(1))
    assert s.quantise([0.5, 1.5, -0.5]).tolist() == [0, 2, 0]
    assert replace(s, rounding=Rounding.HALF_AWAY).quantise([0.5, 1.5, -0.5]).tolist() == [1, 2, -1]


@pytest.mark.parametrize("fmt", INTS, ids=str)
def test_what_is_outside_saturates(fmt):
    s = Scale(format=fmt, scale=np.float64(1e-5))
    assert s.quantise([-1e308, 1e308]).tolist() == [fmt.min, fmt.max]


@pytest.mark.parametrize("fmt", [Int(8), Int(4), Int(2), Int(32)], ids=str)
def test_symmetric_maps_the_largest_magnitude_to_max(fmt):
    s = Scale.symmetric([-3.0, 1.0], fmt)
    assert s.scale == 3.0 / fmt.max
    assert s.quantise([-3.0, 3.0, 0.0]).tolist() == [-fmt.max, fmt.max, 0]
    assert s.zero_point is None


def test_symmetric_unsigned_uses_the_whole_range():
    assert Scale.symmetric([0.0, 5.1], Int(8, signed=False)).quantise([0.0, 5.1]).tolist() == [0, 255]


@affine_formats
@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (2.0, 3.0), (-3.0, -2.0), (-8e307, 8e307)])
def test_affine_holds_the_data_and_an_exact_zero(fmt, low, high):
    s = Scale.affine([low, high], fmt)
    got = s.dequantise(s.quantise([low, high, 0.0]))
    assert np.abs(got - [low, high, 0]).max() <= s.scale  # half a step of its own, half of the zero point's
    assert got[2] == 0


def test_affine_reaches_both_ends():
    s = Scale.from_range(-1.0, 254.0, Int(8, signed=False), symmetric=False)
    assert (float(s.scale), int(s.zero_point)) == (1.0, 1)
    assert s.quantise([-1.0, 254.0]).tolist() == [0, 255]


@affine_formats
def test_zeros_get_a_scale_of_one(fmt):
    s = Scale.affine(np.zeros(3), fmt)
    assert s.scale == 1.0
    assert s.dequantise(s.quantise(np.zeros(3))).tolist() == [0, 0, 0]


@pytest.mark.parametrize("least", [0.0, 5e-324])
def test_a_channel_without_a_scale_leaves_the_others_theirs(least):
    s = Scale.symmetric([[least, least], [127.0, -254.0]], Int(8), "channel", axis=0)
    assert s.scale.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("make", [Scale.symmetric, Scale.affine], ids=["symmetric", "affine"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_channel_is_scaled_as_if_alone(make, axis):
    s = make(WEIGHTS, Int(8), "channel", axis=axis)
    got = s.quantise(WEIGHTS)
    assert s.scale.shape == (WEIGHTS.shape[axis],)
    for i, part in enumerate(np.moveaxis(WEIGHTS, axis, 0)):
        assert np.array_equal(np.moveaxis(got, axis, 0)[i], make(part, Int(8)).quantise(part))


@pytest.mark.parametrize("make", [Scale.symmetric, Scale.affine], ids=["symmetric", "affine"])
@pytest.mark.parametrize(
    ("axis", "size", "shape"), [(0, 3, (4, 5, 4)), (-1, 2, (12, 5, 2)), (1, 5, (12, 1, 4))]
)
def test_a_group_is_scaled_as_if_alone(make, axis, size, shape):
    s = make(WEIGHTS, Int(4), "group", axis=axis, group_size=size)
    got = s.quantise(WEIGHTS)
    assert s.scale.shape == shape
    lines, got_lines = (np.moveaxis(a, axis, -1).reshape(-1, WEIGHTS.shape[axis]) for a in (WEIGHTS, got))
    for line, got_line in zip(lines, got_lines, strict=True):
        for start in range(0, len(line), size):
            part = slice(start, start + size)
            assert np.array_equal(got_line[part], make(line[part], Int(4)).quantise(line[part]))


@pytest.mark.parametrize("make", [Scale.symmetric, Scale.affine], ids=["symmetric", "affine"])
@pytest.mark.parametrize("where", [{}, {"granularity": "channel", "axis": 0}], ids=["tensor", "channel"])
def test_the_error_of_data_inside_is_half_a_step(make, where):
    s = make(WEIGHTS, Int(8), **where)
    error = np.abs(s.dequantise(s.quantise(WEIGHTS)) - WEIGHTS)
    inside = s.quantise(WEIGHTS) < 127  # an affine zero point's own rounding can clip the last step
    assert error[inside].max() <= s.scale.max() * 0.5000001
    assert error.max() <= s.scale.max()


def test_a_channel_scale_serves_data_of_more_axes():
    s = Scale.from_range([-1.0, -2.0], [1.0, 2.0], Int(8), granularity="channel", axis=-1)
    assert s.quantise(np.ones((3, 4, 2)))[0, 0].tolist() == [127, 64]


@pytest.mark.parametrize("fmt", [Int(8), Int(8, signed=False)], ids=str)
def test_float32_and_integers_are_reals_too(fmt):
    values = np.arange(5, dtype=np.float32)
    assert Scale.symmetric(values, fmt).scale == Scale.symmetric(np.arange(5), fmt).scale


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Scale.symmetric([0, np.nan], Int(8)), r"values\[1\] is nan; allowed: finite"),
        (lambda: Scale.affine([[np.inf]], Int(8)), r"values\[0, 0\] is inf"),
        (lambda: Scale.symmetric([], Int(8)), r"values.shape is \[0\]"),
        (lambda: Scale.symmetric(["a"], Int(8)), "values.dtype is <U1; allowed: real numbers"),
        (lambda: Scale.symmetric([-1.0], Int(8, signed=False)), r"low is -1.0; allowed: 0 or more \(uint8"),
        (lambda: Scale.symmetric([1.0], Int(1)), "fmt is int1"),
        (lambda: Scale.symmetric([1.0], Int(33)), "format.width is 33; allowed: 1 to 32"),
        (lambda: Scale.symmetric([1.0], Int(8), "row"), "granularity is 'row'; allowed: tensor, channel, gr"),
        (lambda: Scale.symmetric([1.0], Int(8), "channel"), "axis is None; allowed: an axis"),
        (lambda: Scale.symmetric([1.0], Int(8), axis=0), "axis is 0; allowed: None"),
        (lambda: Scale.symmetric([1.0], Int(8), "channel", axis=1), "axis is 1; allowed: -1 to 0"),
        (lambda: Scale.symmetric([1.0], Int(8), "group", axis=0), "group_size is None; allowed: 1 or more"),
        (lambda: Scale.affine(WEIGHTS, Int(8), "group", axis=0, group_size=5), "group_size is 5; .* of 12"),
        (lambda: Scale.symmetric(WEIGHTS, Int(8), "group", axis=0, group_size=0), "group_size is 0"),
        (lambda: Scale.from_range(2.0, 1.0, Int(8)), "low is 2.0; allowed: at most high, 1.0"),
        (lambda: Scale.from_range(0.0, np.inf, Int(8)), "high is inf"),
        (lambda: Scale.affine([-1e308, 1e308], Int(1)), "scale is inf"),
        (lambda: Scale.from_range([0.0], 1.0, Int(8)), r"high.shape is \[\]; allowed: \[1\]"),
        (lambda: Scale.from_range([0.0], [1.0], Int(8)), r"scale.shape is \[1\]; allowed: \[\]"),
        (lambda: Scale(format=Int(8), scale=np.float64(0)), "scale is 0.0; allowed: above 0"),
        (
            lambda: Scale(format=Int(8), scale=np.float64(1), zero_point=np.int64(128)),
            "zero_point is 128; allowed: -128 to 127",
        ),
    ],
)
def test_a_scale_that_cannot_be_is_refused(call, message):
    with pytest.raises(BadValue, match=message):
        call()


@pytest.mark.parametrize(
    ("real", "message"),
    [
        ([0.0, np.nan], r"real\[1\] is nan"),
        ([0.0, -np.inf], r"real\[1\] is -inf"),
        ([0.0, 1.0, 2.0], r"scale.shape is \[2\]; allowed: \[3\]"),
    ],
)
def test_quantise_refuses(real, message):
    with pytest.raises(BadValue, match=message):
        Scale.symmetric([1.0, 2.0], Int(8), "channel", axis=0).quantise(real)


def test_dequantise_refuses_what_is_no_value():
    with pytest.raises(BadValue, match=r"values\[0\] is 128"):
        Scale(format=Int(8), scale=np.float64(1)).dequantise([128])
