"""Operators in the words of those that the units have: reals near float, integers and booleans exact."""

import numpy as np
import onnx
import pytest
from onnx import helper

from golden.check import BadValue
from mapping.frontends import onnx_file
from mapping.run.floating import run_float
from tests.mapping.legalise.against import by_codes, model, node
from tests.mapping.legalise.against import errors as relative

RANDOM = np.random.default_rng(4)


def normal(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


RESIZE = helper.make_node("Resize", ["x", "", "s"], ["y"], name="y", mode="nearest")
A, B, ROW = normal(2, 3, 20), normal(2, 3, 20), normal(20)
ABOVE = np.abs(normal(2, 3, 20)) + 1
IMAGES = normal(2, 6, 7, 5)
# name: nodes, inputs, constants, greatest relative error
REALS = {
    "max": ([node("Max", "a b r", "y")], {"a": A, "b": B, "r": ROW}, {}, 0.001),
    "min": ([node("Min", "a b", "y")], {"a": A, "b": ROW}, {}, 0.001),
    "mean": ([node("Mean", "a b r", "y")], {"a": A, "b": B, "r": ROW}, {}, 0.001),
    "where": (
        [node("Greater", "a b", "c"), node("Where", "c a r", "y")],
        {"a": A, "b": B, "r": ROW},
        {},
        0.02,
    ),
    "clip by tensors": (
        [node("Clip", "a low high", "y")],
        {"a": A, "low": np.array(-1, np.float32), "high": np.array(1, np.float32)},
        {},
        0.001,
    ),
    "row less a tensor": ([node("Sub", "r a", "y")], {"a": A, "r": ROW}, {}, 0.001),
    "divided": ([node("Div", "a b", "y")], {"a": A, "b": ABOVE}, {}, 0.02),
    "powers": ([node("Pow", "a b", "y")], {"a": ABOVE, "b": ROW}, {}, 0.02),
    "prelu": ([node("PRelu", "a s", "y")], {"a": A}, {"s": ABOVE[0, :, :1]}, 0.02),
    "exponential": ([node("Exp", "a", "y")], {"a": 3 * A}, {}, 0.005),
    "logarithm": ([node("Log", "a", "y")], {"a": ABOVE**4}, {}, 0.005),
    "tangent": ([node("Tan", "a", "y")], {"a": np.clip(A, -1.4, 1.4)}, {}, 0.01),
    "negative": ([node("Neg", "a", "y")], {"a": A}, {}, 0.001),
    **{
        f"{name} over {axes}": (
            [node(name, "a", "y", axes=axes, keepdims=keep)],
            {"a": ABOVE},
            {},
            0.02,
        )
        for name in ("ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare")
        for axes, keep in (([1], 0), ([0, 2], 1), ([-1], 1))
    },
    "mean over the last": ([node("ReduceMean", "a", "y", axes=[-1])], {"a": ABOVE}, {}, 0.002),
    "product over one": ([node("ReduceProd", "a", "y", axes=[1])], {"a": ABOVE}, {}, 0.02),
    "log softmax": ([node("LogSoftmax", "a", "y", axis=1)], {"a": A}, {}, 0.02),
    "softmax over channels": ([node("Softmax", "x", "y", axis=1)], {"x": IMAGES}, {}, 0.02),
    "hardmax": ([node("Hardmax", "a", "y", axis=1)], {"a": A}, {}, 1e-4),
    "norms": (
        [node("InstanceNormalization", "x s b", "y")],
        {"x": IMAGES, "s": ROW[:6], "b": ROW[6:12]},
        {},
        0.02,
    ),
    "lengths": ([node("LpNormalization", "a", "y", axis=1)], {"a": A}, {}, 0.02),
    "neighbours": ([node("LRN", "x", "y", size=3)], {"x": IMAGES}, {}, 0.02),
    "products of a batch": (
        [node("MatMul", "a b", "y")],
        {"a": normal(2, 3, 5, 7), "b": normal(3, 7, 4)},
        {},
        0.02,
    ),
    "weights of a batch": (
        [node("MatMul", "a w", "y")],
        {"a": normal(3, 5, 7)},
        {"w": normal(3, 7, 4)},
        0.02,
    ),
    "vectors": ([node("MatMul", "a b", "y")], {"a": normal(7), "b": normal(3, 7, 4)}, {}, 0.02),
    "images of a batch": (
        [node("Conv", "x k", "y", pads=[1, 0, 1, 2])],
        {"x": IMAGES},
        {"k": normal(4, 6, 3, 3)},
        0.02,
    ),
    "computed kernels": (
        [node("Conv", "x k b", "y", group=2, strides=[2, 1], pads=[1, 0, 1, 2])],
        {"x": IMAGES, "k": normal(4, 3, 3, 3), "b": ROW[:4]},
        {},
        0.02,
    ),
    "transposed convolution": (
        [node("ConvTranspose", "x k", "y", strides=[2, 2], pads=[1, 0, 0, 1], output_padding=[1, 0])],
        {"x": IMAGES},
        {"k": normal(6, 3, 3, 2)},
        0.02,
    ),
    "pool of a batch": (
        [node("MaxPool", "x", "y", kernel_shape=[3, 2], dilations=[2, 1], pads=[1, 0, 1, 1])],
        {"x": IMAGES},
        {},
        0.01,
    ),
    "means of a batch": (
        [node("AveragePool", "x", "y", kernel_shape=[3, 2], pads=[1, 0, 1, 1], ceil_mode=1, strides=[2, 2])],
        {"x": IMAGES},
        {},
        0.01,
    ),
    "repeated": ([node("Tile", "a n", "y")], {"a": A}, {"n": ints(2, 1, 3)}, 0.001),
    "padded by reflection": (
        [node("Pad", "a p", "y", mode="reflect")],
        {"a": A},
        {"p": ints(0, 1, 2, 0, 1, 3)},
        0.001,
    ),
    "nearest": ([RESIZE], {"x": IMAGES[:1]}, {"s": np.float32([1, 1, 2, 3])}, 0.001),
    "backwards": (
        [node("Slice", "a s e x t", "y")],
        {"a": A},
        {"s": ints(2, -1), "e": ints(0, -9), "x": ints(1, 2), "t": ints(-1, -2)},
        0.001,
    ),
    "picked": (
        [node("GatherElements", "a i", "y", axis=2)],
        {"a": A, "i": RANDOM.integers(-20, 20, (2, 3, 4))},
        {},
        0.01,
    ),
}


@pytest.mark.parametrize("case", REALS)
def test_reals_are_near(case):
    nodes, feeds, constants, most = REALS[case]
    assert relative(nodes, feeds, constants) < most


def untyped(nodes, feeds):
    """A model whose output has the type that follows."""
    made = model(nodes, feeds, {})
    del made.graph.output[:]
    made.graph.output.append(onnx.ValueInfoProto(name="y"))
    return onnx.shape_inference.infer_shapes(made)


NUMBERS = RANDOM.integers(-9, 9, (3, 20))
OTHERS = RANDOM.integers(-9, 9, (3, 20))
TRUE, ALSO = NUMBERS > 0, OTHERS > 0
EXACT = {
    **{
        name: ([node(name, "a b", "y")], {"a": NUMBERS, "b": OTHERS})
        for name in (
            "Greater",
            "GreaterOrEqual",
            "Less",
            "LessOrEqual",
            "Equal",
            "Add",
            "Sub",
            "Mul",
            "Max",
            "Min",
        )
    },
    **{name: ([node(name, "a b", "y")], {"a": TRUE, "b": ALSO}) for name in ("And", "Or", "Xor")},
    "equal reals": ([node("Equal", "a b", "y")], {"a": A, "b": np.where(A > 0, A, B)}),
    "argmax": ([node("ArgMax", "a", "y", axis=1)], {"a": A}),
    "argmin, the last": (
        [node("ArgMin", "a", "y", axis=-1, keepdims=0, select_last_index=1)],
        {"a": np.round(A)},
    ),
    "rounded": ([node("Round", "a", "y")], {"a": np.float32([-1.5, -0.5, 0.5, 1.5, 2.5, 2.4999])}),
    "floor of integers": ([node("Floor", "a", "y")], {"a": NUMBERS.astype(np.float32)}),
    "sums": ([node("ReduceSum", "a", "y")], {"a": NUMBERS}),
}


@pytest.mark.parametrize("case", EXACT)
def test_integers_and_booleans_are_exact(case):
    nodes, feeds = EXACT[case]
    made = untyped(nodes, feeds)
    network = onnx_file.from_model(made, "net.onnx", "net")
    wanted, found = run_float(network, feeds), by_codes(made, feeds)
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(np.rint(found[name]) if value.dtype.kind == "f" else found[name], value)


@pytest.mark.parametrize("far", [-1e4, float(np.finfo(np.float32).min), -np.inf])
@pytest.mark.parametrize("operator", ["Add", "Where"])
def test_causal_masks(far, operator):
    seen = np.tril(np.ones((6, 6))) > 0
    mask = np.where(seen, 0, far).astype(np.float32)
    last = node("Add", "s m", "a") if operator == "Add" else node("Where", "c s far", "a")
    nodes = [node("MatMul", "q k", "s"), last, node("Softmax", "a", "p", axis=-1), node("MatMul", "p v", "y")]
    feeds = {"q": normal(2, 6, 8), "k": normal(2, 8, 6), "v": normal(2, 6, 8)}
    constants = {"m": mask} if operator == "Add" else {"c": seen, "far": np.float32(far)}
    assert relative(nodes, feeds, constants) < 0.04


@pytest.mark.parametrize("scale", [1.0, 0.02, 0.0005])
def test_layer_norms_over_small_ranges(scale):
    nodes = [node("LayerNormalization", "x g", "n"), node("MatMul", "n w", "y")]
    constants = {"g": normal(64), "w": normal(64, 16)}
    assert relative(nodes, {"x": normal(8, 64, scale=scale) + np.float32(scale)}, constants) < 0.03


def test_codes_that_tell_too_little_apart_are_refused():
    made = model(
        [node("LogSoftmax", "x", "y")],
        x := {"x": np.float32([[0, 1, 2, 3], [1e4, 1e4 + 1, 1e4 + 2, 1e4 + 3]])},
        {},
    )
    with pytest.raises(BadValue, match=r"node y.* told apart by 0\.\d+, which changes its function by"):
        by_codes(made, x)


def test_integers_beyond_16_bits_are_refused():
    made = untyped([node("Mul", "x x", "y")], x := {"x": ints(1, 300)})
    with pytest.raises(BadValue, match=r"tensor y: integers is of up to 90000; allowed: -32768 to 32767"):
        by_codes(made, x)
