"""What the softmax engine's Verilog promises to whoever ties it: names and the word."""

import re

import pytest

from golden.formats import Int
from golden.vector.softmax import SoftmaxParams
from hw.emit import verilog
from hw.vector.softmax import definition
from sim.benches.vector.softmax import in_layout

P = SoftmaxParams(score=Int(12), fraction=6, max_length=24, lanes=3)


@pytest.fixture(scope="module")
def block():
    return definition(P)


@pytest.fixture(scope="module")
def text(block):
    return verilog(block)


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
