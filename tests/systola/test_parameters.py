"""Inputs that decide a shape: constants of a run, by the files that are given for them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import systola
from golden.check import BadValue

ROOT = Path(__file__).parents[2]
X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """y = the sum of x over the axes that another input names, in a folder with both inputs."""
    monkeypatch.chdir(tmp_path)
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape),
        helper.make_tensor_value_info("axes", TensorProto.INT64, ["n"]),
    ]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], "it", keepdims=0)
    graph = helper.make_graph([node], "g", inputs, [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, "net.onnx")
    np.save("x.npy", X)
    np.save("axes.npy", np.array([1]))


def run(design="ws16_int8", **more):
    on = ROOT / "examples" / f"{design}.toml"
    return systola.run("net.onnx", on=on, engine="model", write_to="y.npy", **more)


@pytest.mark.parametrize("design", ["ws16_int8", "accelerator16_int8"])
def test_a_shape_follows_from_the_value_that_is_given(design):
    run(design, inputs={"x": "x.npy", "axes": "axes.npy"})
    found = np.load("y.npy")
    assert found.shape == (2, 4)
    assert np.abs(found - X.sum(axis=1)).max() <= 0.06 * X.sum(axis=1).max()


def test_two_samples_share_the_value():
    np.save("x.npy", np.concatenate([X, X + 1]))
    run(inputs={"x": "x.npy", "axes": "axes.npy"})
    assert np.array_equal(np.load("y.npy"), np.concatenate([X, X + 1]).sum(axis=1))


def test_a_value_that_is_not_given_is_asked_for():
    with pytest.raises(BadValue, match="shape is dynamic; allowed: a file for input axes, int64, which"):
        run(inputs={"x": "x.npy"})


def test_a_value_of_another_type_is_refused():
    np.save("axes.npy", np.array([1], np.int32))
    with pytest.raises(BadValue, match="a file for input axes, int64, which decides it"):
        run(inputs={"x": "x.npy", "axes": "axes.npy"}, dims={"n": 1})


def test_calibration_has_the_same_value():
    np.save("other.npy", np.array([2]))
    inputs = {"x": "x.npy", "axes": "axes.npy"}
    run(inputs=inputs, calibrate=inputs)
    with pytest.raises(BadValue, match=r"other\.npy: input axes is another than that of the run"):
        run(inputs=inputs, calibrate={"x": "x.npy", "axes": "other.npy"})


def test_a_network_without_products_runs_on_the_host():
    from click.testing import CliRunner

    from systola.cli import main

    on = ROOT / "examples" / "ws16_int8.toml"
    words = ["run", "net.onnx", "--on", on, "--input", "x=x.npy", "--input", "axes=axes.npy"]
    found = CliRunner().invoke(main, [str(word) for word in (*words, "--output", "y.npy")])
    assert found.exit_code == 0, found.output
    assert "all runs on the host: 1 ReduceSum" in found.output
    assert np.array_equal(np.load("y.npy"), X.sum(axis=1))
