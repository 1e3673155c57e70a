"""`map --json` and `run --json` have one schema for every design: the rows add up to the total."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import systola
from mapping.result import CAUSES, Row, Total
from systola import tables

ROOT = Path(__file__).parents[2]
DESIGNS = sorted((ROOT / "examples").glob("*.toml"))
ALWAYS = {
    "name", "operator", "unit", "batch", "m", "n", "k", "macs", "compute_cycles", "cycles", "utilisation",
    "bytes_read", "bytes_written", "losses", "energy_pj",
}  # fmt: skip
SUMS = ("macs", "compute_cycles", "cycles", "bytes_read", "bytes_written")
FIELDS = {record: set(record.__dataclass_fields__) for record in (Row, Total)}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """y = softmax(relu(x W) V): products of constants, and what is none."""
    random = np.random.default_rng(5)
    weights = {
        name: random.standard_normal(shape).astype(np.float32)
        for name, shape in (("W", (128, 256)), ("V", (256, 128)))
    }
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["h"], "first"),
        helper.make_node("Relu", ["h"], ["r"], "middle"),
        helper.make_node("MatMul", ["r", "V"], ["s"], "second"),
        helper.make_node("Softmax", ["s"], ["y"], "end"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 128]) for name in "xy"]
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], constants)
    path = tmp_path_factory.mktemp("results") / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def check(result: dict) -> None:
    """Every row has the columns of all designs and no others than the schema's; sums are sums."""
    total, placed = result["total"], [row for row in result["layers"] if row["unit"] != "host"]
    assert set(total) <= FIELDS[Total]
    for row in result["layers"]:
        assert ALWAYS <= set(row) <= FIELDS[Row], row["name"]
        assert set(row["losses"]) <= set(CAUSES) and min(row["losses"].values(), default=0) >= -1e-9
        assert sum(row["losses"].values()) == pytest.approx(row["cycles"]), row["name"]
        assert row["macs"] == row["batch"] * row["m"] * row["n"] * row["k"] or row["unit"] == "host"
    for name in SUMS:
        assert total[name] == sum(row[name] for row in placed), name
    assert total["energy_pj"] == pytest.approx(sum(row["energy_pj"] for row in placed))
    assert sum(total["losses"].values()) == pytest.approx(total["cycles"])
    assert 0 < total["utilisation"] <= 1 and total["energy_pj"] > 0
    assert all(row["energy_pj"] > 0 for row in placed)


@pytest.mark.parametrize("record", [Row, Total])
def test_every_key_is_documented(record):
    of_row, of_total = (ROOT / "docs/results.md").read_text().split("## Of the total")
    page = of_row if record is Row else of_total
    assert [name for name in FIELDS[record] if f"`{name}`" not in page] == []
    assert [cause for cause in CAUSES if f"`{cause}`" not in of_row] == []


@pytest.mark.parametrize("design", DESIGNS, ids=lambda path: path.stem)
def test_map_and_run_have_the_same_rows_on_every_design(network, design):
    mapped, ran = systola.map(network, on=design), systola.run(network, on=design, engine="model")
    for result in (mapped, ran):
        check(result)
        text = tables.whole(result)
        assert all(word in text for word in ("compute", "cycles", "used", "MB", "uJ", "total"))
    same = ALWAYS - {"energy_pj", "losses"}
    rows = [[{key: row[key] for key in same} for row in each["layers"]] for each in (mapped, ran)]
    assert rows[0] == rows[1]
