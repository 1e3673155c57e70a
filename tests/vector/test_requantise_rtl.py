"""The requantiser's RTL: its bench passes on both simulators, and fails when the RTL is broken."""

import pytest

from golden.formats import Int
from golden.vector.requantise import RequantiseParams
from hw.emit import verilog
from hw.vector.requantise import definition, lane_definition
from sim.benches.vector.requantise import CASES, layout_of
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing

NAMES = [case.name for case in CASES]
# What may survive: at the ends of the range, clipping or not gives the same code.
EQUIVALENT = ("<= $signed(", ">= $signed(")


def passes(case: str, simulator: str) -> None:
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    (result,) = run_block("vector/requantise", simulator=simulator, case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("case", NAMES)
def test_bench_passes_on_verilator(case):
    passes(case, "verilator")


@pytest.mark.parametrize("case", ["int32-int8-half_even"])
def test_bench_passes_on_icarus(case):
    passes(case, "icarus")


def test_a_definitions_name_carries_its_parameters():
    p = RequantiseParams(acc=Int(20), multiplier=Int(12, signed=False), out=Int(4), max_shift=31)
    assert definition(p, 3).name == "requantise_int20_uint12_int4_shift31_half_even_x3"


def test_the_lane_is_written_once():
    p = RequantiseParams()
    text = verilog(definition(p, 5))
    assert text.count(f"module {lane_definition(p).name}(") == 1


def test_the_word_is_as_wide_as_the_bench_packs_it():
    p = RequantiseParams()
    width = len(definition(p, 3).component.i.payload.as_value())
    assert width == sum(bits * lanes for _, bits, lanes in layout_of(p, 3))
