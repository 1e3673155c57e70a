"""The write master's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from golden.axi.write import WriteParams
from hw.axi.write import definition
from sim.benches.axi.write import CASES

BLOCK = "axi/write"

EXTREMES = {
    "usual": WriteParams(),
    "least": WriteParams(data_bits=512, bytes_bits=8, longest_burst=1, outstanding=1),
    "b256": WriteParams(address_bits=64, data_bits=32, longest_burst=256, outstanding=3),
}


@pytest.mark.parametrize("case", ["d32-b4"])
def test_bench_passes_on_verilator(passes, case):
    passes(BLOCK, case)


@pytest.mark.parametrize("case", ["d64-b1", "d128-b16"])
def test_bench_passes_on_icarus(passes, case):
    passes(BLOCK, case, "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, "icarus", seed)


@pytest.mark.parametrize("name", EXTREMES)
def test_every_tool_reads_it_without_a_warning(readable, name):
    readable(definition(EXTREMES[name]))


def test_broken_rtl_is_noticed(noticed):
    noticed(BLOCK, "d32-b4", 3)
