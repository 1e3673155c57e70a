"""Load and store units at the memory port: golden's cycles of each command, by the bench."""

import pytest

from sim.benches.accelerator.move_timing import CASES

BLOCK = "accelerator/move_timing"


@pytest.mark.parametrize("case", ["4-o4"])
def test_bench_passes_on_verilator(passes, case):
    passes(BLOCK, case)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, "icarus", seed)
