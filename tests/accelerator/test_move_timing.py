"""Load and store units at the memory port: golden's cycles of each command, by the bench."""

import pytest

from sim.benches.accelerator.move_timing import CASES
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing


@pytest.mark.parametrize("case", ["4-o4"])
def test_bench_passes_on_verilator(case):
    (result,) = run_block("accelerator/move_timing", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(case, seed):
    try:
        environment_of("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    (result,) = run_block("accelerator/move_timing", simulator="icarus", case=case, seed=seed)
    assert result.passed, "\n".join(result.messages)
