"""RTL of the store unit: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from hw.accelerator.store import definition
from sim.benches.accelerator.store import CASES

BLOCK = "accelerator/store"


def test_bench_passes_on_verilator(passes):
    passes(BLOCK, "4-o4")


@pytest.mark.parametrize("case", ["8-o8", "16-o32"])
def test_bench_passes_on_icarus(passes, case):
    passes(BLOCK, case, "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, "icarus", seed)


def test_every_tool_reads_it_without_a_warning(readable, extreme):
    readable(definition(extreme))


@pytest.mark.slow
def test_broken_rtl_is_noticed(noticed):
    noticed(BLOCK, "4-o4", 3, timeout=300)
