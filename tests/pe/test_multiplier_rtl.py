"""The multiplier PE's RTL: its bench passes on both simulators, and fails when the RTL is broken."""

import pytest

from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from hw.pe import definition
from sim.benches.pe.multiplier import CASES
from sim.mutate import mutation_score

SWEPT = [
    MultiplierParams(registers=3),
    *(
        MultiplierParams(weight=weight, activation=activation, multiplier="booth", depth=128)
        for weight, activation in (
            (Int(2), Int(8)), (Int(4), Int(8)), (Int(8), Int(8)), (Int(8, False), Int(8)),
            (Int(3, False), Int(5)), (Int(1), Int(1, False)), (Int(16, False), Int(16)),
            (Int(11, False), Int(11, False)), (Int(32), Int(20)),
        )
    ),
    MultiplierParams(weight=Int(4), logic=True, registers=2),
]  # fmt: skip


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_rtl_is_golden(passes, case):
    passes("pe/multiplier", case, "icarus")


@pytest.mark.parametrize("case", ["int8-int8-r3", "int4-int8-r3-booth"])
def test_rtl_is_golden_on_verilator(passes, case):
    passes("pe/multiplier", case)


@pytest.mark.parametrize("p", SWEPT, ids=lambda p: definition(p).name)
def test_every_pair_or_a_million(sweep, p):
    assert sweep(p).every == (p.weight.width + p.activation.width <= 20)


@pytest.mark.parametrize("weight", [Int(8), Int(8, False)], ids=str)
def test_booths_rows_are_no_multiplier_and_one_addition(readable, weight):
    text = readable(definition(MultiplierParams(weight=weight, multiplier="booth")))
    assert " * " not in text
    assert text.count(" + ") == 2  # of the last two rows, and to the sum


@pytest.mark.slow
@pytest.mark.parametrize("case", ["int8-int8-r0", "int4-int8-r3"])
def test_no_fault_survives(case):
    score = mutation_score("pe/multiplier", case, 1000)
    print(f"pe/multiplier {case}: killed {score.killed}, survived {len(score.survivors)}")
    assert score.killed and not score.survivors, "\n".join(map(str, score.survivors))
