"""Faults of the window engine's own modules: none goes unnoticed that is one, in either organisation.

Lanes of scores, weights, products and quotients have benches of their own, and so have queues.
"""

import re

import pytest

from hw.emit import reachable
from sim.benches.attention import sliding_window
from sim.campaign import judged
from sim.mutate import mutation_score

BLOCK = "attention/sliding_window"
OWN = re.compile(r"sliding_window_\w+|attention_(dots|value_lane|key_lane)_\w+")


def modules(case):
    """Names of a case's own modules."""
    from hw.attention.sliding_window import definition

    (given,) = (each.parameters for each in sliding_window.CASES if each.name == case)
    placed = reachable(definition(sliding_window.params_of(**given)))
    return {each.name for each in placed if OWN.fullmatch(each.name)}


@pytest.mark.slow
@pytest.mark.parametrize("case, seed", [("int8", 1), ("keys-int8", 2), ("fp16", 3), ("keys-fp16", 4)])
def test_no_fault_survives(has, case, seed):
    has("icarus")
    score = mutation_score(BLOCK, case, 30, seed=seed, modules=modules(case), timeout=300)
    (sound,) = (each.build()[0] for each in sliding_window.CASES if each.name == case)
    alive = [str(each) for each in score.survivors if not judged(BLOCK, sound, each).why]
    assert not alive, "\n".join(alive)
    assert score.killed >= 20
