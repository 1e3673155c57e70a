"""Control's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from hw.accelerator.control import definition
from sim.benches.accelerator.control import CASES

BLOCK = "accelerator/control"


def test_bench_passes_on_verilator(passes):
    passes(BLOCK, "l16-q8")


def test_bench_passes_on_icarus(passes):
    passes(BLOCK, "l64-q2", "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, "icarus", seed)


def test_every_tool_reads_it_without_a_warning(readable, extreme):
    readable(definition(extreme))


@pytest.mark.slow
def test_broken_rtl_is_noticed(noticed):
    noticed(BLOCK, "l16-q8", 3)
