"""A netlist is judged by its block's own bench, and proven to be its RTL; a gate changed is found by both."""

import pytest

from golden.pe import PES
from sim.runner import blocks, need
from sim.tools import ToolMissing
from synth import cell_models, truth
from synth.asic import map_asic
from synth.liberty import Liberty, default_liberty

pytestmark = pytest.mark.rtl

BLOCK = "pe/multiplier"


@pytest.fixture(scope="module")
def liberty():
    try:
        need("icarus")
        return Liberty.read(default_liberty())
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def made(liberty, tmp_path_factory):
    """(bench, case, Verilog, netlist) of a case of a block."""
    known = {}

    def make(block, name):
        if (block, name) not in known:
            bench = blocks()[block]
            case = next(each for each in [*bench.CASES, *getattr(bench, "SLOW", [])] if each.name == name)
            text, top = case.build()
            known[block, name] = bench, case, text, map_asic(text, top, liberty, tmp_path_factory.mktemp(top))
        return known[block, name]

    return make


def broken(netlist, liberty):
    """The netlist's Verilog with one NAND turned into a NOR."""
    text = netlist.verilog.read_text()
    assert "  NAND2X1 " in text
    used = {*netlist.by_kind, "NOR2X1"}
    models = cell_models.verilog(liberty.cells[name] for name in sorted(used))
    return text.replace("  NAND2X1 ", "  NOR2X1 ", 1) + models


def passes(made, block, case):
    bench, case, _, netlist = made(block, case)
    result = truth.bench_on_netlist(bench, case, netlist, simulator="icarus")
    assert result.passed, "\n".join(result.messages)


def test_the_bench_of_a_pe_passes_on_its_netlist(made):
    passes(made, BLOCK, "uint3-int5-r0")


def test_a_changed_gate_fails_the_bench(made, liberty):
    bench, case, _, netlist = made(BLOCK, "uint3-int5-r0")
    text = broken(netlist, liberty)
    result = truth.bench_on_netlist(bench, case, netlist, simulator="icarus", verilog=text)
    assert result.built and not result.passed and "golden" in result.messages[0]


def test_a_netlist_is_proven_and_a_changed_gate_is_not(made, liberty, tmp_path):
    _, _, text, netlist = made(BLOCK, "uint3-int5-r0")
    assert truth.prove(text, netlist, tmp_path / "same").proven
    assert not truth.prove(text, netlist, tmp_path / "other", verilog=broken(netlist, liberty)).proven


def test_a_unit_with_a_memory_passes_its_bench(made):
    passes(made, "systolic/matrix_unit", "output-1x1-a1-sums")


@pytest.mark.slow
@pytest.mark.parametrize("registers", range(4))
def test_int4_by_int8_is_proven(made, tmp_path, registers):
    _, _, text, netlist = made(BLOCK, f"int4-int8-r{registers}")
    assert truth.prove(text, netlist, tmp_path).proven


@pytest.mark.slow
@pytest.mark.parametrize("kind", PES)
def test_every_pe_passes_its_bench(made, kind):
    for case in blocks()[f"pe/{kind}"].CASES[:2]:
        passes(made, f"pe/{kind}", case.name)


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_a_4x4_unit_passes_its_bench(made, dataflow):
    passes(made, "systolic/matrix_unit", f"{dataflow}-4x4-int8-int8")


def test_a_model_of_each_cell_computes_what_its_function_says(liberty):
    text = cell_models.model(liberty.cells["AOI22X1"])
    assert text.splitlines()[0] == "module AOI22X1(A, B, C, D, Y);"
    assert "assign Y = (~((A & B) | (C & D)));" in text
    flop = cell_models.model(liberty.cells["DFFSR"])
    assert "always @(posedge CLK or posedge clear_now or posedge preset_now)" in flop
    assert cell_models.verilog([liberty.cells["LATCH"], liberty.cells["TBUFX1"]]) == ""
