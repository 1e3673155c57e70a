"""Registers with the one rule for holding."""

import pytest

from sim.benches.stages import CASES
from sim.runner import run_block


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes(case):
    (result,) = run_block("stages", case=case)
    assert result.passed, "\n".join(result.messages)
