"""The attention unit: ATTEND takes rows of queries through their attention to keys and values, head by head.

    q[i, w]    word w of query i: q + w + i q_stride + c1 q_stride1 + c2 q_stride2, likewise k, v and out
    mask[n]    vector n of 16-bit codes, one a key: mask + 2 n

Loops 1 and 2 are over heads: heads of queries that share a head's keys have a stride of 0 there. The values
are those of golden.accelerator.attend, the cycles those of attend_cycles. One command after the other.
Windows whose keys are fewer than all are several commands, each of some queries and the keys that they need.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from golden.accelerator import attend, attend_cycles
from golden.accelerator.assembler import Command
from golden.accelerator.attend import AttentionParams
from golden.accelerator.commands import AtMost, Opcode, count, place, signed, unsigned
from golden.accelerator.elements import Kind
from golden.accelerator.footprints import Fields, Footprint, Walk, loops_of
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.unit_timing import UnitTiming
from golden.accelerator.units import Stream, UnitState
from golden.attention.arithmetic import MAX_SHIFT
from golden.division import ceil_div

if TYPE_CHECKING:
    from golden.accelerator.machine import Machine

NUMBER = 4
Params = AttentionParams
SIDES = ("q", "k", "v", "out")


def found(p: AcceleratorParams) -> AttentionParams | None:
    """The unit of a design, if it has one."""
    return next((each for each in p.more if isinstance(each, AttentionParams)), None)


def unit_params(p: AcceleratorParams) -> AttentionParams:
    """The unit of a design; for one without it, the default."""
    return found(p) or AttentionParams()


ATTEND = Opcode(NUMBER, 0, "ATTEND", (
    place("q", "scratchpad address of the first query"),
    place("k", "of the first key"),
    place("v", "of the first value"),
    place("out", "of the first result"),
    place("mask", "of the mask, int16, a code a key"),
    count("queries", "of a head"),
    count("keys", "of a head"),
    count("words", "of a query, a key, a value, a result: int8"),
    *(count(f"count{i}", f"of loop {i} over heads") for i in (1, 2)),
    *(signed(f"{side}_stride", 16, "from row to row") for side in SIDES),
    *(signed(f"{side}_stride{i}", 16, f"of loop {i}") for i in (1, 2) for side in SIDES),
    signed("position", 17, "of the first query, where the first key has 0"),
    unsigned("left", 16, "keys behind a query's position that count, where bounded_left"),
    unsigned("right", 16, "keys ahead of it that count, where bounded_right"),
    unsigned("bounded_left", 1, "0: all that are behind count"),
    unsigned("bounded_right", 1, "0: all that are ahead count"),
    unsigned("multiplier", 16, "from products of codes to scores, 256 to an octave"),
    count("shift", "of that product", 6),
    unsigned("mask_multiplier", 3, "of the mask's codes, which are added to scores; 0: no mask"),
    unsigned("out_multiplier", 16, "from values, 8 bits below v's last, to results"),
    count("out_shift", "of that product", 6),
    signed("zero_point", 8, "added at last"),
    signed("low", 8, "least result"),
    signed("high", 8, "greatest result"),
), (
    AtMost(("keys",), lambda p: unit_params(p).keys, attend.KEYS[-1], "scores of a row that wait"),
    AtMost(("words",), lambda p: unit_params(p).words(p.lanes), 64, "words of the unit's head_dim"),
    *(AtMost((name,), lambda p: MAX_SHIFT, MAX_SHIFT, "bits") for name in ("shift", "out_shift")),
))  # fmt: skip
COMMANDS = (ATTEND,)
READERS = {"attend_q": 26, "attend_k": 27, "attend_v": 28, "attend_mask": 29}
WRITERS = {"attended": 32}
MEMORY = ""
STREAMS: Mapping[str, Stream] = {}
CAUSES: Mapping[str, tuple[int, str]] = {}
State = UnitState


def rows(f: Fields, side: str) -> Walk:
    """Over the rows of a side: first words, a head's rows innermost."""
    count = f["queries" if side in ("q", "out") else "keys"]
    return f[side], [(count, f[f"{side}_stride"]), *loops_of(f, f"{side}_stride", (1, 2))]


def words(f: Fields, side: str) -> Walk:
    """Over all words of a side."""
    base, loops = rows(f, side)
    return base, [(f["words"], 1), *loops]


def mask_words(p: AcceleratorParams, f: Fields) -> int:
    """Words of the mask that a command reads."""
    return attend_cycles.HALF_WORDS * ceil_div(f["keys"], p.lanes) if f["mask_multiplier"] else 0


def footprint(p: AcceleratorParams, command: Command) -> Footprint:
    f = command.fields
    reads = [words(f, side) for side in ("q", "k", "v")]
    if f["mask_multiplier"]:
        reads.append((f["mask"], [(mask_words(p, f), 1)]))
    return Footprint(reads=reads, writes=[words(f, "out")])


def execute(p: AcceleratorParams, command: Command, machine: "Machine") -> None:
    f = command.fields
    q, k, v = (
        machine.elements(machine.grid(*rows(f, side)), f["words"], np.int8).astype(np.int64)
        for side in ("q", "k", "v")
    )
    mask = np.zeros(f["keys"], np.int64)
    if f["mask_multiplier"]:
        mask = machine.elements(np.array(f["mask"]), mask_words(p, f), np.int16)[: f["keys"]].astype(np.int64)
    out = attend.attend(unit_params(p).arithmetic(p.lanes), f, q, k, v, mask)
    places = machine.grid(*rows(f, "out"))[..., None] + np.arange(f["words"])
    machine.write(places, out.reshape(*places.shape, p.lanes), Kind.BYTE)


def work(p: AcceleratorParams, command: Command) -> int:
    """Cycles from a command's acceptance to its `done`, where each request is granted at once."""
    f = command.fields
    heads = f["count1"] * f["count2"]
    shape = f["queries"], f["keys"], f["words"], heads, f["mask_multiplier"] > 0
    return attend_cycles.cycles(unit_params(p), p.lanes, *shape)


class Timing(UnitTiming):
    """One command after the other."""

    def cycles(self, command: Command) -> int:
        return work(self.p, command)
