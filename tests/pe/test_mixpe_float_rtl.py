"""The RTL of MixPE with floating activations: golden over a million operands; no multiplier."""

import pytest

from golden.formats import BF16, FP16, Int
from golden.pe.mixpe_float import Params
from hw.pe import definition
from sim.benches.pe.mixpe_float import CASES

NAMES = [case.name for case in CASES]
LEAN = {"rounding": "truncate", "subnormals": False}
IEEE = {"rounding": "nearest", "subnormals": True}
SWEPT = [
    *(Params(weight=Int(4, signed), **mode) for signed in (True, False) for mode in (LEAN, IEEE)),
    *(Params(weight=Int(4), accumulator=FP16, **mode) for mode in (LEAN, IEEE)),
    *(Params(weight=Int(width), activation=BF16, **IEEE) for width in (2, 8)),
    *(Params(weight=Int(width), registers=2, **LEAN) for width in (2, 8)),
    Params(weight=Int(8, False), activation=BF16, accumulator=FP16, registers=3, **LEAN),
]


@pytest.mark.parametrize("case", NAMES)
def test_bench_passes_on_icarus(passes, case):
    passes("pe/mixpe_float", case, "icarus")


def test_bench_passes_on_verilator(passes):
    passes("pe/mixpe_float", NAMES[1])


@pytest.mark.parametrize("p", SWEPT, ids=lambda p: definition(p).name)
def test_every_pair_or_a_million(sweep, p):
    assert sweep(p).every == (p.weight.width + p.activation.width <= 20)


@pytest.mark.parametrize("mode", [LEAN, IEEE], ids=["lean", "ieee"])
def test_every_tool_reads_it_and_finds_no_multiplier(readable, mode):
    assert " * " not in readable(definition(Params(**mode)))


def test_broken_arithmetic_is_noticed(noticed):
    noticed("pe/mixpe_float", NAMES[1], 6)
