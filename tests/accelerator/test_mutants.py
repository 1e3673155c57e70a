"""A fault or two in every block of the accelerator, by seed: its bench notices. `make mutate` has more.

Of blocks whose bench takes 10 s and more for a fault there is one here, to keep within CI's time; each
block's own file has three among its slow tests.
"""

import pytest

from sim.campaign import judged
from sim.mutate import mutation_score
from sim.runner import blocks

DEAR = ("control", "load", "store", "vector")
# case and seed: small, and of faults that end a run soon
BLOCKS = {
    "control": ("l16-q8", 4), "exponential": ("x4", 7), "fetcher": ("4-4x4", 1), "load": ("4-o4", 2),
    "map_lanes": ("x4-plain", 5), "memory_port": ("l4", 1), "multiply": ("4-int8-int8", 1),
    "normalise": ("x4", 7), "registers": ("l4", 1), "scratchpad": ("4x64x4", 1), "store": ("4-o4", 2),
    "transpose": ("4x8", 1), "vector": ("x4", 1), "walk": ("3x32", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKS)
def test_faults_of_every_block_are_noticed(has, name):
    """That the bench passes on the block as it is, its own tests say."""
    has("icarus")
    block, (case, seed) = f"accelerator/{name}", BLOCKS[name]
    faults = 1 if name in DEAR else 2
    score = mutation_score(block, case, faults, seed=seed, timeout=300, sound=True)
    verilog, _ = next(each for each in blocks()[block].CASES if each.name == case).build()
    left = [str(mutant) for mutant in score.survivors if not judged(block, verilog, mutant).why]
    assert not left, "\n".join(left)
    assert score.killed + len(score.survivors) == faults, "a fault that does not build: take another seed"
