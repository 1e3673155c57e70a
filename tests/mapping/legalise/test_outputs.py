"""Outputs that nothing computes: constants, inputs, one tensor twice."""

import numpy as np
import onnx
import pytest

import systola
from tests.helpers import SMALL_ACCELERATOR
from tests.mapping.legalise.against import by_onnxruntime, error, errors, model, node

RANDOM = np.random.default_rng(8)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


PRODUCT = node("MatMul", "x w", "y")
CASES = {
    "a constant": ([PRODUCT, node("Identity", "c", "z")], {"c": np.float32([[1e-6, 1, 1e6]])}, "z"),
    "a scalar": ([PRODUCT, node("Identity", "c", "z")], {"c": np.float32(3.5)}, "z"),
    "weights": ([PRODUCT, node("Identity", "w", "z")], {}, "z"),
    "a shape": ([PRODUCT, node("Shape", "x", "s"), node("Cast", "s", "z", to=1)], {}, "z"),
    "an input": ([PRODUCT, node("Identity", "x", "z")], {}, "z"),
    "the same": ([PRODUCT, node("Identity", "y", "z")], {}, "z"),
    "a tensor on the way": ([node("MatMul", "x w", "z"), node("Relu", "z", "y")], {}, "z"),
}


@pytest.mark.parametrize("engine", ["golden", "model"])
@pytest.mark.parametrize("case", CASES)
def test_any_tensor_may_be_an_output(tmp_path, case, engine):
    nodes, constants, other = CASES[case]
    x = {"x": normal(4, 16)}
    made = model(nodes, x, {"w": normal(16, 8), **constants}, ("y", other))
    onnx.save(made, tmp_path / "net.onnx")
    (tmp_path / "small.toml").write_text(SMALL_ACCELERATOR)
    np.save(tmp_path / "x.npy", x["x"])
    systola.run(tmp_path / "net.onnx", on=tmp_path / "small.toml", engine=engine,
                inputs={"x": str(tmp_path / "x.npy")}, write_to=tmp_path / "y.npz")  # fmt: skip
    found, wanted = np.load(tmp_path / "y.npz"), by_onnxruntime(made, x)
    assert error(found["y"], wanted["y"]) < 0.02
    if case in ("a constant", "a scalar", "weights", "a shape"):
        np.testing.assert_array_equal(found[other], wanted[other])
    assert error(found[other], wanted[other]) < 0.02


def test_a_network_of_constants_alone_has_a_program(tmp_path):
    made = model([node("Shape", "x", "s"), node("Cast", "s", "y", to=1)], {"x": normal(4, 16)}, {})
    onnx.save(made, tmp_path / "net.onnx")
    (tmp_path / "small.toml").write_text(SMALL_ACCELERATOR)
    assert systola.map(tmp_path / "net.onnx", on=tmp_path / "small.toml")["total"]["macs"] == 0


def test_a_pad_may_state_its_one_number_as_a_vector():
    constants = {"w": normal(16, 8), "pads": np.array([0, 0, 1, 1]), "filler": np.float32([0.5])}
    nodes = [node("MatMul", "x w", "m"), node("Pad", "m pads filler", "y")]
    assert errors(nodes, {"x": normal(4, 16)}, constants) < 0.02
