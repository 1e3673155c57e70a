"""A few of the networks that were wrong, on the generated Verilog: every code is the coded network's."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mapping.backends.program.compiler import compile
from mapping.frontends import onnx_file
from mapping.legalise.float_network import encoded, quantise_network
from mapping.run.quantised import run
from sim.accelerator import Bus, RtlModel
from tests.mapping.legalise.against import model, node

sys.path.insert(0, str(Path(__file__).parents[2] / "accelerator"))
from programs import SMALL

RANDOM = np.random.default_rng(9)


def normal(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


IMAGE = normal(1, 5, 6, 7) - 4
CASES = {
    "padding of 16 bits": ([node("MaxPool", "x", "y", kernel_shape=[3, 3], pads=[1] * 4)], IMAGE, {}),
    "means of what is counted": (
        [node("AveragePool", "x", "y", kernel_shape=[3, 2], pads=[1, 0, 1, 0], strides=[2, 2], ceil_mode=1)],
        IMAGE, {},
    ),
    "a constant on the left": (
        [node("Gemm", "c x b", "h", beta=2.0), node("Clip", "h low high", "y")], normal(9, 5, scale=50),
        {"c": normal(7, 9), "b": normal(7, 5), "low": np.float32(0), "high": np.float32(255)},
    ),
    "scores far from zero": (
        [node("Add", "x o", "s"), node("Softmax", "s", "y")], normal(5, 11), {"o": np.float32(-300)},
    ),
    "a norm over two axes": (
        [node("LayerNormalization", "x g b", "y", axis=1)], normal(1, 3, 8),
        {"g": normal(3, 8), "b": normal(3, 8)},
    ),
    "attention of grouped heads, turned, in a window": (
        [
            *(node("MatMul", f"x w{t}", t) for t in "qkv"),
            node("RotaryEmbedding", "q cos sin", "q1", num_heads=4, interleaved=1),
            node("RotaryEmbedding", "k cos sin", "k1", num_heads=2, interleaved=1),
            node("Attention", "q1 k1 v", "a", q_num_heads=4, kv_num_heads=2, is_causal=1, left_window_size=2),
            node("RMSNormalization", "a gain", "y", axis=-1),
        ],
        normal(1, 5, 8),
        {"wq": normal(8, 32), "wk": normal(8, 16), "wv": normal(8, 16), "gain": normal(32),
         "cos": np.cos(normal(1, 5, 4)), "sin": np.sin(normal(1, 5, 4))}, 25,
    ),
    "bytes as numbers": (
        [node("Cast", "x", "r", to=1), node("MatMul", "r w", "y")],
        RANDOM.integers(0, 256, (5, 9)).astype(np.uint8), {"w": normal(9, 6)},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def small():
    return RtlModel(SMALL, np.zeros(64, np.uint8))


@pytest.mark.parametrize("case", CASES)
def test_codes_of_the_verilog_are_the_coded_networks(small, case):
    nodes, x, constants, *opset = CASES[case]
    feeds = {"x": x}
    made = model(nodes, feeds, constants, opset=opset[0] if opset else 17)
    network = onnx_file.from_model(made, "net.onnx", "net")
    coded = quantise_network(network, SMALL, [feeds])
    codes, program = encoded(coded, feeds), compile(coded, SMALL)
    memory = program.memory.copy()
    program.write(memory, "x", codes["x"])
    small.attach(memory, program.base)
    small.run(program.address, program.count, Bus(read_latency=20, write_latency=20))
    np.testing.assert_array_equal(program.read(memory, "y"), run(coded, SMALL, codes)["y"])
