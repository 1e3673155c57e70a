"""Whole networks through `systola map`, `run` and `generate` on an accelerator; what cannot run is named."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from golden.accelerator.assembler import page
from systola import generation
from tests.helpers import SMALL_ACCELERATOR, call


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder with small.toml and net.onnx, y = relu(x W), in it."""
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL_ACCELERATOR)
    weights = np.random.default_rng(5).standard_normal((24, 10)).astype(np.float32)
    onnx.save(network(weights, "Relu"), "net.onnx")
    return tmp_path


def network(weights: np.ndarray, operator: str) -> onnx.ModelProto:
    k, n = weights.shape
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["xW"], "product"),
        helper.make_node(operator, ["xW"], ["y"], "end"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, k])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, n])
    graph = helper.make_graph(nodes, "net", [x], [y], [numpy_helper.from_array(weights, "W")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_map_says_what_each_operation_costs_and_where_the_cycles_go():
    done = call("map", "net.onnx", "--on", "small.toml", "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    total, rows = result["total"], result["layers"]
    assert total["macs"] == 4 * 24 * 10 and total["host_operators"] == {}
    assert sum(total["losses"].values()) == pytest.approx(total["cycles"])
    assert sum(row["cycles"] for row in rows) == total["cycles"]
    assert [row["macs"] for row in rows if row["unit"] == "matrix"] == [960]


@pytest.mark.parametrize("engine", ["golden", "model", pytest.param("rtl", marks=pytest.mark.rtl)])
def test_a_float_network_runs_whole_and_is_near_float(engine):
    x = np.random.default_rng(1).standard_normal((4, 24)).astype(np.float32)
    np.save("x.npy", x)
    done = call("run", "net.onnx", "--on", "small.toml", "--engine", engine, "--input", "x.npy",
                "--output", "y.npy", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    weights = np.random.default_rng(5).standard_normal((24, 10)).astype(np.float32)
    wanted = np.maximum(x @ weights, 0)
    assert np.abs(np.load("y.npy") - wanted).max() < 0.03 * wanted.max()
    total = json.loads(done.stdout)["total"]
    if engine == "rtl":
        assert total["counters"]["CYCLES"] == total["rtl_cycles"]
        assert abs(total["prediction_error"]) <= 0.03


def test_the_text_names_the_design_and_the_operations():
    done = call("map", "net.onnx", "--on", "small.toml")
    assert done.stdout.startswith("net on small: ")
    assert "of all cycles: useful" in done.stdout


def test_what_has_no_weights_is_mapped_and_not_run():
    Path("shapes.csv").write_text("Layer,M,N,K,\na,40,12,16,\nb,4,4,4,\n")
    both = [json.loads(call("map", "shapes.csv", "--on", "small.toml", "--json", *words).stdout)
            for words in ((), ("--exact",))]  # fmt: skip
    assert "closed form" in both[0]["total"]["cycles_source"] != both[1]["total"]["cycles_source"]
    for name in ("macs", "compute_cycles", "commands", "bytes_read", "bytes_written"):
        assert both[0]["total"][name] == both[1]["total"][name]
    assert both[0]["total"]["cycles"] == pytest.approx(both[1]["total"]["cycles"], rel=0.2)  # a short program
    assert [row["macs"] for row in both[0]["layers"]] == [40 * 12 * 16, 64]
    done = call("run", "shapes.csv", "--on", "small.toml", "--output", "y.npz")
    assert done.exit_code == 2 and "weights is not there" in done.stderr and not Path("y.npz").exists()


def test_an_estimate_looks_at_no_weight_and_says_so():
    words = ("map", "net.onnx", "--on", "small.toml", "--json")
    exact, near = (json.loads(call(*words, *more).stdout)["total"] for more in ((), ("--estimate",)))
    assert near["cycles_source"].startswith("closed form")
    assert near["compute_cycles"] == exact["compute_cycles"]
    assert near["cycles"] == pytest.approx(exact["cycles"], rel=0.1)


def test_an_operator_that_no_unit_has_is_named_and_nothing_is_written():
    onnx.save(network(np.ones((24, 10), np.float32), "IsNaN"), "odd.onnx")
    done = call("run", "odd.onnx", "--on", "small.toml", "--output", "y.npy")
    assert done.exit_code == 2 and not Path("y.npy").exists()
    assert "IsNaN" in done.stderr


def test_other_tools_formulae_and_waves_of_what_is_not_there_are_refused():
    done = call("map", "net.onnx", "--on", "small.toml", "--compat", "scalesim")
    assert done.exit_code == 2 and "a design of family systolic" in done.stderr
    for window in ((), ("--window", "0:9")):
        done = call("run", "net.onnx", "--on", "small.toml", "--engine", "rtl", "--waves", "a", *window)
        assert done.exit_code == 2 and "--waves is 'a'; allowed: net, " in done.stderr
    behind = ("--waves", "net", "--window", "999999:999999")
    done = call("run", "net.onnx", "--on", "small.toml", "--engine", "rtl", *behind)
    assert done.exit_code == 2
    assert "--window is from cycle 999999; allowed: cycles of net, under" in done.stderr
    assert not Path("waves").exists()


@pytest.mark.rtl
def test_waves_of_an_operation_are_a_part_of_the_networks(monkeypatch):
    monkeypatch.setenv("SYSTOLA_OPT", "-O0")  # a function a signal: most of the time of -O1 goes there
    rows = json.loads(call("map", "net.onnx", "--on", "small.toml", "--json").stdout)["layers"]
    for layer in ("net", rows[0]["name"]):
        done = call("run", "net.onnx", "--on", "small.toml", "--engine", "rtl", "--waves", layer)
        assert done.exit_code == 0 and f"wrote waves/{layer}.fst" in done.stdout, done.output
        assert Path(f"waves/{layer}.fst").stat().st_size > 1000


@pytest.mark.rtl
def test_generate_gives_hardware_registers_driver_and_constraints():
    made = generation.generate("small.toml", "out")
    names = set(made.files)
    wanted = {"rtl/small.v", "small.core", "small.md", "commands.md", "small.toml",
              "driver/systola_accelerator.c", "registers/systola.rdl", "registers/systola.xml",
              "registers/html/index.html", "constraints/small.xdc", "constraints/small.sdc"}  # fmt: skip
    assert wanted <= names and made.top == "accelerator_4x4_w8a8"
    assert Path("out/commands.md").read_text() == page()
    assert "module accelerator_4x4_w8a8" in Path("out/rtl/small.v").read_text()
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert manifest["top"] == made.top and set(manifest["files"]) == names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tokens", 3), "net.onnx: tokens is 3; allowed: none: no second dimension is open"),
        (("--dim", "width=3"), "net.onnx: dims is width; allowed: none"),
    ],
)
def test_sizes_that_nothing_uses_are_refused(words, message):
    for command in ("map", "run"):
        found = call(command, "net.onnx", "--on", "small.toml", *words)
        assert found.exit_code == 2
        assert message in found.output


def test_sizes_of_an_integer_tflite_file_are_refused():
    package = pytest.importorskip("pymicro_wakeword")
    path = min(Path(package.__file__).parent.rglob("*.tflite"))
    for words, what in ((("--tokens", 3), "given tokens or batch"), (("--dim", "x=3"), "given dims x")):
        found = call("map", path, "--on", "small.toml", *words)
        assert (found.exit_code, what in found.output) == (2, True)


@pytest.mark.parametrize("calibrate", [(), ("--calibrate", "ones.npy")])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_input_that_no_code_is_near_is_refused_by_its_name(value, calibrate):
    x = np.ones((4, 24), np.float32)
    np.save("ones.npy", x)
    x[1, 3] = value
    np.save("x.npy", x)
    found = call("run", "net.onnx", "--on", "small.toml", "--input", "x.npy", *calibrate)
    assert found.exit_code == 2
    assert found.stderr == f"systola: net: input x[1, 3] is {value}; allowed: finite numbers\n"


def test_two_vectors_are_multiplied_to_a_scalar():
    weights, x = (np.random.default_rng(seed).standard_normal(7).astype(np.float32) for seed in (1, 2))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", [7]), ("y", []))]  # fmt: skip
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "net", ends[:1], ends[1:],
                              [numpy_helper.from_array(weights, "w")])  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), "dot.onnx")
    np.save("x.npy", x)
    found = call("run", "dot.onnx", "--on", "small.toml", "--input", "x.npy", "--output", "y.npy")
    assert found.exit_code == 0, found.output
    y = np.load("y.npy")
    assert y.shape == () and abs(y - x @ weights) < 0.03 * np.abs(x * weights).sum()


def test_a_name_that_is_the_command_sets_is_refused_when_a_folder_is_made():
    Path("commands.toml").write_text(SMALL_ACCELERATOR.replace('"small"', '"commands"'))
    found = call("generate", "commands.toml", "-o", "out")
    assert found.exit_code == 2 and not Path("out").exists()
    assert found.stderr == "systola: name is 'commands'; allowed: another: commands.md is the command set\n"
