"""The multiply unit's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from hw.accelerator.multiply import definition
from sim.benches.accelerator.multiply import CASES, params_of

BLOCK = "accelerator/multiply"


@pytest.mark.parametrize("case", ["4-int8-int8", "4-int4-int8-r1"])
def test_bench_passes_on_verilator(passes, case):
    passes(BLOCK, case)


@pytest.mark.parametrize("case", ["4-uint1-uint8"])
def test_bench_passes_on_icarus(passes, case):
    passes(BLOCK, case, "icarus")


@pytest.mark.slow
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_another_seed(passes, case):
    passes(BLOCK, case, seed=2)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_tool_reads_it_without_a_warning(readable, case):
    readable(definition(params_of(case.parameters)))


@pytest.mark.slow
def test_broken_rtl_is_noticed(noticed):
    noticed(BLOCK, "4-int8-int8", 3)
