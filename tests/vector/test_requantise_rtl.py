"""The requantiser's Verilog: names and the word; faults that change nothing; ties that hardly ever occur."""

import re

import pytest

from golden.formats import Int
from golden.vector.requantise import RequantiseParams
from hw.emit import verilog
from hw.vector.requantise import definition
from sim.benches.vector.requantise import CASES, layout_of
from sim.mutate import mutation_score
from sim.runner import run_bench

BLOCK = "vector/requantise"

# What may survive of int5-int3-half_even, of which the bench tries every sum, multiplier and shift.
EQUIVALENT = {
    "at an end, or one above the lower, clipping gives the same": r"placed\) [<>]=|plus one.*placed\) <",
    "both operands are as wide as their sum": r"sign dropped.*assign placed =",
    "that bit is round_up, which is high where this is read": r"-> .*= & halves\[8:0\]",
    "shift is at least 1: that bit is cut off": r"-> .*\$signed\(\{ product, 1'h1 \}\)",
    "nobody reads the bit above halves": r"-> .*(\[9\], halves \} =|\[10:1\] = halves;)",
}

P = RequantiseParams(acc=Int(20), multiplier=Int(12, signed=False), out=Int(4), max_shift=31)
LANES = 3


@pytest.fixture(scope="module")
def text():
    return verilog(definition(P, LANES))


def test_the_names_carry_the_parameters(text):
    lane = "requantise_int20_uint12_int4_shift31_half_even"
    assert re.findall(r"^module (\w+)\(", text, re.MULTILINE) == [lane, f"{lane}_x3"]


def test_the_lane_is_placed_once_a_lane(text):
    assert re.findall(r"\b(lane_\d+) \(", text) == ["lane_0", "lane_1", "lane_2"]


def test_the_word_is_as_wide_as_the_bench_packs_it(text):
    width = sum(bits * lanes for _, bits, lanes in layout_of(P, LANES))
    assert f"input [{width - 1}:0] i_payload;" in text


@pytest.mark.slow
def test_what_is_not_noticed_changes_nothing(has):
    has("icarus")
    score = mutation_score(BLOCK, "int5-int3-half_even", 60)
    harmless = re.compile("|".join(EQUIVALENT.values()))
    assert [str(mutant) for mutant in score.survivors if not harmless.search(str(mutant))] == []
    assert score.killed > 50


RARE = [("~ product[48]", "~ product[47]"), ("8'hff", "8'hfe"), ("8'hff", "8'hbf")]


@pytest.mark.parametrize("old, new", RARE)
def test_a_tie_that_one_product_in_2_to_the_48_meets_is_tried(has, old, new):
    has("icarus")
    case = next(each for each in CASES if each.name == "int32-int8-half_away")
    text, top = case.build()
    assert old in text
    bench = "sim.benches.vector.requantise"
    result = run_bench(
        text.replace(old, new), top, bench, simulator="icarus", parameters=case.parameters, stop_at_first=True
    )
    assert result.built
    assert "codes_match_golden" in result.messages[0]
