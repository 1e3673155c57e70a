"""Faults of the streaming engine: none in its control goes unnoticed, nearly none in its datapath.

Tables are those of golden.vector.piecewise, whose bench gives every code.
"""

import re

import pytest

from hw.emit import reachable
from sim.benches.attention import streaming
from sim.campaign import judged
from sim.mutate import mutation_score

BLOCK = "attention/streaming"
NODES = "schedule|score|l|o|weighted|quotient"
CONTROL = re.compile(rf"(streaming_\w+_({NODES})|streaming_\w+_f\d+_\d+|fifo_\w+)$")
DATA = re.compile(r"(streaming_\w+_(lane|weight|reciprocal)|attention_\w+)$")

# What may survive in the control, and in the datapath.
IDLE = {"a group of one row has one slot": r"turn\.slot +\+ 1'h1"}
EQUIVALENT = {
    "no sum, weight or quotient is infinite or no number": r"_(nan|infinite|special|beyond|ones)\b",
    "1 / l where l is 0, and so is o": r"o__payload\.code .*27'h1;",
    "the last place of a product, which is but sticky": r"exact_significand_product\[0\]",
}


def modules(case, which):
    """Names of a case's modules that match."""
    from hw.attention.streaming import definition

    (given,) = (each.parameters for each in streaming.CASES if each.name == case)
    return {
        each.name for each in reachable(definition(streaming.params_of(**given))) if which.search(each.name)
    }


def survivors(case, which, number, seed=1):
    """(faults killed, those that were not and are not proven to be none)."""
    score = mutation_score(BLOCK, case, number, seed=seed, modules=modules(case, which), timeout=300)
    (sound,) = (each.build()[0] for each in streaming.CASES if each.name == case)
    return score.killed, [str(each) for each in score.survivors if not judged(BLOCK, sound, each).why]


def test_faults_of_its_control_are_noticed(has):
    has("icarus")
    killed, alive = survivors("int8-c2-r2", CONTROL, 4)
    assert not alive, "\n".join(alive)
    assert killed


@pytest.mark.slow
@pytest.mark.parametrize("case", ["int8-c2-r2", "int8-c1-r3", "fp16-c4-r4-m11"])
def test_no_fault_of_its_control_survives(has, case):
    has("icarus")
    killed, alive = survivors(case, CONTROL, 40)
    alone = "-c1-" in case
    alive = [each for each in alive if not (alone and re.search("|".join(IDLE.values()), each))]
    assert not alive, "\n".join(alive)
    assert killed >= 30


@pytest.mark.slow
def test_nearly_all_faults_of_its_datapath_are_noticed(has):
    has("icarus")
    killed, alive = survivors("fp16-c4-r4-m11", DATA, 40)
    harmless = re.compile("|".join(EQUIVALENT.values()))
    left = [each for each in alive if not harmless.search(each)]
    print("\n".join(left))
    assert len(left) <= 2 and killed >= 30
