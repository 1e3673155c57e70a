"""The memory port's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from hw.accelerator.memory_port import definition
from sim.benches.accelerator.memory_port import CASES

BLOCK = "accelerator/memory_port"


def test_bench_passes_on_verilator(passes):
    passes(BLOCK, "l16")


def test_bench_passes_on_icarus(passes):
    passes(BLOCK, "l4", "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, "icarus", seed)


def test_every_tool_reads_it_without_a_warning(readable, extreme):
    readable(definition(extreme))


@pytest.mark.slow
def test_broken_rtl_is_noticed(noticed):
    noticed(BLOCK, "l16", 3)
