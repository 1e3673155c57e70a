"""The RTL of piecewise functions: its bench passes on both simulators, and fails when the RTL is broken."""

import re

import pytest

from golden.formats import Int
from golden.vector.piecewise import PiecewiseParams
from hw.emit import verilog
from hw.vector.piecewise import definition
from sim.accept import icarus_accepts, yosys_accepts
from sim.benches.vector.piecewise import CASES, layout_of
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint

P = PiecewiseParams(input=Int(8), input_fraction=4, functions=("gelu", "tanh", "relu"), segment_bits=5)
LANES = 3


@pytest.fixture(scope="module")
def block():
    return definition(P, LANES)


@pytest.fixture(scope="module")
def text(block):
    return verilog(block)


def skip_without(simulator):
    try:
        environment_of(simulator)
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_bench_passes_on_verilator(case):
    (result,) = run_block("vector/piecewise", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("case", ["all-int8", "exp2-uint12"])
def test_bench_passes_on_icarus(case):
    skip_without("icarus")
    (result,) = run_block("vector/piecewise", simulator="icarus", case=case)
    assert result.passed, "\n".join(result.messages)


def test_the_names_carry_the_parameters(text):
    lane = "piecewise_int8_q4_int16_q12_s5_d2_gelu_tanh_relu"
    assert re.findall(r"^module (\w+)\(", text, re.MULTILINE) == [lane, f"{lane}_x3"]


def test_the_word_is_as_wide_as_the_bench_packs_it(text):
    width = sum(bits * lanes for _, bits, lanes in layout_of(P, LANES))
    assert f"input [{width - 1}:0] i_payload;" in text


def test_verilator_finds_nothing_to_warn_of(text, block):
    verilate_lint(text, block.name)


@pytest.mark.parametrize("tool", ["icarus", "yosys"])
def test_other_tools_accept_it(text, block, tool):
    try:
        icarus_accepts(text) if tool == "icarus" else yosys_accepts(text, block.name)
    except ToolMissing as missing:
        pytest.skip(str(missing))


def test_broken_arithmetic_is_noticed():
    skip_without("icarus")
    score = mutation_score("vector/piecewise", "int6-saturating", 8, seed=31)
    assert (score.killed, score.survivors) == (8, [])
