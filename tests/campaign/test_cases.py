"""Random models on a matrix unit and on an accelerator: nothing wrong, nothing crashed, refusals by name.

CI takes the first SAMPLE seeds of each kind; test-all takes 20,000 cases (4,000 of each kind).
"""

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.campaign.__main__ import BAD, DESIGNS, one
from tests.campaign.cases import KINDS

pytestmark = pytest.mark.broad

SAMPLE, ALL = 100, 4000


def bad(kind: str, design: str, seeds, engine: str = "model", workers: int = 1) -> list[str]:
    """What is not as it should be, a line a case with the command that repeats it."""
    tasks = [(kind, seed, design, engine) for seed in seeds]
    if workers == 1:
        outcomes = [one(task) for task in tasks]
    else:
        with ProcessPoolExecutor(workers) as pool:
            outcomes = list(pool.map(one, tasks, chunksize=16))
    assert any(o.outcome == "taken" for o in outcomes), "no case was taken: nothing was compared"
    return [
        f"{o.outcome}: {', '.join(o.operators)}: {o.text}\n  again: python -m tests.campaign "
        f"--kind {kind} --on {design} --first {o.seed} --cases 1"
        for o in outcomes if o.outcome in BAD
    ]  # fmt: skip


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_cases(kind, design):
    found = bad(kind, design, range(SAMPLE))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", ["operator", "network", "quantised"])
def test_programs_give_what_the_coded_network_gives(kind):
    """The interpreter runs the program command by command and compares with the network's own run."""
    found = bad(kind, "accelerator16_int8", range(SAMPLE, SAMPLE + 25), engine="golden")
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("kind", KINDS)
def test_all_cases(kind, design):
    found = bad(kind, design, range(ALL), workers=os.cpu_count() or 1)
    assert not found, "\n".join(found)


def test_the_designs_are_those_of_the_documents():
    assert all(Path(path).exists() for path in DESIGNS.values())
