"""The RTL of MAP's lanes: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from golden.accelerator.map_steps import BACK, FRONT, PIECEWISE
from hw.accelerator import map_lane
from hw.accelerator.map_lanes import definition
from sim.benches.accelerator.map_lanes import CASES, params_of

BLOCK = "accelerator/map_lanes"


def test_bench_passes_on_verilator(passes):
    passes(BLOCK, "x4")


def test_bench_passes_on_icarus(passes):
    passes(BLOCK, "x4-plain", "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, seed=seed)


def test_golden_knows_how_many_stages_there_are():
    assert len(map_lane.FRONT) + len(map_lane.BACK) == FRONT + BACK
    assert (map_lane.FRONT.index("total") + 1, len(map_lane.PIECEWISE)) == (FRONT, PIECEWISE)


@pytest.mark.parametrize("case", ["x4", "x8-plain"])
def test_every_tool_reads_it_without_a_warning(readable, case):
    (given,) = [each.parameters for each in CASES if each.name == case]
    readable(definition(params_of(given)))


@pytest.mark.slow
def test_broken_arithmetic_is_noticed(noticed):
    noticed(BLOCK, "x4-plain", 4, seed=5)
