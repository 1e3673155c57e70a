"""The matrix unit: MULTIPLY, whose products leave as a stream of rows of sums.

The values are those of golden.accelerator.multiply, the rules for open tiles those of
golden.accelerator.open_tiles, the cycles those of golden.accelerator.multiply_cycles.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from golden.accelerator.assembler import Command
from golden.accelerator.commands import AtMost, Forbid, Not, Opcode, count, place, signed, unsigned
from golden.accelerator.footprints import Footprint
from golden.accelerator.multiply import (
    LARGEST_PASSES,
    count_of,
    left_walk,
    most_passes,
    multiply,
    passes_of,
    tiles_of,
    top_walk,
    words_of_pass,
)
from golden.accelerator.multiply_cycles import NEVER, MultiplyPipeline
from golden.accelerator.open_tiles import OpenTiles
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.unit_timing import Step, UnitTiming
from golden.accelerator.units import Stream, UnitState

if TYPE_CHECKING:
    from golden.accelerator.machine import Machine
    from golden.accelerator.timing import TimingModel

SUMS = "sums"


def accumulator_rows(p: AcceleratorParams) -> int:
    """Most rows of sums that wait in the unit."""
    return p.unit.accumulator_rows


def sum_bits(p: AcceleratorParams) -> int:
    """Bits of a row of sums, 32 a lane."""
    return 32 * p.lanes


PART = "1 in a part of a product (`open` or `more`)"
NUMBER = 1
Params = None
MULTIPLY = Opcode(NUMBER, 0, "MULTIPLY", (
    place("left", "scratchpad address of the vectors that stream in"),
    count("count_x", "of the inner loop over vectors"),
    signed("stride_x", 16, "of it"),
    count("count_y", "of the outer loop over vectors"),
    signed("stride_y", 16, "of it"),
    *(count(f"count_k{i}", f"of loop {i} over the depth, a pass each") for i in range(3)),
    *(signed(f"stride_k{i}", 16, "of it, of the vectors") for i in range(3)),
    *(count(f"tiles{i}", f"of loop {i} over tiles") for i in range(2)),
    *(signed(f"left_tile_stride{i}", 16, "of it, of the vectors") for i in range(2)),
    place("top", "scratchpad address of the weights"),
    signed("top_row_stride", 16, "between the words of a pass"),
    signed("top_pass_stride", 16, "between passes of a tile, in their order"),
    *(signed(f"top_tile_stride{i}", 16, f"of tile loop {i}, of the weights") for i in range(2)),
    unsigned("transpose", 1, "a word is a column of the weights, not a row (or several)"),
    unsigned("open", 1, "the rows of sums that stand open longest are added to; else new ones begin"),
    unsigned("more", 1, "the rows stay open: no row leaves"),
), (
    AtMost(("count_x", "count_y"), accumulator_rows, 1 << 16, "rows of the accumulators"),
    AtMost(("count_k0", "count_k1", "count_k2"), most_passes, LARGEST_PASSES,
           "passes of `lanes` products, which are no more than pe.group"),
    *(Forbid({part: 1, f"tiles{i}": Not(1)}, PART) for part in ("open", "more") for i in range(2)),
))  # fmt: skip
COMMANDS = (MULTIPLY,)
READERS = {"top": 10, "left": 11}
WRITERS: Mapping[str, int] = {}
MEMORY = ""
STREAMS = {SUMS: Stream(gives=True, bits=sum_bits, room=accumulator_rows)}
CAUSES: Mapping[str, tuple[int, str]] = {}


class State(UnitState):
    """tiles: the queue of open tiles. open: their rows of sums, the oldest first."""

    def __init__(self, p: AcceleratorParams):
        self.tiles = OpenTiles(most_passes(p))
        self.open: list[np.ndarray] = []

    def add(self, command: Command) -> str:
        """Account for the next command of a program; returns what is wrong with it after those
        before, or ""."""
        return self.tiles.add(command.fields)

    def left(self) -> int:
        """Rows of sums that have begun and that no command has finished."""
        return sum(self.tiles.counts)


def footprint(p: AcceleratorParams, command: Command) -> Footprint:
    """The footprint: both operands; rows of sums begin unless they continue an open tile, and leave unless
    they stay open."""
    f = command.fields
    rows = count_of(f) * tiles_of(f)
    return Footprint(
        reads=[(base, list(zip(counts, strides, strict=True)))
               for base, counts, strides in (left_walk(f), top_walk(p, f))],
        begins={SUMS: 0 if f["open"] else rows},
        gives={SUMS: 0 if f["more"] else rows},
    )  # fmt: skip


def work(p: AcceleratorParams, command: Command) -> int:
    """Cycles: for each pass the larger of its vectors and its words of weights."""
    f = command.fields
    return tiles_of(f) * passes_of(f) * max(count_of(f), words_of_pass(p, f))


def execute(p: AcceleratorParams, command: Command, machine: "Machine") -> None:
    """Compute rows of sums; BadValue for a part that the rules for open tiles do not allow."""
    f = command.fields
    state = machine.state_of(State)
    state.tiles.check(f)
    rows = multiply(p, f, machine.scratch).reshape(-1, p.lanes)
    if f["open"]:
        rows = rows + state.open.pop(0)
    if f["more"]:
        state.open.append(rows)
    else:
        machine.give(SUMS, rows)


LONG = 1 << 16  # vectors of no pass at all: it wastes nothing


class Timing(UnitTiming):
    """Timing tile by tile; rows of sums leave when they are taken. The array's idle cycles go to
    model.lost."""

    def __init__(self, model: "TimingModel"):
        super().__init__(model)
        self.pipeline = MultiplyPipeline(model.p)
        self.pipeline.vector = model.start - 1
        self.sums = model.streams[SUMS]
        self.previous = LONG  # vectors of the last pass
        self.made = 0  # rows of sums that have begun

    def idle(self, offered: int) -> int:
        """The first cycle, before a command's offer, in which the array has nothing to do."""
        first = self.pipeline.vector + 1
        if first < offered:
            self.previous = LONG
            self.pipeline.vector = offered - 1
        return first

    def begin(self, command: Command, offered: int) -> int:
        return self.pipeline.accept(offered)

    def finish(self, command: Command, start: int) -> Step:
        f, taken = command.fields, self.sums.taken
        count = count_of(f)
        for _ in range(tiles_of(f)):
            needed = 0 if f["open"] else self.made + count - accumulator_rows(self.p)
            while taken.rows < needed:
                yield
            self.tile(command, taken.cycle(needed - 1) if needed > 0 else NEVER)
            self.made += 0 if f["open"] else count
        self.done = self.pipeline.end()

    def tile(self, command: Command, rows: int) -> None:
        """The next tile, whose sums have room from cycle `rows` on."""
        fields, pipeline, lost = command.fields, self.pipeline, self.model.lost
        count, words = count_of(fields), words_of_pass(self.p, fields)
        passes, across, wasted, filled = passes_of(fields), bool(fields["transpose"]), 0, 0
        for index in range(passes):
            before, held = pipeline.vector, rows if index == 0 else NEVER
            pipeline.load(words, across)
            pipeline.stream(count, held)
            if gap := pipeline.vector - count - before:
                waste = min(gap, max(0, words - self.previous))
                room = min(gap - waste, max(0, held - before)) if index == 0 else 0
                lost["dependency"][self.number] += room
                wasted, filled = wasted + waste, filled + gap - waste - room
            self.previous = count
        for cause, cycles in (("compute", passes * count), ("waste", wasted), ("fill", filled)):
            lost[cause][self.number] += cycles
        if not fields["more"]:
            self.sums.there.append((count, pipeline.vector - count + 1 + pipeline.delivery))

    @property
    def busy_to(self) -> int:
        """The cycle behind the last vector."""
        return self.pipeline.vector + 1
