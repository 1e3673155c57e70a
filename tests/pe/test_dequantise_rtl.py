"""The dequantising PE's RTL is golden."""

import pytest

from golden.formats import Int
from golden.pe.dequantise import DequantiseParams
from hw.pe import definition
from sim.benches.pe.dequantise import CASES

SWEPT = [
    *(DequantiseParams(registers=registers) for registers in range(3)),
    DequantiseParams(code=Int(4), shift=0, activation=Int(16)),
    DequantiseParams(code=Int(8, False), scale_bits=16, shift=16),
    DequantiseParams(code=Int(3), scale_bits=6, shift=1),  # every word with every activation
]


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_on_icarus(passes, case):
    passes("pe/dequantise", case, "icarus")


def test_bench_passes_on_verilator(passes):
    passes("pe/dequantise", "uint4-s8-int8-r2")


@pytest.mark.parametrize("p", SWEPT, ids=lambda p: definition(p).name)
def test_every_pair_or_a_million(sweep, p):
    assert sweep(p).every == (p.weight.width + p.activation.width <= 20)


def test_every_tool_reads_it(readable):
    readable(definition(DequantiseParams(registers=2)))


def test_broken_arithmetic_is_noticed(noticed):
    noticed("pe/dequantise", "int3-s6-uint8-r0", 8)
