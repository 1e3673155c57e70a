"""The multiply unit's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from hw.accelerator.multiply import definition
from hw.emit import verilog
from sim.accept import icarus_accepts, yosys_accepts
from sim.benches.accelerator.multiply import CASES, params_of
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint


def has(simulator):
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("case", ["4-int8-int8", "4-int4-int8-r1"])
def test_bench_passes_on_verilator(case):
    (result,) = run_block("accelerator/multiply", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("case", ["4-uint1-uint8"])
def test_bench_passes_on_icarus(case):
    has("icarus")
    (result,) = run_block("accelerator/multiply", simulator="icarus", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_another_seed(case):
    (result,) = run_block("accelerator/multiply", case=case, seed=2)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_tool_reads_it_without_a_warning(case):
    block = definition(params_of(case.parameters))
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
    score = mutation_score("accelerator/multiply", "4-int8-int8", 3)
    assert (score.killed, score.survivors) == (3, [])
