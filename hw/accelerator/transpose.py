"""The corner-turn: square tiles transposed as they pass. Golden: golden.accelerator.transpose."""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.emit import Definition
from hw.lanes import lane


class SquareRow(wiring.Component):
    """A row of the square: at `step` it takes the word above or, `across`, a lane from the left.

    above  the word of the row above, or the one that enters
    left   the lane that enters
    """

    def __init__(self, lanes: int, width: int):
        size = lanes * width
        super().__init__({
            "step": In(1),
            "across": In(1),
            "above": In(size),
            "left": In(width),
            "row": Out(size),
        })

    def elaborate(self, platform):
        m = Module()
        row = Signal(len(self.row), name="held", reset_less=True)
        with m.If(self.step):
            m.d.sync += row.eq(Mux(self.across, Cat(self.left, row[: -len(self.left)]), self.above))
        m.d.comb += self.row.eq(row)
        return m


class Transpose(wiring.Component):
    """i     stream of words of `lanes` lanes; i.ready is combinational, from o.ready
    o     stream of words, combinational from i.valid
    busy  words are inside

    The words of a tile come last word first and leave last word first. They enter down the square, those of
    the next tile across it, which moves the tile before out by its columns, and so in turns. While a tile
    leaves, the next one enters in step with it if it has begun to.
    """

    def __init__(self, lanes: int, width: int):
        self.lanes = lanes
        self.row = Definition(f"transpose_row_{lanes}x{width}", SquareRow(lanes, width))
        self.uses = (self.row,)
        super().__init__({
            "i": In(stream.Signature(lanes * width)),
            "o": Out(stream.Signature(lanes * width)),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self.lanes
        entered = Signal(range(lanes))  # words of the tile that enters
        held = Signal(range(lanes + 1))  # words of the one that leaves
        across, step, enters, leaves = (Signal(name=name) for name in ("across", "step", "enters", "leaves"))
        m.d.comb += [
            self.o.valid.eq((held != 0) & (self.i.valid | (entered == 0))),
            self.i.ready.eq((held == 0) | self.o.ready),
            enters.eq(self.i.valid & self.i.ready),
            leaves.eq(self.o.valid & self.o.ready),
            step.eq(enters | leaves),
            self.busy.eq((held != 0) | (entered != 0)),
        ]
        with m.If(leaves):
            m.d.sync += held.eq(held - 1)
        with m.If(enters):
            m.d.sync += entered.eq(entered + 1)
            with m.If(entered == lanes - 1):
                m.d.sync += [entered.eq(0), held.eq(lanes), across.eq(~across)]
        self.square(m, step, across)
        return m

    def square(self, m, step, across):
        """The rows; a word leaves at the lowest of them or, across, at their last lanes."""
        lanes, word = self.lanes, self.i.payload
        above = word
        last = []
        for index in range(lanes):
            row = Signal.like(word, name=f"row_{index}")
            self.row.place(
                m, f"row_{index}", step=step, across=across, above=above, row=row,
                left=lane(word, index, lanes),
            )
            last.append(lane(row, lanes - 1, lanes))
            above = row
        m.d.comb += self.o.payload.eq(Mux(across, Cat(last), above))


@cache
def definition(lanes: int, width: int) -> Definition:
    """The corner-turn of lanes x lanes lanes of `width` bits."""
    return Definition(f"transpose_{lanes}x{width}", Transpose(lanes, width))
