"""The whole accelerator's RTL: its bench passes on both simulators, and every tool reads it."""

import pytest

from golden.accelerator.params import AcceleratorParams
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from hw.accelerator.accelerator import definition
from sim.benches.accelerator.accelerator import CASES

BLOCK = "accelerator/accelerator"

NARROW = MultiplierParams(weight=Int(2), activation=Int(4), depth=1 << 10)
DESIGNS = {
    "4x4-no-functions": AcceleratorParams(
        unit=MatrixUnitParams(rows=4, cols=4, accumulator_rows=4, pe=NARROW), banks=2, bank_words=128,
        queue=2, outstanding=2, read_buffer=16, functions=(),
    ),
    "4x4": AcceleratorParams(
        unit=MatrixUnitParams(rows=4, cols=4), banks=4, bank_words=256, functions=("gelu",)
    ),
    "16x16": AcceleratorParams(),
}  # fmt: skip


def test_bench_passes_on_verilator(passes):
    passes(BLOCK, "4x4")


@pytest.mark.slow
def test_bench_passes_on_icarus(passes):
    passes(BLOCK, "4x4-w4", "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, seed=seed)


@pytest.mark.parametrize("name", ["4x4-no-functions", "4x4", pytest.param("16x16", marks=pytest.mark.slow)])
def test_every_tool_reads_it_without_a_warning(readable, name):
    readable(definition(DESIGNS[name]))
