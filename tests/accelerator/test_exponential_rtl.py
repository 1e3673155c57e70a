"""EXPONENTIAL's RTL: its bench passes on both simulators, and fails when the RTL is broken."""

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from hw.accelerator.exponential import definition
from hw.emit import verilog
from sim.accept import icarus_accepts, yosys_accepts
from sim.benches.accelerator.exponential import CASES
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint

QUICK = ["x4", "x16"]


def skip_without(simulator):
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("case", QUICK)
def test_bench_passes_on_verilator(case):
    (result,) = run_block("accelerator/exponential", case=case)
    assert result.passed, "\n".join(result.messages)


def test_bench_passes_on_icarus():
    skip_without("icarus")
    (result,) = run_block("accelerator/exponential", simulator="icarus", case="x4")
    assert result.passed, "\n".join(result.messages)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case.name for case in CASES if case.name not in QUICK])
def test_bench_passes_with_other_lanes(case):
    (result,) = run_block("accelerator/exponential", case=case, seed=2)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("lanes", [4, 32])
def test_every_tool_reads_it_without_a_warning(lanes):
    block = definition(AcceleratorParams(unit=MatrixUnitParams(rows=lanes, cols=lanes)))
    text = verilog(block)
    verilate_lint(text, block.name)
    try:
        icarus_accepts(text)
        yosys_accepts(text, block.name)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
def test_broken_rtl_is_noticed():
    skip_without("icarus")
    score = mutation_score("accelerator/exponential", "x4", 3, seed=7)
    assert (score.killed, score.survivors) == (3, [])
