"""The multiplier PE's RTL: its bench passes on both simulators, and fails when the RTL is broken."""

import pytest

from sim.benches.pe.multiplier import CASES
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing


def passes(case, simulator):
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    (result,) = run_block("pe/multiplier", simulator=simulator, case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_rtl_is_golden(case):
    passes(case, "icarus")


@pytest.mark.parametrize("case", ["int8-int8-r3"])
def test_rtl_is_golden_on_verilator(case):
    passes(case, "verilator")


@pytest.mark.slow
@pytest.mark.parametrize("case", ["int8-int8-r0", "int4-int8-r3"])
def test_no_fault_survives(case):
    score = mutation_score("pe/multiplier", case, 1000)
    print(f"pe/multiplier {case}: killed {score.killed}, survived {len(score.survivors)}")
    assert score.killed and not score.survivors, "\n".join(map(str, score.survivors))
