"""Batches of images on an accelerator: one after the other in one program, each as it would be alone."""

import sys
from pathlib import Path

import numpy as np
import pytest

from golden.accelerator.assembler import unpack
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.timing import predict
from mapping.backends.program.compiler import compile
from mapping.frontends import onnx_file
from mapping.ir import graph
from mapping.legalise import images
from mapping.legalise.float_network import encoded, quantise_network
from mapping.run.floating import run_float
from mapping.run.quantised import run
from tests.mapping.legalise.against import model, node

sys.path.insert(0, str(Path(__file__).parents[1] / "backends" / "program"))
from machines import holds

P = AcceleratorParams()
RANDOM = np.random.default_rng(3)
COUNT = 3


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


CONSTANTS = {
    "w": normal(8, 3, 3, 3), "b": normal(8), "k": normal(8, 1, 3, 3), "flat": np.array([COUNT, -1]),
    "m": normal(128, 10), "n": normal(10),
}  # fmt: skip
NODES = [
    node("Conv", "x w b", "c", pads=[1] * 4), node("Relu", "c", "r"),
    node("Conv", "r k", "d", group=8), node("MaxPool", "d", "p", kernel_shape=[2, 2], strides=[2, 2]),
    node("Reshape", "p flat", "f"), node("Gemm", "f m n", "y"),
]  # fmt: skip


def network(count, nodes=NODES):
    constants = CONSTANTS | {"flat": np.array([count, -1])}
    used = {name for each in nodes for name in each.input}
    constants = {name: value for name, value in constants.items() if name in used}
    given = {"x": np.zeros((count, 3, 10, 10), np.float32)}
    return onnx_file.from_model(model(nodes, given, constants), "n.onnx", "n")


def test_each_image_is_what_it_is_alone():
    x = normal(COUNT, 3, 10, 10)
    batch = quantise_network(network(COUNT), P, [{"x": x}])
    each = [{"x": x[i : i + 1]} for i in range(COUNT)]
    alone = quantise_network(network(1), P, each)
    found = run(batch, P, encoded(batch, {"x": x}))["y"]
    wanted = [run(alone, P, encoded(alone, one))["y"].ravel() for one in each]
    assert np.array_equal(found.reshape(COUNT, -1), np.stack(wanted))
    y, real = batch.tensors["y"].decode(found), run_float(network(COUNT), {"x": x})["y"]
    assert y.shape == (COUNT, 10) and np.linalg.norm(y - real) < 0.03 * np.linalg.norm(real)


def test_one_program_takes_as_long_as_its_images():
    x = normal(COUNT, 3, 10, 10)
    cycles = []
    for count in (1, COUNT):
        coded = quantise_network(network(count), P, [{"x": x[:count]}])
        program = compile(coded, P)
        cycles.append(predict(P, unpack(program.commands), 50, 50).cycles)
    assert cycles[1] < 1.02 * COUNT * cycles[0]


def test_the_program_gives_the_codes():
    coded = quantise_network(network(2), P, [{"x": normal(2, 3, 10, 10)}])
    holds(coded, P)


def test_rows_stay_rows_of_one_product():
    nodes = [node("Gemm", "x m n", "y")]
    given, constants = {"x": normal(4, 128)}, {name: CONSTANTS[name] for name in "mn"}
    made = onnx_file.from_model(model(nodes, given, constants), "n.onnx", "n")
    assert images.alone(made) is None
    assert [type(o) for o in quantise_network(made, P, [given]).operations] == [graph.Product]


def test_images_that_meet_are_one_network():
    """A mean over the batch."""
    nodes = [*NODES[:2], node("ReduceMean", "r", "y", axes=[0], keepdims=0)]
    assert images.alone(network(COUNT, nodes)) is None


@pytest.mark.rtl
@pytest.mark.slow
def test_the_verilog_gives_the_codes_of_two_images():
    from sim.accelerator import Bus, RtlModel

    sys.path.insert(0, str(Path(__file__).parents[2] / "accelerator"))
    from programs import SMALL

    x = {"x": normal(2, 3, 10, 10)}
    coded = quantise_network(network(2), SMALL, [x])
    program, codes = compile(coded, SMALL), encoded(coded, x)
    memory = program.memory.copy()
    program.write(memory, "x", codes["x"])
    result = RtlModel(SMALL, memory).run(program.address, program.count, Bus())
    assert not result.cause
    assert np.array_equal(program.read(memory, "y"), run(coded, SMALL, codes)["y"])
