"""Float networks, coded: every operator near its float result, what spells out a function recognised."""

from collections import Counter

import numpy as np
import pytest

from golden.check import BadValue
from mapping.ir import graph
from mapping.ir.encodings import Affine, Reals
from mapping.legalise.float_network import encoded, quantise_network
from mapping.run.floating import run_float
from mapping.run.quantised import run

RANDOM = np.random.default_rng(3)


def constant(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


def kinds(network):
    """How often each operation occurs, reshapes aside."""
    found = Counter(type(o).__name__ for o in network.operations)
    del found["Reshape"]
    return dict(found)


def functions(network):
    return [
        e.function for o in network.operations if (e := getattr(o, "epilogue", None)) and e.function != "none"
    ]


@pytest.fixture
def coded(params):
    """A network and how far its codes are from float: relative, on inputs that calibration did not see."""

    def make(network, **more):
        samples = [draw(network, seed) for seed in range(8)]
        made = quantise_network(network, params, samples, **more)
        x = draw(network, 99)
        found = run(made, params, encoded(made, x))
        errors = []
        for name, real in run_float(network, x).items():
            y = made.tensors[name].decode(found[name])
            assert y.shape == real.shape
            errors.append(np.linalg.norm(y - real) / np.linalg.norm(real))
        return made, max(errors)

    return make


def draw(network, seed):
    random = np.random.default_rng(seed)
    return {name: random.normal(0, 1, t.shape).astype(t.dtype) for name, t in network.inputs.items()}


C = {
    "w": constant(8, 4, 3, 3, scale=0.3), "b": constant(8), "m": constant(12, 10, scale=0.3),
    "n": constant(10), "three": np.float32(3), "six": np.float32(6), "zero": np.float32(0),
    "tenth": np.float32(-0.4),
}  # fmt: skip
IMAGE = {"x": (1, 4, 9, 8)}
CONV = ("Conv", "x w b", "c", {"pads": [1, 1, 1, 1]})
HARD_SWISH = (
    ("Add", "c three", "d"),
    ("Clip", "d zero six", "e"),
    ("Mul", "c e", "f"),
    ("Div", "f six", "y"),
)
CASES = {
    # inputs, nodes, output's shape, operations, functions, greatest relative error
    "matmul": (
        {"x": (1, 6, 12)}, [("MatMul", "x m", "c"), ("Add", "c n", "y")], (1, 6, 10),
        {"Product": 1}, [], 0.02,
    ),
    "conv": (
        IMAGE, [("Conv", "x w b", "y", {"strides": [2, 1]})], (1, 8, 4, 6), {"Product": 1}, [], 0.02,
    ),
    "relu": (IMAGE, [CONV, ("Relu", "c", "y")], (1, 8, 9, 8), {"Product": 1}, [], 0.02),
    "leaky relu, cut": (
        IMAGE, [CONV, ("LeakyRelu", "c", "d", {"alpha": 0.2}), ("Max", "d tenth", "y")], (1, 8, 9, 8),
        {"Product": 1}, ["table"], 0.03,
    ),
    "hard swish": (IMAGE, [CONV, *HARD_SWISH], (1, 8, 9, 8), {"Product": 1}, ["table"], 0.03),
    "silu": (
        IMAGE, [CONV, ("Sigmoid", "c", "d"), ("Mul", "c d", "y")], (1, 8, 9, 8),
        {"Product": 1}, ["silu"], 0.03,
    ),
    "pools": (
        IMAGE,
        [("MaxPool", "x", "d", {"kernel_shape": [2, 2], "strides": [2, 2]}), ("GlobalAveragePool", "d", "y")],
        (1, 4, 1, 1), {"Pool": 2}, [], 0.03,
    ),
    "mean of rows": (
        {"x": (1, 6, 12)}, [("ReduceMean", "x", "d", {"axes": [1]}), ("MatMul", "d m", "y")], (1, 1, 10),
        {"Pool": 1, "Product": 1}, [], 0.03,
    ),
    "residual": (
        IMAGE, [CONV, ("Relu", "c", "d"), ("Conv", "d v", "e"), ("Add", "x e", "f"), ("Relu", "f", "y")],
        (1, 4, 9, 8), {"Product": 2, "Map": 1}, [], 0.03,
    ),
    "squeeze and excite": (
        IMAGE,
        [CONV, ("GlobalAveragePool", "c", "d"), ("Conv", "d s", "e"), ("HardSigmoid", "e", "f"),
         ("Mul", "c f", "y")],
        (1, 8, 9, 8), {"Product": 2, "Pool": 1, "Map": 1}, ["table"], 0.03,
    ),
    "depthwise": (
        {"x": (1, 8, 9, 8)}, [("Conv", "x k", "y", {"group": 8})], (1, 8, 7, 6), {"Depthwise": 1}, [], 0.02,
    ),
    "grouped": (
        {"x": (1, 8, 9, 8)}, [("Conv", "x g", "y", {"group": 2})], (1, 6, 7, 6), {"Product": 1}, [], 0.02,
    ),
    "softmax": (
        {"x": (1, 6, 12)}, [("MatMul", "x m", "c"), ("Softmax", "c", "y", {"axis": -1})], (1, 6, 10),
        {"Product": 1, "Exponential": 1, "Map": 1}, [], 0.05,
    ),
    "difference": (
        {"x": (1, 6, 12), "z": (1, 6, 12)}, [("Sub", "x z", "y")], (1, 6, 12), {"Map": 1}, [], 0.001,
    ),
    "joined": (
        {"x": (1, 6, 12), "z": (1, 2, 12)}, [("Concat", "x z", "y", {"axis": 1})], (1, 8, 12),
        {"Concat": 1, "Map": 1}, [], 0.001,
    ),
    "cut": ({"x": (1, 6, 12)}, [("Slice", "x one five one", "y")], (1, 4, 12), {"Slice": 1}, [], 0.001),
    "computed product": (
        {"x": (6, 12), "z": (12, 5)}, [("MatMul", "x z", "y")], (6, 5), {"MatMul": 1}, [], 0.03,
    ),
}  # fmt: skip
MORE = {"v": constant(4, 8, 1, 1, scale=0.3), "s": constant(8, 8, 1, 1), "k": constant(8, 1, 3, 3),
        "g": constant(6, 4, 3, 3, scale=0.3), "one": np.array([1]), "five": np.array([5])}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_operator_is_near_its_float_result(coded, from_onnx, case):
    inputs, nodes, shape, operations, used, most = CASES[case]
    made, error = coded(from_onnx(inputs, C | MORE, *nodes, shape=shape))
    assert kinds(made) == operations
    assert functions(made) == used
    assert error < most


def layer_norm(x, axis):
    """Of primitives: variance as the mean of squares less the square of the mean."""
    return [
        ("ReduceMean", x, "mean", {"axes": [axis]}), ("Mul", f"{x} {x}", "sq"),
        ("ReduceMean", "sq", "msq", {"axes": [axis]}), ("Mul", "mean mean", "m2"), ("Sub", "msq m2", "var"),
        ("Add", "var eps", "ve"), ("Sqrt", "ve", "sd"), ("Sub", f"{x} mean", "cx"), ("Div", "cx sd", "n"),
        ("Mul", "n gamma", "g"), ("Add", "g beta", "y"),
    ]  # fmt: skip


@pytest.mark.parametrize("axis, shape", [(2, (24,)), (1, (16, 1))])
def test_a_layer_norm_of_primitives_is_one_operation(coded, from_onnx, axis, shape):
    values = {"eps": np.float32(1e-6), "gamma": constant(*shape), "beta": constant(*shape)}
    made, error = coded(from_onnx({"x": (1, 16, 24)}, values, *layer_norm("x", axis), shape=(1, 16, 24)))
    assert [o.axis for o in made.operations if isinstance(o, graph.Normalise)] == [-1 if axis == 2 else 0]
    assert set(kinds(made)) == {"Normalise", "Map"}
    assert error < 0.002


def test_gelu_by_tanh_is_the_units(coded, from_onnx):
    values = {"c1": 0.044715, "c2": 0.7978846, "one": 1, "half": 0.5}
    gelu = [
        ("Mul", "c c", "c_2"), ("Mul", "c_2 c", "c_3"), ("Mul", "c_3 c1", "d"), ("Add", "c d", "e"),
        ("Mul", "e c2", "f"), ("Tanh", "f", "t"), ("Add", "t one", "u"), ("Mul", "c u", "v2"),
        ("Mul", "v2 half", "y"),
    ]  # fmt: skip
    constants = C | {name: np.float32(value) for name, value in values.items()}
    network = from_onnx({"x": (1, 6, 12)}, constants, ("MatMul", "x m", "c"), *gelu, shape=(1, 6, 10))
    made, error = coded(network)
    assert functions(made) == ["gelu"]
    assert error < 0.03


def test_attention_is_two_products_and_exponentials(coded, from_onnx):
    tokens, heads, width = 10, 2, 16
    hidden = heads * width
    values = {f"w{i}": constant(hidden, hidden, scale=0.2) for i in "qkvo"}
    values |= {"split": np.array([1, tokens, heads, width]), "flat": np.array([1, tokens, hidden])}
    values["scale"] = np.float32(width**-0.5)
    nodes = []
    for i, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [("MatMul", f"x w{i}", f"{i}1"), ("Reshape", f"{i}1 split", f"{i}2")]
        nodes += [("Transpose", f"{i}2", i, {"perm": perm})]
    nodes += [
        ("MatMul", "q k", "s1"), ("Mul", "s1 scale", "s2"), ("Softmax", "s2", "p", {"axis": -1}),
        ("MatMul", "p v", "o1"), ("Transpose", "o1", "o2", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "o2 flat", "o3"), ("MatMul", "o3 wo", "o4"), ("Add", "o4 x", "y"),
    ]  # fmt: skip
    made, error = coded(from_onnx({"x": (1, tokens, hidden)}, values, *nodes, shape=(1, tokens, hidden)))
    assert kinds(made) == {"Map": 1, "Product": 2, "Slice": 3, "MatMul": 2, "Exponential": 1}
    assert error < 0.03


def test_codes_of_an_image_have_channels_last(params):
    reals = Reals(shape=(1, 4, 2, 3), axes=(2, 3, 1))
    t = graph.Tensor(name="x", shape=(2, 3, 4), encoding=Affine(scale=0.5, zero=1), reals=reals)
    real = np.arange(24, dtype=np.float32).reshape(1, 4, 2, 3) / 2
    codes = t.encode(real)
    assert (codes == real[0].transpose(1, 2, 0) * 2 + 1).all()
    assert (t.decode(codes) == real).all()


def test_an_operator_without_a_unit_is_named(params, from_onnx):
    values = {"depth": np.array(3), "values": np.float32([0, 1])}
    network = from_onnx({"x": (1, 6)}, values, ("OneHot", "x depth values", "y"), shape=(1, 6, 3))
    with pytest.raises(BadValue, match="node y: operator is 'OneHot'; allowed: Add, "):
        quantise_network(network, params, [draw(network, 0)])


def test_a_transposition_is_a_product(coded, from_onnx):
    nodes = [("MatMul", "x m", "c"), ("Transpose", "c", "d", {"perm": [0, 2, 1]}), ("MatMul", "d r", "y")]
    network = from_onnx({"x": (1, 6, 12)}, C | {"r": constant(6, 4)}, *nodes, shape=(1, 10, 4))
    made, error = coded(network)
    assert kinds(made)["Take"] == 1 and error < 0.03


def test_a_batch_is_more_rows(coded, from_onnx):
    network = from_onnx({"x": (2, 6, 12)}, C, ("MatMul", "x m", "y"), shape=(2, 6, 10))
    made, error = coded(network)
    assert kinds(made) == {"Product": 1} and error < 0.03
