"""The tile's RTL: its bench passes with every PE, on both simulators, and notices broken RTL."""

import pytest

from golden.tile.tile import TileParams
from hw.tile.tile import definition
from sim.benches.tile.tile import CASES

BLOCK = "tile/tile"


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_on_verilator(passes, case):
    passes(BLOCK, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["multiplier", "lut2-int8"])
def test_bench_passes_on_icarus(passes, case):
    passes(BLOCK, case, "icarus")


def test_every_tool_reads_it_without_a_warning(readable):
    readable(definition(TileParams(rows=2, cols=2)))


@pytest.mark.slow
def test_broken_rtl_is_noticed(noticed):
    noticed(BLOCK, "lut2-int8", 60)
