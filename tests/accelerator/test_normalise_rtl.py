"""NORMALISE's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from hw.accelerator.normalise import definition
from sim.benches.accelerator.normalise import CASES

BLOCK = "accelerator/normalise"
QUICK = ["x4", "x16"]


@pytest.mark.parametrize("case", QUICK)
def test_bench_passes_on_verilator(passes, case):
    passes(BLOCK, case)


def test_bench_passes_on_icarus(passes):
    passes(BLOCK, "x4", "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("case", [case.name for case in CASES if case.name not in QUICK])
def test_bench_passes_with_other_lanes(passes, case):
    passes(BLOCK, case, seed=2)


@pytest.mark.parametrize("lanes", [4, 32])
def test_every_tool_reads_it_without_a_warning(readable, lanes):
    readable(definition(AcceleratorParams(unit=MatrixUnitParams(rows=lanes, cols=lanes))))


@pytest.mark.slow
def test_broken_rtl_is_noticed(noticed):
    noticed(BLOCK, "x4", 3, seed=7)
