"""The softmax engine's RTL: its bench passes on both simulators, and fails when the RTL is broken."""

import re

import pytest

from golden.formats import Int
from golden.vector.softmax import SoftmaxParams
from hw.emit import verilog
from hw.vector.softmax import definition
from sim.accept import icarus_accepts, yosys_accepts
from sim.benches.vector.softmax import CASES, in_layout
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint

P = SoftmaxParams(score=Int(12), fraction=6, max_length=24, lanes=3)


@pytest.fixture(scope="module")
def block():
    return definition(P)


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
    (result,) = run_block("vector/softmax", case=case)
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("case", ["small-x1", "int16-uint16-x4"])
def test_bench_passes_on_icarus(case):
    skip_without("icarus")
    (result,) = run_block("vector/softmax", simulator="icarus", case=case)
    assert result.passed, "\n".join(result.messages)


def test_the_names_carry_the_parameters(text):
    engine = "softmax_int12_q6_uint16_m17_s4_n24"
    assert set(re.findall(r"^module (\w+)\(", text, re.MULTILINE)) == {
        "piecewise_uint6_q6_uint18_q17_s4_d2_exp2",
        f"{engine}_lane",
        "piecewise_uint18_q18_uint19_q18_s6_d2_inverse",
        "reciprocal_28_18",
        f"{engine}_x3",
    }


def test_the_word_is_as_wide_as_the_bench_packs_it(text):
    width = sum(bits * lanes for _, bits, lanes in in_layout(P))
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
    score = mutation_score("vector/softmax", "small-x3", 6, seed=8)
    assert (score.killed, score.survivors) == (6, [])
