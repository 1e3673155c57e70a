"""Random models on a matrix unit and on an accelerator: nothing wrong, nothing crashed, refusals by name.

CI takes the first SAMPLE seeds of each kind; test-all takes 20,000 cases (4,000 of each kind), each on one of
the designs.
"""

from pathlib import Path

import pytest

from tests.campaign.__main__ import BAD, DESIGNS, one
from tests.campaign.cases import KINDS

pytestmark = pytest.mark.broad

SAMPLE, PROGRAMS, ALL = 100, 25, 4000


def bad(kind: str, design: str, seeds, engine: str = "model") -> list[str]:
    """What is not as it should be, a line a case with the command that repeats it."""
    outcomes = [one((kind, seed, design, engine)) for seed in seeds]
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
    found = bad(kind, "accelerator16_int8", range(SAMPLE, SAMPLE + PROGRAMS), engine="golden")
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(DESIGNS)), ids=DESIGNS)
@pytest.mark.parametrize("kind", KINDS)
def test_all_cases(kind, number):
    found = bad(kind, list(DESIGNS)[number], range(number, ALL, len(DESIGNS)))
    assert not found, "\n".join(found)


def test_the_designs_are_those_of_the_documents():
    assert all(Path(path).exists() for path in DESIGNS.values())
