"""Faults that change nothing of what a block promises, each with the reason; benches pass them rightly.

Looked up by block, module and the fault as it reads: "kind, line N: before  ->  after". What Yosys can prove
(sim.equivalence) need not stand here.
"""

import re

from sim.mutate import Mutant

# (block, module, fault, why): patterns, searched for in each
EQUIVALENT = [
    ("systolic/|units/matrix|accelerator$", "^(weight|output)_drain", r"\((drain_ready|rst)\) raw_q +<=",
     "input-stationary only"),
    ("systolic/|units/matrix|accelerator$", "sequencer",
     r"if \(rst\) (row_rewind|row_first|row_final|first_q|final_q|leaving_\w+|clear\w*) +<=",
     "loaded with each command or last pair, before it is used"),
    ("systolic/|vector/requantise", "requantise", r"assign \{ \S+ \[\d+\], halves \}|= halves;",
     "the bits beside it are unused"),
    ("systolic/|vector/requantise", "requantise", r"->.*\(placed\) [<>]= ",
     "at the end of the range, clipping or not gives the same"),
    ("systolic/|units/matrix|accelerator$", "column",
     r"if \(rst\) (last_out|load_out|parity_out|swap_out) +<=",
     "what moves is written again before it counts"),
    ("systolic/|units/matrix|accelerator$", "column", r"if \(rst\) held +<=",
     "the first tile after a reset overwrites nothing that is in use"),
    ("systolic/|units/matrix|accelerator$", "skew_[0-9]+x1_reset", r"if \(rst\) stage_",
     "a swap, step or last with nothing behind it, as above"),
    ("systolic/|units/matrix|accelerator$", "skew_[0-9]+x1_reset", r"assign o = |stage_\d+ +<= stage_",
     "all its inputs are one flag"),
    ("systolic/|units/matrix|accelerator$", "matrix_(unit|sums)",
     r"constant plus one, line \d+: if \(rst\) way_\d+ +<= \d+'h0+;  ->",
     "a step that is neither first nor final: it adds to a sum that is begun anew before it is used"),
    ("vector/piecewise", "^piecewise_", r"constant plus one.*table *\[\d+\] = ",
     "the bench gives every code of every function: no result changes with this last bit of a coefficient"),
    ("systolic/|units/matrix|accelerator$", "row_ring", r"if \(rst\) (\\?end|base) +<=",
     "a first pass sets it, and only a pass that is not first reads it"),
    ("accelerator/(control|accelerator)$", "^control_", r"if \(rst\) checked_(wrong|error) +<=",
     "of a command that is there, and a reset leaves none"),
    ("tile/tile", "^tile_6x2_lut_uint1.*_g4$", r"enable dropped.*if \(word_last\) row_kept_",
     "in groups of one word every word is the last, and its sum stays the same until the next"),
    ("vector/dequantise", "^dequantise_int19_int15_uint4_fp16$", r"sum_zeros_0_15 = ~ sum_total\[0\]",
     "never is the guard bit alone set: the product's significand would have to be 2^31 - 1, a prime"),
    ("accelerator/scratchpad", "^scratchpad_", r"operator.*= index_valid & .* -> .* = index_valid \| ",
     "the last reader in the order: a bank that nobody reads is read for nobody"),
    ("accelerator/scratchpad", "^scratchpad_", r"if \(rst\) \w+_accepted +<=",
     "a word of a request before the reset is kept, and nobody looks at it"),
    ("accelerator/map_lanes", "^map_lane_",
     r"neighbouring bits.*-> .*constants\[(120|136)\], constants\[(119|135)\], constants\[",
     "a limit's sign above its 16 bits: only codes of 8 or 16 bits are limited, and no more is stored"),
]  # fmt: skip


def reason(block: str, module: str, mutant: Mutant) -> str:
    """Why a survivor is none, or ""."""
    for where, part, what, why in EQUIVALENT:
        if re.search(where, block) and re.search(part, module) and re.search(what, str(mutant)):
            return why
    return ""
