"""Control's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from hw.accelerator.control import definition
from hw.emit import verilog
from sim.accept import icarus_accepts, yosys_accepts
from sim.benches.accelerator.control import CASES
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint

EXTREMES = {
    "usual": AcceleratorParams(),
    "least": AcceleratorParams(
        unit=MatrixUnitParams(rows=4, cols=4, accumulator_rows=1), banks=2, bank_words=128, queue=2,
        outstanding=2, read_buffer=16, functions=(),
    ),
    "most": AcceleratorParams(
        unit=MatrixUnitParams(rows=64, cols=64, accumulator_rows=1 << 16), banks=16, bank_words=4096,
        queue=64, outstanding=64,
    ),
}  # fmt: skip


def has(simulator):
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))


def test_bench_passes_on_verilator():
    (result,) = run_block("accelerator/control", case="l16-q8")
    assert result.passed, "\n".join(result.messages)


def test_bench_passes_on_icarus():
    has("icarus")
    (result,) = run_block("accelerator/control", simulator="icarus", case="l64-q2")
    assert result.passed, "\n".join(result.messages)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(case, seed):
    has("icarus")
    (result,) = run_block("accelerator/control", simulator="icarus", case=case, seed=seed)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("name", EXTREMES)
def test_every_tool_reads_it_without_a_warning(name):
    block = definition(EXTREMES[name])
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
    score = mutation_score("accelerator/control", "l16-q8", 3)
    assert (score.killed, score.survivors) == (3, [])
