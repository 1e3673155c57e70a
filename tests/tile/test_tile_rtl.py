"""The tile's RTL: no part of it is made in vain; 60 faults, of which some are none."""

import gc
import re
import warnings

import pytest
from amaranth.hdl import UnusedElaboratable

from golden.pe import bitmod
from golden.tile.params import TileParams
from hw.emit import verilog
from hw.tile.tile import definition
from sim.mutate import mutation_score

BLOCK = "tile/tile"

# What may survive of lut2-int8: sums of 14 bits by scales of 11, totals of 24, all finite.
EQUIVALENT = {
    "loaded when a group's sums are kept, before a row leaves": r"\(rst\) row <=",
    "no sum, scale or total is infinite or no number": r"_(nan|infinite|special|beyond|ones)\b",
    "a difference of 24 and 25 bits ends above the adder's last places": r"sum_total\[[0-2]\]",
    "and there is none to count": r"assign sum_zeros_(none_)?(0_[01]|1_0)\b",
    "a product has 25 bits, whichever of those above is looked at": r"product_zeros_1_7\[1\] \};",
    "no capture follows, since the phase is reset, and a step more is cleared": r"\(rst\) .inside ",
    "what is shifted out by 32 places or more rounds nothing": r"= [|&] sum_small\[",
    "the sign, copied": r"neighbouring bits, line \d+: assign (term|entry)_",
    "nothing finishes in the cells": r"assign finish =",
}


@pytest.mark.parametrize("p", [TileParams(rows=1, cols=1), TileParams(rows=1, cols=1, pe=bitmod.Params())],
                         ids=lambda p: p.name)  # fmt: skip
def test_no_part_is_made_and_left_unused(p):
    """Amaranth warns of a component that is never elaborated."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        verilog(definition(p))
        gc.collect()
    assert [str(each.message) for each in said if each.category is UnusedElaboratable] == []


@pytest.mark.slow
def test_nearly_all_broken_rtl_is_noticed(has):
    """What is left are rare ties of the adder's rounding: test_tile_driver meets those, with more sums."""
    has("icarus")
    score = mutation_score(BLOCK, "lut2-int8", 60)
    harmless = re.compile("|".join(EQUIVALENT.values()))
    alive = [str(mutant) for mutant in score.survivors if not harmless.search(str(mutant))]
    print("\n".join(alive))
    assert len(alive) <= 3 and score.killed >= 46  # 95 % of those that change anything
