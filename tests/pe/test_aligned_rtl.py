"""The pre-aligned PE's RTL: golden for every pair of operands; no multiplier."""

import pytest

from golden.formats import Int
from golden.pe.aligned import AlignedParams
from hw.pe import definition
from sim.benches.pe.aligned import CASES

SWEPT = [AlignedParams(), AlignedParams(activation=Int(16), registers=1)]


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_on_icarus(passes, case):
    passes("pe/aligned", case, "icarus")


def test_bench_passes_on_verilator(passes):
    passes("pe/aligned", "int4-int14-r0")


@pytest.mark.parametrize("p", SWEPT, ids=lambda p: definition(p).name)
def test_every_pair(sweep, p):
    assert sweep(p).every


def test_every_tool_reads_it_and_finds_no_multiplier(readable):
    assert " * " not in readable(definition(AlignedParams(registers=2)))


def test_broken_arithmetic_is_noticed(noticed):
    noticed("pe/aligned", "int4-int14-r0", 6)
