"""`systola map` and `run` on designs that run in groups: JSON, tables; bad input named, nothing written."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from golden.tile import cycles as tile_cycles
from systola import design_file
from tests.helpers import call

TILE = """
name = "small"
family = "tile"
[array]
rows = 2
cols = 3
[pe]
kind = "{kind}"
group = {group}
"""
ARRAY = TILE.replace('family = "tile"\n', "").replace("cols = 3", 'cols = 3\ndataflow = "weight"')


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_network(np.random.default_rng(3).standard_normal((32, 5)))
    Path("tile.toml").write_text(TILE.format(kind="lut", group=16))
    Path("array.toml").write_text(ARRAY.format(kind="mixpe", group=16))


def save_network(w: np.ndarray) -> None:
    """A product of 4 x 32 by w and a Relu."""
    nodes = [helper.make_node("MatMul", ["x", "W"], ["h"], "dense"), helper.make_node("Relu", ["h"], ["y"])]
    shapes = {"x": [4, 32], "y": [4, 5]}
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in shapes.items()]
    constants = [numpy_helper.from_array(w.astype(np.float32), "W")]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), "net.onnx")


def refused(*words: str) -> str:
    before = sorted(Path().iterdir())
    found = call(*words)
    assert found.exit_code == 2, found.output
    assert sorted(Path().iterdir()) == before
    return found.stderr.strip().removeprefix("systola: ")


@pytest.mark.parametrize("design", ["tile.toml", "array.toml"])
def test_map_and_run_agree_and_say_how_far_float_is(design):
    mapped = json.loads(call("map", "net.onnx", "--on", design, "--json").stdout)
    ran = json.loads(call("run", "net.onnx", "--on", design, "--output", "y.npy", "--json").stdout)
    row, again = mapped["layers"][0], ran["layers"][0]
    assert {key: again[key] for key in row} == row
    assert sum(row["losses"].values()) == pytest.approx(row["cycles"]) and row["energy_pj"] > 0
    assert 0 < again["error"] < 0.8 and 0.6 < again["cosine"] < 1
    assert 0.6 < ran["beside_float"]["y"]["cosine"] < 1
    assert np.load("y.npy").shape == (4, 5) and ran["outputs"] == {"y": [4, 5]}


def test_the_cycles_of_a_tile_are_goldens_closed_form():
    p = design_file.load("tile.toml").tile
    mapped = json.loads(call("map", "net.onnx", "--on", "tile.toml", "--json").stdout)
    assert mapped["layers"][0]["compute_cycles"] == tile_cycles.cycles(p, 2 * 2 * 2)


def test_the_tables_name_layers_groups_errors_and_what_the_host_does():
    text = call("run", "net.onnx", "--on", "tile.toml").stdout
    assert text.startswith("net on small: 1 layers, 2x3 lut, groups of 16, 250 MHz")
    assert "dense" in text and "error" in text and "output y: relative error" in text
    assert "RTL" not in text


def test_several_samples_run():
    np.save("x.npy", np.random.default_rng(1).standard_normal((12, 32)).astype(np.float32))
    found = json.loads(
        call("run", "net.onnx", "--on", "tile.toml", "--input", "x.npy", "--output", "y.npy", "--json").stdout
    )
    assert found["samples"] == 3 and np.load("y.npy").shape == (12, 5)


@pytest.mark.rtl
@pytest.mark.parametrize("design", ["tile.toml", "array.toml"])
def test_the_rtl_runs_and_is_counted_and_leaves_waves(design):
    found = call("run", "net.onnx", "--on", design, "--engine", "rtl", "--waves", "dense", "--window", "0:50")
    assert "RTL: counted in the Verilated design, equal to golden's count" in found.stdout
    assert "wrote waves/dense.fst" in found.stdout and Path("waves/dense.fst").stat().st_size > 100


def test_map_keeps_its_json():
    assert call("map", "net.onnx", "--on", "tile.toml", "-o", "net.map.json").exit_code == 0
    assert json.loads(Path("net.map.json").read_text())["design"]["family"] == "tile"


def test_a_list_of_shapes_is_mapped_and_not_run():
    Path("shapes.csv").write_text("Layer, M, N, K,\ndense, 4, 5, 32,\n")
    assert json.loads(call("map", "shapes.csv", "--on", "tile.toml", "--json").stdout)["total"]["macs"] == 640
    assert "weights is not there" in refused("run", "shapes.csv", "--on", "tile.toml", "--output", "y.npz")


def test_a_group_that_does_not_divide_is_filled_up():
    Path("other.toml").write_text(TILE.format(kind="lut", group=12))
    row = json.loads(call("run", "net.onnx", "--on", "other.toml", "--json").stdout)["layers"][0]
    assert (row["k"], row["groups"]) == (32, 3) and row["cosine"] > 0.6
    assert row["losses"]["useful"] == row["macs"] / design_file.load("other.toml").peak_macs


def test_a_datatype_that_the_pe_cannot_hold_is_named():
    Path("other.toml").write_text(ARRAY.format(kind="mixpe", group=16) + 'weight = "fp8_e4m3"\n')
    wanted = "other.toml: pe.weight is 'fp8_e4m3'; allowed: int1 to int32, uint1 to uint32"
    assert refused("run", "net.onnx", "--on", "other.toml", "--output", "y.npy") == wanted
    Path("other.toml").write_text(TILE.format(kind="lut", group=16) + 'weight = "int8"\n')
    wanted = "other.toml: pe.weight is 'int8'; allowed: uint1, uint2, uint3, uint4"
    assert refused("generate", "other.toml", "-o", "out") == wanted


def test_weights_that_are_no_numbers_are_named():
    w = np.ones((32, 5))
    w[3, 4] = np.nan
    save_network(w)
    line = refused("run", "net.onnx", "--on", "tile.toml", "--output", "y.npy")
    assert line == "net.onnx: tensor W[3, 4] is NaN; allowed: numbers"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("map", "--compat", "scalesim"), "--compat is scalesim; allowed: a design of family systolic"),
        (("run", "--waves", "dense", "--engine", "model"), "--waves is given with --engine model; allowed"),
        (("run", "--waves", "no", "--engine", "rtl"), "--waves is 'no'; allowed: dense"),
        (("run", "--calibrate", "x.npy"), "--calibrate is given; allowed: none: "),
    ],
)
def test_an_option_of_other_designs_is_refused(words, wanted):
    command, *options = words
    assert refused(command, "net.onnx", "--on", "tile.toml", *options).startswith(wanted)
