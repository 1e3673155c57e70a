"""What exported networks commonly have: each near its float result, and its program the same codes."""

import numpy as np
import pytest

from mapping.legalise.float_network import encoded, quantise_network
from mapping.run.floating import run_float
from mapping.run.quantised import run
from tests.mapping.backends.program.machines import holds

RANDOM = np.random.default_rng(5)


def constant(*shape, scale=0.3):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


CONV = ("Conv", "x k", "h")
IMAGE = {"x": (1, 3, 5, 5)}
C = {"k": constant(16, 3, 3, 3), "k4": constant(4, 3, 3, 3), "k8": constant(8, 3, 3, 3)}
# name: inputs, constants, nodes, shape of y, greatest relative error
CASES = {
    "conv, flatten, linear": (
        IMAGE, {"w": constant(36, 10)},
        [("Conv", "x k4", "h"), ("Relu", "h", "r"), ("Flatten", "r", "q"), ("Gemm", "q w", "y")],
        (1, 10), 0.03,
    ),
    "conv, reshape, relu, linear of 9 channels": (
        IMAGE, {"w": constant(10, 81), "k9": constant(9, 3, 3, 3), "s": ints(1, -1)},
        [("Conv", "x k9", "h"), ("Reshape", "h s", "q"), ("Relu", "q", "r"),
         ("Gemm", "r w", "y", {"transB": 1})],
        (1, 10), 0.03,
    ),
    "images of a batch, flattened": (
        {"x": (4, 3, 5, 5)}, {"w": constant(75, 10)}, [("Flatten", "x", "q"), ("MatMul", "q w", "y")],
        (4, 10), 0.03,
    ),
    "channel shuffle": (
        IMAGE, {"s": ints(1, 2, 8, 3, 3), "t": ints(1, 16, 3, 3)},
        [CONV, ("Reshape", "h s", "a"), ("Transpose", "a", "b", {"perm": [0, 2, 1, 3, 4]}),
         ("Reshape", "b t", "y")],
        (1, 16, 3, 3), 0.02,
    ),
    "patches of ViT": (
        IMAGE, {"s": ints(1, 16, -1), "w": constant(16, 12)},
        [CONV, ("Reshape", "h s", "a"), ("Transpose", "a", "b", {"perm": [0, 2, 1]}),
         ("MatMul", "b w", "y")],
        (1, 9, 12), 0.03,
    ),
    "channels joined within a vector": (
        IMAGE, {}, [CONV, ("Conv", "x k8", "g"), ("Concat", "g h", "y", {"axis": 1})], (1, 24, 3, 3), 0.02,
    ),
    "channels cut within a vector": (
        IMAGE, {"s": ints(3), "e": ints(9), "a": ints(1)}, [CONV, ("Slice", "h s e a", "y")],
        (1, 6, 3, 3), 0.02,
    ),
    "a transposed input": (
        {"x": (1, 16, 8)}, {"w": constant(16, 12)},
        [("Transpose", "x", "t", {"perm": [0, 2, 1]}), ("MatMul", "t w", "y")], (1, 8, 12), 0.02,
    ),
}  # fmt: skip

NORM = {name: np.abs(constant(3)) + np.float32(0.1) for name in "sbmv"}


@pytest.mark.parametrize("pads, maps", [([0] * 4, 0), ([1] * 4, 2)])
def test_a_norm_before_a_convolution_is_folded_where_nothing_is_padded(params, from_onnx, pads, maps):
    nodes = [("BatchNormalization", "x s b m v", "n"), ("Conv", "n k", "y", {"pads": pads})]
    size = 3 + 2 * pads[0]
    network = from_onnx(IMAGE, C | NORM, *nodes, shape=(1, 16, size, size))
    made = quantise_network(network, params, [drawn(network, seed) for seed in range(4)])
    kinds = [type(o).__name__ for o in made.operations]
    assert kinds.count("Product") == 1 and kinds.count("Map") == maps
    x = drawn(network, 9)
    found, real = decoded(made, params, x)["y"], run_float(network, x)["y"]
    assert np.linalg.norm(found - real) < 0.03 * np.linalg.norm(real)


def drawn(network, seed):
    random = np.random.default_rng(seed)
    return {name: random.normal(0, 1, t.shape).astype(t.dtype) for name, t in network.inputs.items()}


@pytest.mark.parametrize("case", CASES)
def test_the_result_is_near_that_of_floats(params, from_onnx, case):
    inputs, values, nodes, shape, most = CASES[case]
    network = from_onnx(inputs, C | values, *nodes, shape=shape)
    made = quantise_network(network, params, [drawn(network, seed) for seed in range(4)])
    x = drawn(network, 9)
    program = holds(made, params, **encoded(made, x))
    assert program.count
    found = decoded(made, params, x)
    for name, real in run_float(network, x).items():
        assert found[name].shape == real.shape
        assert np.linalg.norm(found[name] - real) < most * np.linalg.norm(real)


def decoded(made, params, x):
    codes = run(made, params, encoded(made, x))
    return {name: made.tensors[name].decode(codes[name]) for name in made.outputs}
