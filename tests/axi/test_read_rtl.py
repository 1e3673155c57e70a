"""The read master's RTL: its bench passes on both simulators, fails when the RTL is broken, and lints."""

import pytest

from golden.axi.read import ReadParams
from hw.axi.read import definition
from hw.emit import verilog
from sim.accept import icarus_accepts, yosys_accepts
from sim.benches.axi.read import CASES
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint

EXTREMES = {
    "usual": ReadParams(),
    "least": ReadParams(data_bits=512, bytes_bits=8, longest_burst=1, outstanding=1, buffer=1),
    "b256": ReadParams(address_bits=64, data_bits=32, longest_burst=256, outstanding=3, buffer=300),
}


def has(simulator):
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("case", ["d32-b4"])
def test_bench_passes_on_verilator(case):
    (result,) = run_block("axi/read", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("case", ["d64-b1"])
def test_bench_passes_on_icarus(case):
    has("icarus")
    (result,) = run_block("axi/read", simulator="icarus", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_by_other_seeds(case, seed):
    has("icarus")
    (result,) = run_block("axi/read", simulator="icarus", case=case, seed=seed)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("name", EXTREMES)
def test_every_tool_reads_it_without_a_warning(name):
    block = definition(EXTREMES[name])
    text = verilog(block)
    verilate_lint(text, block.name)
    try:
        icarus_accepts(text)
        yosys_accepts(text, block.name)
    except ToolMissing as missing:
        pytest.skip(str(missing))


def test_broken_rtl_is_noticed():
    has("icarus")
    score = mutation_score("axi/read", "d32-b4", 3)
    assert (score.killed, score.survivors) == (3, [])
