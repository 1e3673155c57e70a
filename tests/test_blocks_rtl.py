"""Every block's RTL: its bench passes on both simulators, every tool reads it, faults in it are noticed.

Which cases, the benches say: QUICK, LONG, EXTREME and MUTANTS of sim.benches. Tests of a block run one behind
the other in one process, which emits each case's Verilog once. What a block has beside them stands in a file
of its own: the matrix unit's coverage, PEs over every pair of operands, faults of which some are none.
"""

import re

import pytest

from sim.campaign import judged, own_modules
from sim.mutate import mutation_score, sites
from sim.runner import blocks

OTHERS = ("systolic/matrix_unit",)  # tests/systolic/test_matrix_unit_rtl.py: what its cases cover together
BENCHES = {name: bench for name, bench in blocks().items() if name not in OTHERS}
SEEDS = (2,)
# what these are for
NO_MULTIPLIER = re.compile("pe/(aligned|bitmod|bitmod_column|bitmod_finish|mixpe|mixpe_float|multiplier)$")


def param(block, *values, slow=False):
    """A test of a block; its id names what is not the block's module."""
    marks = [pytest.mark.slow] if slow else []
    return pytest.param(block, *values, marks=marks, id="-".join(map(str, (block, *values))))


def runs():
    """(block, case, simulator, seed) of each run of a bench."""
    for block, bench in BENCHES.items():
        for which, slow in ((bench.QUICK, False), (getattr(bench, "LONG", {}), True)):
            for simulator, names in which.items():
                yield from (param(block, name, simulator, 1, slow=slow) for name in names)
        first = next(iter(bench.QUICK))
        yield from (param(block, case.name, first, seed, slow=True) for case in bench.CASES for seed in SEEDS)


@pytest.mark.parametrize("block, case, simulator, seed", runs())
def test_bench_passes(passes, block, case, simulator, seed):
    passes(block, case, simulator, seed)


@pytest.mark.parametrize(
    "block, name",
    [param(block, case.name, slow=case.slow) for block, bench in BENCHES.items() for case in bench.EXTREME],
)
def test_every_tool_reads_it_without_a_warning(readable, block, name):
    (case,) = (each for each in BENCHES[block].EXTREME if each.name == name)
    text, top = case.build()
    readable(text, top)
    if NO_MULTIPLIER.match(block):
        assert " * " not in text


@pytest.mark.parametrize(
    "block, case, number, seed",
    [param(block, *each[:3], slow=each.slow) for block, bench in BENCHES.items() for each in bench.MUTANTS],
)
def test_faults_are_noticed(has, block, case, number, seed):
    """In the block's own modules, as in the campaign; what the bench passes is proven or known to be none."""
    has("icarus")
    bench = BENCHES[block]
    ((sound, top),) = (each.build() for each in bench.CASES if each.name == case)
    others = (bench.QUICK, getattr(bench, "LONG", {}))
    passes = any(case in each.get("icarus", ()) for each in others)  # as another test sees
    own = own_modules(block, sound, top)
    score = mutation_score(block, case, number, seed=seed, timeout=300, sound=passes, modules=own)
    left = [str(mutant) for mutant in score.survivors if not judged(block, sound, mutant).why]
    assert not left, "\n".join(left)
    faults, wanted = score.killed + len(score.survivors), min(number, len(list(sites(sound, own))))
    assert score.killed and faults == wanted, "some do not build: another seed"
