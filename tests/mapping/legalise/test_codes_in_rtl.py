"""Files that state their codes, on the generated Verilog: every code is the coded network's."""

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from mapping.backends.program.compiler import compile
from mapping.frontends.onnx_quantised import QuantisedModel
from mapping.legalise.float_network import encoded
from mapping.run.quantised import run
from sim.accelerator import Bus, RtlModel
from tests.mapping.frontends.test_onnx_codes import IN, OUT, WEIGHTS, W, X, constants, dq, model, node, q

sys.path.insert(0, str(Path(__file__).parents[2] / "accelerator"))
from programs import SMALL

F = np.float32
RANDOM = np.random.default_rng(15)
PRODUCT = [*IN, WEIGHTS, node("MatMul", "xd wd", "h")]
BYTES = RANDOM.integers(0, 256, (16, 16)).astype(np.uint8)
CASES = {
    "a sum rounded once": ([*PRODUCT[:-1], node("MatMul", "xd wd", "m"), q("m", X, "mq"), dq("mq", X, "md"),
                            node("Add", "md xd", "h"), *OUT], {}),
    "a row of constants": ([*IN, node("Sub", "r xd", "h"), *OUT], {"r": RANDOM.normal(0, 1, 16).astype(F)}),
    "weights of nine bits": ([*PRODUCT, *OUT], {"w": BYTES, "wz": np.uint8(255), "ys": F(0.5)}),
    "sums of 32 bits leave": ([*PRODUCT[:-1], node("MatMul", "xd wd", "y")], {}),
    "two computed factors": ([*IN, node("Transpose", "xd", "t", perm=[1, 0]), node("MatMul", "xd t", "h"),
                              *OUT], {"xz": np.int8(-128)}),
    "a change of scale": ([*IN, q("xd", W, "x2"), dq("x2", W, "h"), *OUT],
                          {"wz": np.int8(100), "ws": F(0.01)}),
    "a layer norm of codes": ([*IN, node("LayerNormalization", "xd g", "h", axis=-1), *OUT],
                              {"g": RANDOM.normal(1, 0.2, 16).astype(F)}),
}  # fmt: skip


@pytest.fixture(scope="module")
def small():
    return RtlModel(SMALL, np.zeros(64, np.uint8))


@pytest.mark.parametrize("case", CASES)
def test_codes_of_the_verilog_are_the_coded_networks(small, case):
    nodes, more = CASES[case]
    size = 4 if case == "two computed factors" else 16
    found = model(nodes, constants(**more), y=(4, size), opset=17, types=(TensorProto.FLOAT,) * 2)
    network = QuantisedModel(found, "q.onnx", "q").coded(SMALL)
    codes = encoded(network, {"x": RANDOM.normal(0, 1, (4, 16)).astype(F)})
    program = compile(network, SMALL)
    memory = program.memory.copy()
    program.write(memory, "x", codes["x"])
    small.attach(memory, program.base)
    small.run(program.address, program.count, Bus(read_latency=20, write_latency=20))
    np.testing.assert_array_equal(program.read(memory, "y"), run(network, SMALL, codes)["y"])
