"""A trained network through `systola run`: its inputs and outputs as files, and files that are refused."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from systola import failures
from tests.helpers import call

REFERENCE = str(Path(__file__).parents[2] / "examples" / "ws16_int8.toml")


def model(
    weights: np.ndarray, *, operator: str = "Relu", rows: tuple[int | str, ...] = (4,)
) -> onnx.ModelProto:
    """y = operator(x W), x [*rows, k]."""
    k, n = weights.shape
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["xW"], "product"),
        helper.make_node(operator, ["xW"], ["y"], "end"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [*rows, k])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [*rows, n])
    graph = helper.make_graph(nodes, "net", [x], [y], [numpy_helper.from_array(weights, "W")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


@pytest.fixture
def weights():
    return np.random.default_rng(5).standard_normal((24, 10)).astype(np.float32)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, weights):
    """An empty folder with net.onnx in it."""
    monkeypatch.chdir(tmp_path)
    onnx.save(model(weights), "net.onnx")
    return tmp_path


def refused(*words: object) -> str:
    """The line that a wrong request gives; asserts status 2 and that no file changed."""
    before = sorted(Path().rglob("*"))
    result = call("run", *words, "--on", REFERENCE, "--output", "y.npy")
    assert (result.exit_code, sorted(Path().rglob("*"))) == (failures.WRONG, before), result.output
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("systola: ").strip()


def test_the_output_is_near_the_float_networks(weights):
    x = np.random.default_rng(1).standard_normal((4, 24)).astype(np.float32)
    np.save("x.npy", x)
    result = call("run", "net.onnx", "--on", REFERENCE, "--input", "x.npy", "--output", "y.npy")
    assert result.exit_code == 0, result.output
    wanted = np.maximum(x @ weights, 0)
    assert np.abs(np.load("y.npy") - wanted).max() < 0.02 * wanted.max()


def test_an_input_can_be_named():
    np.save("x.npy", np.ones((4, 24), np.float32))
    for option, output in (("x.npy", "a.npy"), ("x=x.npy", "b.npy")):
        call("run", "net.onnx", "--on", REFERENCE, "--input", option, "--output", output)
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))


def test_the_first_axis_of_an_input_is_the_sample():
    x = np.random.default_rng(2).standard_normal((12, 24)).astype(np.float32)
    np.save("x.npy", x)
    np.save("part.npy", x[4:8])
    design = ("--on", REFERENCE, "--calibrate", "x.npy")
    assert call("run", "net.onnx", *design, "--input", "x.npy", "--output", "all.npy").exit_code == 0
    assert call("run", "net.onnx", *design, "--input", "part.npy", "--output", "one.npy").exit_code == 0
    assert np.load("all.npy").shape[0] == 12
    assert np.array_equal(np.load("all.npy")[4:8], np.load("one.npy"))


def test_calibration_decides_the_ranges():
    x = np.random.default_rng(2).standard_normal((4, 24)).astype(np.float32)
    np.save("x.npy", x)
    np.save("wide.npy", 50 * x)
    for calibrate, output in (("x.npy", "fine.npy"), ("wide.npy", "coarse.npy")):
        call(
            "run",
            "net.onnx",
            "--on",
            REFERENCE,
            "--calibrate",
            calibrate,
            "--input",
            "x.npy",
            "--output",
            output,
        )
    assert not np.array_equal(np.load("fine.npy"), np.load("coarse.npy"))


def test_the_seed_decides_what_is_random():
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        call("run", "net.onnx", "--on", REFERENCE, "--seed", seed, "--output", f"{name}.npy")
    a, b, c = (np.load(f"{name}.npy") for name in "abc")
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_the_json_names_the_outputs_and_the_design():
    found = json.loads(call("run", "net.onnx", "--on", REFERENCE, "--json").stdout)
    assert found["outputs"] == {"y": [4, 10]}
    assert found["design"]["array"] == {"rows": 16, "cols": 16, "dataflow": "weight"}


def test_an_input_of_the_wrong_shape_is_named():
    np.save("x.npy", np.ones((4, 25), np.float32))
    assert refused("net.onnx", "--input", "x.npy") == "x.npy: input x.shape is [4, 25]; allowed: [4, 24]"


def test_an_input_of_the_wrong_type_is_named():
    np.save("x.npy", np.ones((4, 24), np.int32))
    assert refused("net.onnx", "--input", "x.npy") == "x.npy: input x.dtype is int32; allowed: float32"


def test_an_input_that_the_network_does_not_have_is_named():
    assert refused("net.onnx", "--input", "z=x.npy") == "net: input is 'z'; allowed: x"


def test_an_input_that_two_files_are_given_for_is_named():
    np.save("x.npy", np.ones((4, 24), np.float32))
    for words in (("x.npy", "x.npy"), ("x=x.npy", "x=x.npy"), ("x=x.npy", "x.npy")):
        options = [word for path in words for word in ("--input", path)]
        assert "given twice" in refused("net.onnx", *options)


def test_an_input_that_has_no_code_is_refused_by_the_tensors_name():
    x = np.ones((4, 24), np.float32)
    np.save("ones.npy", x)
    np.save("x.npy", np.where(x, np.inf, x))
    found = refused("net.onnx", "--input", "x.npy", "--calibrate", "ones.npy")
    assert found == "tensor x[0, 0] is inf; allowed: finite numbers"


def test_an_input_that_is_missing_is_named():
    assert refused("net.onnx", "--input", "x.npy") == "x.npy is missing; allowed: a .npy file that exists"


def test_an_input_that_is_no_array_is_named():
    Path("x.npy").write_text("1, 2, 3")
    wanted = "x.npy is not an array; allowed: a .npy file as numpy.save writes it"
    assert refused("net.onnx", "--input", "x.npy") == wanted


def test_an_input_that_is_cut_short_is_named():
    np.save("x.npy", np.ones((4, 24), np.float32))
    Path("x.npy").write_bytes(Path("x.npy").read_bytes()[:200])
    wanted = "x.npy is 72 bytes of data; allowed: 384 for float32 [4, 24]"
    assert refused("net.onnx", "--input", "x.npy") == wanted


def test_a_truncated_network_is_refused():
    Path("cut.onnx").write_bytes(Path("net.onnx").read_bytes()[:300])
    assert refused("cut.onnx").startswith("cut.onnx")


def test_an_unknown_operator_is_named(weights):
    onnx.save(model(weights, operator="Det"), "bad.onnx")
    line = refused("bad.onnx")
    assert "bad.onnx" in line and "Det" in line and "allowed: " in line


def test_an_open_dimension_is_named(weights):
    onnx.save(model(weights, rows=(2, "frames")), "open.onnx")
    assert "frames" in refused("open.onnx")


def test_an_open_dimension_can_be_given(weights):
    onnx.save(model(weights, rows=(2, "frames")), "open.onnx")
    found = json.loads(call("map", "open.onnx", "--on", REFERENCE, "--dim", "frames=7", "--json").stdout)
    assert found["layers"][0]["m"] == 2 * 7


def test_weights_that_are_no_numbers_are_named(weights):
    weights[3, 4] = np.nan
    onnx.save(model(weights), "nan.onnx")
    line = refused("nan.onnx")
    assert "nan.onnx" in line and "W" in line
