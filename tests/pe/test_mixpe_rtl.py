"""MixPE's RTL: golden for every pair of operands, or a million; no multiplier."""

import pytest

from golden.formats import Int
from golden.pe.mixpe import MixPeParams
from hw.pe import definition
from sim.benches.pe.mixpe import CASES

SWEPT = [
    *(MixPeParams(registers=registers) for registers in range(3)),
    *(MixPeParams(weight=Int(width, signed)) for width in (2, 3, 8) for signed in (True, False)),
    MixPeParams(weight=Int(4, False), activation=Int(8, False)),
    MixPeParams(weight=Int(8), activation=Int(16)),
]


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_on_icarus(passes, case):
    passes("pe/mixpe", case, "icarus")


def test_bench_passes_on_verilator(passes):
    passes("pe/mixpe", "int4-int8-r2")


@pytest.mark.parametrize("p", SWEPT, ids=lambda p: definition(p).name)
def test_every_pair_or_a_million(sweep, p):
    assert sweep(p).every == (p.weight.width + p.activation.width <= 20)


def test_every_tool_reads_it_and_finds_no_multiplier(readable):
    assert " * " not in readable(definition(MixPeParams()))


def test_broken_arithmetic_is_noticed(noticed):
    noticed("pe/mixpe", "int4-int8-r0", 6)
