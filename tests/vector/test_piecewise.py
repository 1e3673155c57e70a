"""Piecewise functions: against exact integers, and against the real functions, every code."""

import math

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import Int
from golden.vector.functions import FUNCTIONS
from golden.vector.minimax import minimax
from golden.vector.piecewise import PiecewiseParams, cycles, piecewise, table, worst_error

SMOOTH = ("gelu", "silu", "sigmoid", "tanh")
STRAIGHT = ("relu", "leaky_relu", "relu6")
INT16 = PiecewiseParams()
INT8 = PiecewiseParams(
    input=Int(8), input_fraction=4, out=Int(8), out_fraction=4, functions=SMOOTH + STRAIGHT, degree=1,
    segment_bits=5,
)  # fmt: skip


def power(segment_bits, degree, fraction=12, bits=15, function="exp2"):
    """2^f with `fraction` bits of f, to `bits` below 1."""
    return PiecewiseParams(
        input=Int(fraction, signed=False), input_fraction=fraction, out=Int(bits + 1, signed=False),
        out_fraction=bits, functions=(function,), segment_bits=segment_bits, degree=degree,
    )  # fmt: skip


def codes(p):
    return np.arange(p.input.min, p.input.max + 1)


# The stated errors: the largest over all codes, in codes of out (2^-12, 2^-4, 2^-15); rounding alone is 0.5.
STATED = [
    ("int16", INT16, {"gelu": 0.76, "silu": 0.61, "sigmoid": 0.54, "tanh": 1.10}),
    ("int16-128", PiecewiseParams(segment_bits=7),
     {"gelu": 0.54, "silu": 0.52, "sigmoid": 0.52, "tanh": 0.58}),
    ("int16-linear", PiecewiseParams(segment_bits=8, degree=1),
     {"gelu": 1.31, "silu": 1.01, "sigmoid": 0.63, "tanh": 1.27}),
    ("int8", INT8, {"gelu": 0.61, "silu": 0.51, "sigmoid": 0.52, "tanh": 0.61, "leaky_relu": 0.51}),
    ("exp2-16", power(4, 1), {"exp2": 7.92}),
    ("exp2-8", power(3, 2), {"exp2": 0.72}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("p", "name", "stated"),
    [pytest.param(p, f, e, id=f"{label}-{f}") for label, p, each in STATED for f, e in each.items()],
)
def test_the_worst_error_is_the_stated_one(p, name, stated):
    assert 0.97 * stated - 0.01 < worst_error(p, name) <= stated


@pytest.mark.parametrize("p", [INT8, PiecewiseParams(functions=STRAIGHT)], ids=["int8", "int16"])
@pytest.mark.parametrize("name", ["relu", "relu6"])
def test_straight_lines_of_whole_slope_are_exact(p, name):
    top = 6 << p.input_fraction if name == "relu6" else p.out.max
    assert np.array_equal(piecewise(p, name, codes(p)), np.clip(codes(p), 0, top))


def test_leaky_relu_is_exact_from_zero_up_and_rounded_below():
    p = PiecewiseParams(functions=STRAIGHT)
    x = codes(p)
    assert np.array_equal(piecewise(p, "leaky_relu", x[x >= 0]), x[x >= 0])
    assert np.abs(piecewise(p, "leaky_relu", x[x < 0]) - x[x < 0] / 100).max() <= 0.5001


@pytest.mark.parametrize("name", ["gelu", "tanh"])
@pytest.mark.parametrize("degree", [1, 2])
def test_the_polynomials_are_evaluated_exactly(name, degree):
    p = PiecewiseParams(input=Int(10), input_fraction=7, out=Int(6), out_fraction=6, degree=degree)
    for x in codes(p).tolist():
        segment, t = divmod(x - p.input.min, 1 << p.offset_bits)
        constant, slope, curvature = (int(c) for c in table(p, name)[segment])
        y = (constant + slope * t + curvature * t * t) // 2**p.fraction
        assert piecewise(p, name, x) == min(max(y, p.out.min), p.out.max)


@pytest.mark.parametrize("p", [power(4, 1), power(3, 1), power(3, 2), power(4, 2)], ids=str)
def test_powers_of_two_never_fall_with_the_exponent(p):
    assert (np.diff(piecewise(p, "exp2", codes(p))) >= 0).all()


RISING = [
    (8, 4, 1, 1), (8, 8, 6, 0), (8, 16, 3, 0), (8, 16, 8, 0), (8, 16, 1, 1), (8, 16, 4, 1), (8, 16, 1, 2),
    (12, 24, 1, 1), (12, 24, 2, 1), (12, 24, 4, 1), (12, 24, 3, 2), (12, 24, 5, 2), (14, 24, 2, 1),
]  # fmt: skip


@pytest.mark.parametrize(("fraction", "bits", "segment_bits", "degree"), RISING)
def test_a_rising_power_begins_at_one_and_never_falls(fraction, bits, segment_bits, degree):
    """Not even where it begins again, an octave up; `exp2` of 4 lines does fall, at 12 bits."""
    p = power(segment_bits, degree, fraction, bits, "power")
    y = piecewise(p, "power", codes(p))
    assert y[0] == 1 << bits
    assert (np.diff(y) >= 0).all()
    assert y[-1] <= 2 << bits


def test_four_lines_without_that_fall_where_they_meet():
    p = power(2, 1, 12, 24)
    assert (np.diff(piecewise(p, "exp2", codes(p))) < 0).any()


@pytest.mark.parametrize(("segment_bits", "degree"), [(3, 1), (4, 1), (3, 2)])
def test_the_error_of_exp2_is_that_of_the_best_real_polynomials(segment_bits, degree):
    h = 2.0**-segment_bits
    best = 2 * ((h * math.log(2)) ** 2 / 16 if degree == 1 else (h * math.log(2)) ** 3 / 192)
    assert worst_error(power(segment_bits, degree), "exp2") <= best * 2**15 + 0.6


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("name", SMOOTH)
def test_the_fit_is_level(name, degree):
    """The error of a best polynomial takes its largest size degree + 2 times, with alternating signs."""
    x = np.linspace(-1.3, 0.9, 400)
    y = FUNCTIONS[name].of(x)
    errors = y - np.polynomial.polynomial.polyval(x, minimax(x, y, degree))
    large = errors[np.abs(errors) > 0.999 * np.abs(errors).max()]
    assert 1 + np.count_nonzero(np.diff(np.sign(large))) >= degree + 2


def test_a_line_is_fitted_without_error():
    x = np.arange(16.0)
    assert np.allclose(minimax(x, 3 * x - 5, 2), [-5, 3, 0], atol=1e-9)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_real_functions_are_those_of_the_math_module(name):
    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    wanted = {
        "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2, "silu": lambda x: x * sigmoid(x),
        "sigmoid": sigmoid, "tanh": math.tanh, "exp2": lambda x: 2**x, "power": lambda x: 2**x,
        "inverse": lambda x: 1 / (1 + x), "root_1": lambda x: 1 / math.sqrt(1 + x),
        "root_2": lambda x: 1 / math.sqrt(2 * (1 + x)), "relu": lambda x: max(x, 0),
        "relu6": lambda x: min(max(x, 0), 6), "leaky_relu": lambda x: x if x > 0 else x / 100,
    }[name]  # fmt: skip
    x = np.linspace(0, 1, 999) if name in ("inverse", "root_1", "root_2") else np.linspace(-8, 8, 999)
    assert np.allclose(FUNCTIONS[name].of(x), [wanted(v) for v in x.tolist()], rtol=1e-12, atol=2e-7)


@pytest.mark.parametrize("p", [INT16, INT8, power(3, 2)], ids=["int16", "int8", "exp2"])
def test_the_coefficients_fit_their_formats_and_no_narrower(p):
    rows = np.concatenate([table(p, name) for name in p.functions])
    for fmt, column in zip(p.coefficients, rows.T, strict=True):
        fmt.check("coefficient", column)
        narrower = Int(max(1, fmt.width - 1))
        assert fmt.width <= 2 or column.min() < narrower.min or column.max() > narrower.max


@pytest.mark.parametrize("p", [INT16, INT8, power(3, 2)], ids=["int16", "int8", "exp2"])
def test_inner_and_product_fit_their_formats(p):
    rows = np.concatenate([table(p, name) for name in p.functions])
    t = (1 << p.offset_bits) - 1
    for inner in (rows[:, 1], rows[:, 1] + t * rows[:, 2]):
        p.inner.check("inner", inner)
        p.product.check("product", inner * t)


def test_any_shape_goes_through():
    assert piecewise(INT16, "gelu", np.zeros((2, 0, 3), np.int8)).shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"degree": 3}, "degree is 3; allowed: 0 to 2"),
        ({"input": Int(24)}, "input.width is 24; allowed: 4 to 20"),
        ({"segment_bits": 17, "degree": 0}, r"allowed: 1 to 16 \(segments of a code or more\)"),
        ({"segment_bits": 15}, r"segment_bits is 15; allowed: 1 to 14 \(segments of four codes or more\)"),
        ({"functions": ()}, r"len\(functions\) is 0"),
        ({"functions": ("softplus",)}, "functions is 'softplus'; allowed: gelu, silu"),
        ({"functions": ("relu6",), "segment_bits": 2}, "relu6's break is 6.0; .* are 4.0 wide"),
        ({"out_fraction": -1}, "out_fraction is -1"),
    ],
)
def test_a_unit_that_cannot_be_is_refused(change, message):
    with pytest.raises(BadValue, match=message):
        PiecewiseParams(**change)


@pytest.mark.parametrize(
    ("name", "x", "message"),
    [("gelu", [0, 32768], r"x\[1\] is 32768"), ("relu", [0], "function is 'relu'; allowed: gelu, silu")],
)
def test_an_argument_outside_is_refused(name, x, message):
    with pytest.raises(BadValue, match=message):
        piecewise(INT16, name, x)


@pytest.mark.parametrize(("p", "latency"), [(INT16, 4), (INT8, 3)], ids=["quadratic", "linear"])
def test_cycles_are_the_words_and_the_latency(p, latency):
    assert [cycles(p, count) for count in (0, 1, 500)] == [0, 1 + latency, 500 + latency]
