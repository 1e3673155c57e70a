"""What the Verilog of piecewise functions promises to whoever ties it: names and the word."""

import re

import pytest

from golden.formats import Int
from golden.vector.piecewise import PiecewiseParams
from hw.emit import verilog
from hw.vector.piecewise import definition
from sim.benches.vector.piecewise import layout_of

P = PiecewiseParams(input=Int(8), input_fraction=4, functions=("gelu", "tanh", "relu"), segment_bits=5)
LANES = 3


@pytest.fixture(scope="module")
def block():
    return definition(P, LANES)


@pytest.fixture(scope="module")
def text(block):
    return verilog(block)


def test_the_names_carry_the_parameters(text):
    lane = "piecewise_int8_q4_int16_q12_s5_d2_gelu_tanh_relu"
    assert re.findall(r"^module (\w+)\(", text, re.MULTILINE) == [lane, f"{lane}_x3"]


def test_the_word_is_as_wide_as_the_bench_packs_it(text):
    width = sum(bits * lanes for _, bits, lanes in layout_of(P, LANES))
    assert f"input [{width - 1}:0] i_payload;" in text
