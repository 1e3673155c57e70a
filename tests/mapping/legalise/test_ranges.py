"""Functions, factors and inputs of any range: what was recognised holds over all of it."""

from dataclasses import replace

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import Int
from tests.mapping.legalise.against import P, by_codes, errors, model, node

RANDOM = np.random.default_rng(5)


def normal(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


X = {"x": normal(4, 16, scale=100)}
W = normal(16, 16, scale=0.5)
PRODUCT = node("MatMul", "x w", "h")
BOUNDS = [(0, 255), (-50, 50), (-1, 1), (-1e-3, 1e-3), (100, 200), (-300, -100), (0, 3e38)]


@pytest.mark.parametrize("low, high", BOUNDS)
@pytest.mark.parametrize("spelt", ["clip", "min and max"])
def test_bounds_hold_wherever_they_are(low, high, spelt):
    clip = [node("Clip", "h a b", "y")]
    nodes = clip if spelt == "clip" else [node("Min", "h b", "t"), node("Max", "t a", "y")]
    constants = {"w": W, "a": np.float32(low), "b": np.float32(high)}
    found = by_codes(model([PRODUCT, *nodes], X, constants), X)["y"]
    assert found.max() <= high + 1e-4 * abs(high) and found.min() >= low - 1e-4 * abs(low)
    assert errors([PRODUCT, *nodes], X, constants) < 0.02


FUNCTIONS = [
    ("HardSigmoid", {}), ("HardSigmoid", {"alpha": 0.01}), ("HardSwish", {}), ("LeakyRelu", {"alpha": 0.5}),
    ("Abs", {}), ("Sign", {}), ("Elu", {"alpha": 50.0}), ("Softplus", {}), ("Neg", {}), ("Round", {}),
]  # fmt: skip


@pytest.mark.parametrize("operator, attributes", FUNCTIONS)
def test_functions_are_right_beyond_forty(operator, attributes):
    assert errors([PRODUCT, node(operator, "h", "y", **attributes)], X, {"w": W}) < 0.02


PARTS = {
    "linear between bends at 45": (
        [("Abs", "h", "a"), ("Sub", "a t", "s"), ("Relu", "s", "r"), ("Sub", "h r", "y")], {"t": 45},
    ),
    "ReLU beyond a step": ([("Greater", "h t", "g"), ("Where", "g h t", "y")], {"t": 60}),
    "tiny magnitudes": ([("Abs", "h", "a"), ("Mul", "a t", "y")], {"t": 1e-8}),
    "a tiny SiLU": ([("Mul", "h t", "s"), ("Sigmoid", "s", "g"), ("Mul", "g s", "y")], {"t": 1e-6}),
    "an offset": ([("Mul", "h t", "s"), ("Add", "s u", "y")], {"t": 100, "u": -1000}),
    "a ReLU, then bounds": ([("Relu", "h", "r"), ("Clip", "r t u", "y")], {"t": 0, "u": 255}),
    "a constant less it": ([("Sub", "t h", "y")], {"t": 300}),
    "a constant to its power": ([("Mul", "h u", "s"), ("Pow", "t s", "y")], {"t": 2, "u": 0.02}),
}  # fmt: skip


@pytest.mark.parametrize("case", PARTS)
def test_what_bends_or_is_tiny_is_not_taken_for_a_line(case):
    nodes, constants = PARTS[case]
    values = {name: np.float32(value) for name, value in constants.items()}
    assert errors([PRODUCT, *(node(*each) for each in nodes)], X, {"w": W, **values}) < 0.03


FACTORS = {
    "MatMul": ([("MatMul", "c x", "y")], (16, 5), (7, 16)),
    "MatMul, a batch of one": ([("MatMul", "c x", "y")], (1, 16, 5), (7, 16)),
    "MatMul, one row": ([("MatMul", "c x", "y")], (16, 5), (1, 16)),
    "MatMul, the constant's batch": ([("MatMul", "c x", "y")], (16, 5), (1, 7, 16)),
    "MatMul, ReLU": ([("MatMul", "c x", "h"), ("Relu", "h", "y")], (16, 5), (7, 16)),
    "Sub of a row": ([("Sub", "c x", "y")], (4, 16), (16,)),
    "Sub of a matrix": ([("Sub", "c x", "y")], (4, 16), (4, 16)),
    "Sub of a column": ([("Sub", "c x", "y")], (4, 16), (4, 1)),
    "Div by a row": ([("Div", "x d", "y")], (4, 16), (16,)),
}  # fmt: skip


@pytest.mark.parametrize("case", FACTORS)
@pytest.mark.parametrize("scale", [1, 200])
def test_a_constant_may_stand_on_the_left(case, scale):
    nodes, shape, constant = FACTORS[case]
    constants = {"c": normal(*constant, scale=scale), "d": 3 + np.abs(normal(*constant))}
    assert errors([node(*each) for each in nodes], {"x": normal(*shape, scale=scale)}, constants) < 0.03


GEMMS = [
    # computed factors, transA, transB, alpha, beta, shape of C
    ("a", 0, 0, 1.0, 1.0, (7, 5)), ("a", 1, 1, 0.5, 2.0, (7, 5)), ("a", 0, 1, 3.0, -1.0, (5,)),
    ("b", 0, 0, 0.5, 1.0, (7, 1)), ("b", 1, 1, 2.0, 0.0, (7, 5)), ("b", 0, 1, 1.0, 0.5, (1, 1)),
    ("ab", 0, 0, 2.0, 3.0, (7, 5)), ("ab", 1, 0, 1.0, 1.0, (1, 5)), ("ab", 0, 1, -2.0, 1.0, ()),
    ("ac", 0, 0, 1.0, 0.5, (7, 5)), ("ac", 0, 0, 2.0, 1.0, (5,)),
]  # fmt: skip


@pytest.mark.parametrize("computed, trans_a, trans_b, alpha, beta, c", GEMMS)
def test_gemm_with_all_its_attributes(computed, trans_a, trans_b, alpha, beta, c):
    a, b = normal(*((16, 7) if trans_a else (7, 16))), normal(*((5, 16) if trans_b else (16, 5)))
    given = {"a": a, "b": b, "c": normal(*c, scale=4)}
    feeds = {name: value for name, value in given.items() if name in computed}
    constants = {name: value for name, value in given.items() if name not in computed}
    attributes = {"transA": trans_a, "transB": trans_b, "alpha": alpha, "beta": beta}
    gemm = [node("Gemm", "a b c", "z", **attributes), node("Relu", "z", "y")]
    assert errors(gemm, feeds, constants) < 0.03


INTEGERS = [
    ("uint8", 0, 255), ("uint8", 0, 100), ("int8", -128, 127), ("int16", -32768, 32767), ("uint16", 0, 65535),
    ("int32", -1000, 1000), ("int64", 0, 1), ("int64", -(10**5), 10**5), ("int64", 5000, 5100),
]  # fmt: skip


def whole(kind, low, high, shape=(4, 16)):
    return {"x": RANDOM.integers(low, high + 1, shape).astype(kind)}


@pytest.mark.parametrize("kind, low, high", INTEGERS)
def test_integers_as_inputs_are_not_cut(kind, low, high):
    x = whole(kind, low, high)
    constants = {"w": W, "middle": np.float32((low + high) / 2), "k": np.float32(2 / (high - low))}
    real = node("Cast", "x", "r", to=1)
    product = [real, node("MatMul", "r w", "y")]
    centred = [real, node("Sub", "r middle", "c"), node("Mul", "c k", "s"), node("MatMul", "s w", "y")]
    assert max(errors(product, x, constants), errors(centred, x, constants)) < 0.02


def test_an_image_of_bytes_is_scaled_in_the_graph():
    x = whole("uint8", 0, 255, (1, 3, 5, 7))
    nodes = [node("Cast", "x", "r", to=1), node("Mul", "r k", "s"), node("Conv", "s w", "y")]
    assert errors(nodes, x, {"k": np.float32(1 / 255), "w": normal(4, 3, 3, 3)}) < 0.02


SPANS = [("int32", 0, 100), ("int32", -3000, 3000), ("int64", 5000, 5100)]


@pytest.mark.parametrize("operator", ["Equal", "Greater", "Div"])
@pytest.mark.parametrize("kind, low, high", SPANS)
def test_integers_are_compared_and_divided_as_such(kind, low, high, operator):
    x = whole(kind, low, high)
    other = np.asarray(x["x"][1, 3] if operator != "Div" else (high - low) // 16, kind)
    nodes = [node(operator, "x c", "d"), node("Cast", "d", "y", to=1)]
    # a quotient's steps fall between two of 256 codes
    assert errors(nodes, x, {"c": other}) < (0.1 if operator == "Div" else 1e-3)


def test_single_numbers_beyond_sixteen_bits_are_refused():
    x = whole("int64", 0, 10**9)
    nodes = [node("Equal", "x c", "d"), node("Cast", "d", "y", to=1)]
    made = model(nodes, x, {"c": np.int64(7)})
    with pytest.raises(BadValue, match=r"node y .*: integers of x is 0 to .*; allowed: of 16 bits"):
        by_codes(made, x)


def test_an_integer_that_calibration_did_not_see_is_refused():
    seen, x = whole("int64", 0, 9), whole("int64", 200, 300)
    made = model([node("Cast", "x", "y", to=1)], x, {})
    with pytest.raises(BadValue, match=r"input x is \d+; allowed: -128 to 127, from what calibration saw"):
        by_codes(made, x, samples=[seen])


def test_a_function_that_no_table_follows_is_refused():
    nodes = [PRODUCT, node("Mul", "h k", "s"), node("Exp", "s", "y")]
    made = model(nodes, X, {"w": W, "k": np.float32(0.1)})
    with pytest.raises(BadValue, match=r"node h .*: tensor h, seen from .*: error of a table of 256 codes"):
        by_codes(made, X)


def spelt_softmax(x):
    """Exponentials of x less the row's greatest, over their sum."""
    rest = [("ReduceMax", x, "m", {"axes": [-1]}), ("Sub", f"{x} m", "d"), ("Exp", "d", "e")]
    return [*rest, ("ReduceSum", "e axis", "s"), ("Div", "e s", "y")]


def spelt_norm(end):
    """end: what becomes of the variance v before x - mean is divided by it."""
    mean = [("ReduceMean", "x", "m", {"axes": [-1]}), ("Sub", "x m", "d"), ("Mul", "d d", "q")]
    return [*mean, ("ReduceMean", "q", "v", {"axes": [-1]}), *end, ("Div", "d r", "y")]


def built(spelt):
    return [node(operator, x, y, **(rest[0] if rest else {})) for operator, x, y, *rest in spelt]


@pytest.mark.parametrize("scale", [1, 30])
def test_bounds_within_a_spelt_softmax_stay(scale):
    constants = {"low": np.float32(-8), "high": np.float32(8), "axis": np.array([-1])}
    x = {"x": normal(4, 16, scale=scale)}
    bounded = [("Clip", "x low high", "c"), *spelt_softmax("c")]
    assert errors(built(spelt_softmax("x")), x, constants) < 0.03
    assert errors(built(bounded), x, constants) < 0.03


@pytest.mark.parametrize("epsilon", [1e-5, 1e-2, 10.0])
@pytest.mark.parametrize("scale", [1, 30])
def test_an_epsilon_counts_where_it_stands(epsilon, scale):
    x, constants = {"x": normal(4, 16, scale=scale)}, {"eps": np.float32(epsilon)}
    inside = spelt_norm([("Add", "v eps", "w"), ("Sqrt", "w", "r")])
    behind = spelt_norm([("Sqrt", "v", "w"), ("Add", "w eps", "r")])
    for spelt in (inside, behind):
        try:
            assert errors(built(spelt), x, constants) < 0.01
        except BadValue as bad:  # no unit adds epsilon behind the root, or so great a one
            assert "node " in str(bad)


PADDED = {
    "a bound above 0": [("Max", "x one", "a")],
    "an offset": [("Add", "x one", "a")],
    "a sigmoid": [("Sigmoid", "x", "a")],
    "a softmax": [("Softmax", "x", "a")],
}


@pytest.mark.parametrize("case", PADDED)
@pytest.mark.parametrize("k", [1, 7, 31])
def test_what_stands_behind_a_rows_channels_counts_for_nothing(case, k):
    """x x^T: both factors have lanes behind their channels."""
    nodes = [*(node(*each) for each in PADDED[case]), node("Transpose", "a", "t"), node("MatMul", "a t", "y")]
    assert errors(nodes, {"x": normal(5, k)}, {"one": np.float32(1)}) < 0.03


@pytest.mark.parametrize("width", [4, 6])
def test_a_computed_factor_that_narrow_weights_do_not_hold_is_named(width):
    p = replace(P, unit=replace(P.unit, pe=replace(P.unit.pe, weight=Int(width))))
    made = model([node("Transpose", "x", "t"), node("MatMul", "x t", "y")], x := {"x": normal(4, 16)}, {})
    with pytest.raises(BadValue, match=r"node y .*: computed right factor is in codes of -128 to 127"):
        by_codes(made, x, p)


@pytest.mark.parametrize("far", [1, 3, 5, 8, 100])
def test_a_row_far_beyond_what_it_is_added_to(far):
    """A product of two 16-bit codes and its bias stay within 32 bits."""
    x, row = {"x": normal(6, 31, scale=50)}, normal(31, scale=50 * far)
    less = [node("Sub", "c x", "y")]
    norm = [node("LayerNormalization", "x g c", "y")]
    assert errors(less, x, {"c": row}) < 0.01
    assert errors(norm, x, {"c": normal(31) * far, "g": normal(31)}) < 0.01
