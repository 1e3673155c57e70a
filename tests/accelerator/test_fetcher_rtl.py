"""RTL of the fetcher: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from hw.accelerator.fetcher import definition
from hw.emit import verilog
from sim.accept import icarus_accepts, yosys_accepts
from sim.benches.accelerator.fetcher import CASES
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint

EXTREMES = {
    "usual": definition(AcceleratorParams(), 4),
    "least": definition(AcceleratorParams(unit=MatrixUnitParams(rows=4, cols=4)), 1),
    "deep": definition(AcceleratorParams(unit=MatrixUnitParams(rows=64, cols=64)), 7, 16),
}


def has(simulator):
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("case", ["4-4x4"])
def test_bench_passes_on_verilator(case):
    (result,) = run_block("accelerator/fetcher", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("case", ["16-1x8"])
def test_bench_passes_on_icarus(case):
    has("icarus")
    (result,) = run_block("accelerator/fetcher", simulator="icarus", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(case, seed):
    has("icarus")
    (result,) = run_block("accelerator/fetcher", simulator="icarus", case=case, seed=seed)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("name", EXTREMES)
def test_every_tool_reads_it_without_a_warning(name):
    block = EXTREMES[name]
    text = verilog(block)
    verilate_lint(text, block.name)
    try:
        icarus_accepts(text)
        yosys_accepts(text, block.name)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
def test_broken_rtl_is_noticed():
    has("icarus")
    score = mutation_score("accelerator/fetcher", "4-4x4", 3, timeout=300)
    assert (score.killed, score.survivors) == (3, [])
