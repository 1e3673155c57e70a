"""An accelerator with a host (control.host): what no unit does is told with its reason, and cycles add up."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import systola
from golden.check import BadValue
from mapping.frontends import onnx_file
from mapping.passes import simplify
from mapping.run.floating import run_float
from systola import design_file, tables

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.frozen.networks import attention, convolutions
from tests.mapping.legalise.against import model, node

EXAMPLE = Path(__file__).parents[2] / "examples" / "accelerator16_int8.toml"
RANDOM = np.random.default_rng(8)
NODES = [
    node("MatMul", "x w", "a"), node("LSTM", "a lw lr lb", "s", hidden_size=8),
    node("Reshape", "s flat", "t"), node("MatMul", "t v", "c"), node("Relu", "c", "y"),
]  # fmt: skip
SHAPES = {"w": (6, 10), "lw": (1, 32, 10), "lr": (1, 32, 8), "lb": (1, 64), "v": (8, 7)}
X = RANDOM.standard_normal((5, 1, 6)).astype(np.float32)
SMALL = """
family = "accelerator"
array = {rows = 4, cols = 4, dataflow = "weight"}
pe = {group = 1024}
accumulators = {rows = 64}
scratchpad = {banks = 4, bank_words = 512}
bus = {outstanding = 8, read_buffer = 64}
memory = {bytes_per_cycle = 4}
control = {host = true}
"""


@pytest.fixture
def files(tmp_path):
    """The network, its input and a small design with a host."""
    constants = {name: RANDOM.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
    made = model(NODES, {"x": X}, constants | {"flat": np.array([5, 8])})
    onnx.save(made, tmp_path / "n.onnx")
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "small.toml").write_text(SMALL)
    return tmp_path


def ran(files, engine):
    return systola.run(
        files / "n.onnx", on=files / "small.toml", engine=engine, inputs={"": files / "x.npy"},
        write_to=files / "y.npy",
    )  # fmt: skip


def test_two_programs_and_the_host_between_them(files):
    result = ran(files, "golden")
    network = simplify(onnx_file.from_model(onnx.load(files / "n.onnx"), "n.onnx", "n"))
    wanted, found = run_float(network, {"x": X})["y"], np.load(files / "y.npy")
    assert np.linalg.norm(found - wanted) < 0.05 * np.linalg.norm(wanted)
    host = [row for row in result["layers"] if row["unit"] == "host"]
    assert [(row["operator"], row["count"]) for row in host] == [("LSTM", 1)]
    assert result["total"]["host_operators"] == {"LSTM": 1}
    placed = [row for row in result["layers"] if row["unit"] != "host"]
    assert sum(row["cycles"] for row in placed) == result["total"]["cycles"]
    ended = [row["ended"] for row in placed]
    assert ended == sorted(ended)
    text = tables.whole(result)
    assert "on the host: 1 LSTM; 0.0 % of the multiply-accumulates" in text
    assert "\n  s: n: node s: operator is 'LSTM'" in text
    planned = systola.map(files / "n.onnx", on=files / "small.toml")
    assert planned["total"]["cycles"] == result["total"]["cycles"]


def test_without_a_host_the_operator_is_refused(files):
    with pytest.raises(BadValue, match="node s: operator is 'LSTM'"):
        systola.map(files / "n.onnx", on=EXAMPLE)


def test_all_results_of_an_operator_are_the_hosts(files):
    """The three greatest and where they are."""
    nodes = [
        node("MatMul", "x w", "a"),
        node("TopK", "a k", "b i"),
        node("Relu", "b", "y"),
        node("Cast", "i", "z", to=1),
    ]
    x, w = (
        RANDOM.standard_normal((5, 6)).astype(np.float32),
        RANDOM.standard_normal((6, 10)).astype(np.float32),
    )
    onnx.save(model(nodes, {"x": x}, {"w": w, "k": np.array([3])}, outputs=("y", "z")), files / "k.onnx")
    np.save(files / "x.npy", x)
    run = {"inputs": {"": files / "x.npy"}, "engine": "model"}
    with pytest.raises(
        BadValue, match="output i is asked for; allowed: one output of TopK on an accelerator"
    ):
        systola.run(files / "k.onnx", on=EXAMPLE, **run)
    systola.run(files / "k.onnx", on=files / "small.toml", write_to=files / "y.npz", **run)
    found, order = np.load(files / "y.npz"), np.argsort(-(x @ w), axis=1)[:, :3]
    wanted = np.maximum(np.take_along_axis(x @ w, order, 1), 0)
    assert (found["z"] == order).mean() > 0.9 and np.abs(found["y"] - wanted).max() < 0.05 * wanted.max()


@pytest.mark.parametrize("engine", ["golden", "model"])
def test_a_network_of_which_no_unit_does_anything_is_all_the_hosts(files, engine):
    x = RANDOM.standard_normal((4, 6)).astype(np.float32)
    onnx.save(model([node("CumSum", "x axis", "y")], {"x": x}, {"axis": np.array(1)}), files / "c.onnx")
    np.save(files / "x.npy", x)
    given = {"inputs": {"": files / "x.npy"}, "write_to": files / "y.npy", "engine": engine}
    result = systola.run(files / "c.onnx", on=files / "small.toml", **given)
    assert np.abs(np.load(files / "y.npy") - np.cumsum(x, 1)).max() < 1e-3
    assert result["total"]["layers"] == result["total"]["cycles"] == 0
    assert "all runs on the host: 1 CumSum\n  y: c: node y: operator is 'CumSum'" in tables.whole(result)


def test_an_operation_whose_commands_run_far_ahead_stays_on_the_design(files):
    """Of more commands than there are tokens, a token stands for several."""
    (files / "int2.toml").write_text(SMALL.replace("{group = 1024}", '{group = 1024, weight = "int2"}'))
    result = systola.map(attention(files).path, on=files / "int2.toml")
    reasons = [row["reason"] for row in result["layers"] if row["unit"] == "host"]
    assert not any("commands by which one unit leads another" in each for each in reasons)


def test_a_window_of_more_passes_than_a_sum_may_have_is_refused_or_the_hosts(files):
    """Of 3 channels on 4 rows each of the nine pixels is a pass, where pe.group has room for one."""
    job, text = convolutions(files), SMALL.replace("{group = 1024}", "{group = 4}")
    (files / "alone.toml").write_text(text.replace("control = {host = true}", ""))
    (files / "beside.toml").write_text(text)
    what = r"operation r1: passes of 4 products in a sum is 9; allowed: 1 to 1 \(pe.group over 4 rows\)"
    for exact in (None, False):
        with pytest.raises(BadValue, match=what):
            systola.map(job.path, on=files / "alone.toml", exact=exact)
        result = systola.map(job.path, on=files / "beside.toml", exact=exact)
        assert result["total"]["host_operators"]["Product"] == 2
    np.save(files / "c.npy", job.inputs["x"])
    for engine in ("golden", "model"):
        found = systola.run(job.path, on=files / "beside.toml", engine=engine, inputs={"": files / "c.npy"})
        assert found["total"]["cycles"] > 0


def test_a_waveform_of_several_programs_is_refused(files):
    with pytest.raises(BadValue, match="--waves is a; allowed: a network that is one program"):
        systola.run(files / "n.onnx", on=files / "small.toml", engine="rtl", waves="a")


def test_a_bare_array_has_a_host_already(tmp_path):
    text = (EXAMPLE.parent / "ws16_int8.toml").read_text() + "\n[control]\nhost = true\n"
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(BadValue, match='control is given; allowed: a design of family "accelerator"'):
        design_file.load(tmp_path / "a.toml")


@pytest.mark.rtl
@pytest.mark.slow
def test_the_rtls_cycles_of_both_programs_add_up(files):
    total = ran(files, "rtl")["total"]
    assert abs(total["prediction_error"]) < 0.05
