"""The RTL of MAP's lanes: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from golden.accelerator.map_steps import BACK, FRONT, PIECEWISE
from hw.accelerator import map_lane
from hw.accelerator.map_lanes import definition
from hw.emit import verilog
from sim.accept import icarus_accepts, yosys_accepts
from sim.benches.accelerator.map_lanes import CASES, params_of
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint


def has(simulator):
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))


def test_bench_passes_on_verilator():
    (result,) = run_block("accelerator/map_lanes", case="x4")
    assert result.passed, "\n".join(result.messages)


def test_bench_passes_on_icarus():
    has("icarus")
    (result,) = run_block("accelerator/map_lanes", simulator="icarus", case="x4-plain")
    assert result.passed, "\n".join(result.messages)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(case, seed):
    (result,) = run_block("accelerator/map_lanes", case=case, seed=seed)
    assert result.passed, "\n".join(result.messages)


def test_golden_knows_how_many_stages_there_are():
    assert len(map_lane.FRONT) + len(map_lane.BACK) == FRONT + BACK
    assert (map_lane.FRONT.index("total") + 1, len(map_lane.PIECEWISE)) == (FRONT, PIECEWISE)


@pytest.mark.parametrize("case", ["x4", "x8-plain"])
def test_every_tool_reads_it_without_a_warning(case):
    (given,) = [each.parameters for each in CASES if each.name == case]
    block = definition(params_of(given))
    text = verilog(block)
    verilate_lint(text, block.name)
    try:
        icarus_accepts(text)
        yosys_accepts(text, block.name)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
def test_broken_arithmetic_is_noticed():
    has("icarus")
    score = mutation_score("accelerator/map_lanes", "x4-plain", 4, seed=5)
    assert (score.killed, score.survivors) == (4, [])
