"""The vector unit's bench notices faults in what ties lanes and engines together, which have own benches."""

import re

import pytest

from sim.benches.accelerator.units.vector import CASES
from sim.mutate import mutants
from sim.runner import run_bench

OWN = "vector_"  # modules that hold lanes and engines together; those have benches of their own


def own_lines(text):
    """Numbers of the lines, from 1, of modules whose names begin with OWN."""
    found, module = set(), ""
    for number, line in enumerate(text.splitlines(), 1):
        begins = re.match(r"module (\w+)\(", line)
        module = begins[1] if begins else module
        if module.startswith(OWN):
            found.add(number)
    return found


@pytest.mark.slow
def test_broken_plumbing_is_noticed(has):
    has("icarus")
    (case,) = [each for each in CASES if each.name == "x4"]
    text, top = case.build()
    lines = own_lines(text)
    chosen = [mutant for mutant in mutants(text, 1, len(text)) if mutant.line in lines][:5]
    assert len(chosen) == 5
    for mutant in chosen:
        result = run_bench(
            mutant.verilog, top, "sim.benches.accelerator.units.vector", simulator="icarus",
            parameters=case.parameters, stop_at_first=True,
        )  # fmt: skip
        assert not result.built or not result.passed, str(mutant)
