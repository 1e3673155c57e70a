"""What the Verilog of attention's lanes promises to whoever places them: names that tell all that differ."""

import re

import pytest

from golden.attention.arithmetic import Arithmetic, fp16
from golden.formats import Int
from hw.attention import products, quotients, scores, weights
from hw.emit import verilog

LANES = {
    "dot_product": products.dot_product, "value_product": products.value_product, "score": scores.score_lane,
    "weight": weights.weight_lane, "quotient": quotients.quotient_lane,
}  # fmt: skip
PARAMETERS = [
    Arithmetic(), Arithmetic(key=Int(4)), Arithmetic(query=Int(4)), Arithmetic(head_dim=128),
    Arithmetic(keys=513), Arithmetic(keys=513, value=Int(7), out_fraction=9), Arithmetic(out_fraction=4),
    Arithmetic(fraction=6), Arithmetic(score=Int(12)), Arithmetic(weight_bits=15), Arithmetic(segment_bits=3),
    Arithmetic(degree=2), Arithmetic(degree=0), Arithmetic(softcap=True),
    Arithmetic(value=Int(12), out_fraction=4), fp16(),
    fp16(dot_integer=15, dot_fraction=21), fp16(dot_fraction=19), fp16(weight_bits=23), fp16(keys=9000),
]  # fmt: skip


@pytest.mark.parametrize("lane", LANES)
def test_lanes_of_one_name_are_one(lane):
    found = {}
    for p in PARAMETERS:
        definition = LANES[lane](p)
        text = definition.rtlil()
        assert found.setdefault(definition.name, text) == text, definition.name


def test_a_lane_places_what_it_uses():
    text = verilog(weights.definition(Arithmetic()))
    assert set(re.findall(r"^module (\w+)\(", text, re.MULTILINE)) == {
        "piecewise_uint8_q8_uint17_q16_s4_d1_power",
        "attention_weight_int16_q8_w16_s4_d1",
        "attention_weight_int16_q8_w16_s4_d1_stream",
    }
