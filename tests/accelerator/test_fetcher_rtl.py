"""RTL of the fetcher: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from hw.accelerator.fetcher import definition
from sim.benches.accelerator.fetcher import CASES

BLOCK = "accelerator/fetcher"

EXTREMES = {
    "usual": definition(AcceleratorParams(), 4),
    "least": definition(AcceleratorParams(unit=MatrixUnitParams(rows=4, cols=4)), 1),
    "deep": definition(AcceleratorParams(unit=MatrixUnitParams(rows=64, cols=64)), 7, 16),
}


@pytest.mark.parametrize("case", ["4-4x4"])
def test_bench_passes_on_verilator(passes, case):
    passes(BLOCK, case)


@pytest.mark.parametrize("case", ["16-1x8"])
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
    noticed(BLOCK, "4-4x4", 3, timeout=300)
