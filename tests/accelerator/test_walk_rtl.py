"""RTL of walks: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from hw.accelerator.walk import definition
from sim.benches.accelerator.walk import CASES

BLOCK = "accelerator/walk"

EXTREMES = {
    "usual": definition(4),
    "memory": definition(3, 32),
    "one": definition(1, 16),
}


@pytest.mark.parametrize("case", ["4x16"])
def test_bench_passes_on_verilator(passes, case):
    passes(BLOCK, case)


@pytest.mark.parametrize("case", ["3x32"])
def test_bench_passes_on_icarus(passes, case):
    passes(BLOCK, case, "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, "icarus", seed)


@pytest.mark.parametrize("name", EXTREMES)
def test_every_tool_reads_it_without_a_warning(readable, name):
    readable(EXTREMES[name])


@pytest.mark.slow
def test_broken_rtl_is_noticed(noticed):
    noticed(BLOCK, "3x32", 3, timeout=300)
