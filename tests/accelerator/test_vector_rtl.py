"""The vector unit's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import re

import pytest

from hw.accelerator.vector import definition
from sim.benches.accelerator.vector import CASES, params_of
from sim.mutate import mutants
from sim.runner import run_bench

BLOCK = "accelerator/vector"
OWN = "vector_"  # modules that hold lanes and engines together; those have benches of their own


@pytest.mark.parametrize("case", ["x4"])
def test_bench_passes_on_verilator(passes, case):
    passes(BLOCK, case)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(passes, case, seed):
    passes(BLOCK, case, seed=seed)


@pytest.mark.slow
def test_bench_passes_on_icarus(passes):
    passes(BLOCK, "x4", "icarus")


@pytest.mark.parametrize("case", ["x4", "x8-plain"])
def test_every_tool_reads_it_without_a_warning(readable, case):
    (given,) = [each.parameters for each in CASES if each.name == case]
    readable(definition(params_of(given)))


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
            mutant.verilog, top, "sim.benches.accelerator.vector", simulator="icarus",
            parameters=case.parameters, stop_at_first=True,
        )  # fmt: skip
        assert not result.built or not result.passed, str(mutant)
