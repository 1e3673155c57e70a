"""Weight unpacker: words of weights to the rows that the matrix unit takes, and a command for each pass."""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.multiply import TOP_LOOPS, matrix_unit_of
from golden.accelerator.params import AcceleratorParams
from golden.systolic import words
from hw.accelerator import fetcher, transpose
from hw.blocks import word_layout
from hw.emit import Definition
from hw.lanes import bits, lane

AHEAD = 4  # commands whose weights are on the way


def kind_layout(p: AcceleratorParams) -> data.StructLayout:
    """The fields of a command that its weights need: a word is a column (transpose), vectors of a pass
    (count), its sums continue an open tile (open), and stay open (more)."""
    return data.StructLayout({
        "transpose": 1, "count": p.unit.accumulator_rows.bit_length(), "open": 1, "more": 1
    })


def rows_bits(p: AcceleratorParams) -> int:
    """Bits of a word of the matrix unit's `top`: one row of weights, or several."""
    unit = matrix_unit_of(p)
    return unit.rows_in_word * unit.cols * unit.top.width


class WeightUnpacker(wiring.Component):
    """kind      stream, one a command, before its words; ready is a register's
    i         stream of words with the ends of loops, a pass's last word first; ready is combinational, from
              row.ready
    row       stream to the matrix unit's `top`, lowest rows first: combinational from i, or the corner-turn's
    command   stream to its `command`: stands from a pass's last word on
    busy      kinds, rows or a command are inside

    The corner-turn's rows leave before words that need none. It gives one a cycle, also where a word has
    several: the last of them goes with those that wait. Two in a word, of a tile of four:

        cycle         0    1    2    3
        corner-turn   r3   r2   r1   r0
        waits              r3        r1
        row                r3 r2     r1 r0
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.width = p.unit.top.width
        self.each = matrix_unit_of(p).rows_in_word
        self.transpose = transpose.definition(p.lanes, self.width)
        self.uses = (self.transpose,)
        super().__init__({
            "kind": In(stream.Signature(kind_layout(p))),
            "i": In(stream.Signature(fetcher.word_layout(p, TOP_LOOPS))),
            "row": Out(stream.Signature(rows_bits(p))),
            "command": Out(stream.Signature(word_layout(words.fields(matrix_unit_of(p))["command"]))),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, width, word = self.p.lanes, self.width, self.i.p.data
        plain = Signal(len(self.row.payload))
        turned, low = (Signal(lanes * width, name=name) for name in ("turned", "low"))
        turns, turn_ready, turned_valid, turning = bits("turns", "turn_ready", "turned_valid", "turning")
        plain_valid, emptied = bits("plain_valid", "emptied")
        kind, kinds = self.kinds(m)
        gathered, gathered_valid, none_wait = self.gather(m, turned, turned_valid)
        m.d.comb += [
            low.eq(Cat(lane(word, index, lanes)[:width] for index in range(lanes))),
            turns.eq(self.i.valid & kind.transpose),
            plain_valid.eq(self.i.valid & ~kind.transpose & ~turning),
            self.row.valid.eq(Mux(turning, gathered_valid, plain_valid)),
            self.row.payload.eq(Mux(turning, gathered, plain)),
            self.i.ready.eq(Mux(kind.transpose, turn_ready, self.row.ready & ~turning & emptied)),
        ]
        self.transpose.place(
            m, "transpose", i_valid=turns, i_ready=turn_ready, i_payload=low, busy=turning,
            o_valid=turned_valid, o_ready=self.row.ready, o_payload=turned,
        )
        m.d.comb += [plain.eq(low if self.each == 1 else word), emptied.eq(none_wait)]
        standing = self.commands(m, kind, turning, turns & turn_ready)
        m.d.comb += self.busy.eq(kinds | turning | standing)
        return m

    def kinds(self, m):
        """Kinds of the commands whose words are on the way, the one of the word on offer first."""
        size = kind_layout(self.p).size
        held = Signal(AHEAD * size, reset_less=True)
        count = Signal(range(AHEAD + 1))
        comes, goes = bits("kind_comes", "kind_goes")
        moved, place = Signal.like(held), Signal.like(count)
        m.d.comb += [
            self.kind.ready.eq(count != AHEAD),
            comes.eq(self.kind.valid & self.kind.ready),
            goes.eq(self.i.valid & self.i.ready & self.i.p.ends[-1]),
            moved.eq(Mux(goes, held[size:], held)),
            place.eq(count - goes),
        ]
        m.d.sync += [held.eq(moved), count.eq(place + comes)]
        with m.If(comes):
            with m.Switch(place):
                for index in range(AHEAD):
                    with m.Case(index):
                        m.d.sync += held[index * size : (index + 1) * size].eq(self.kind.payload)
        return data.View(kind_layout(self.p), held[:size]), count != 0

    def gather(self, m, turned, turned_valid):
        """The corner-turn's rows in words, of which all but the last row wait: (word, valid, none waits)."""
        if self.each == 1:
            return turned, turned_valid, 1
        waiting = Signal((self.each - 1) * len(turned), reset_less=True)
        count = Signal(range(self.each))  # rows that wait
        gathered = Signal.like(self.row.payload, name="gathered")
        m.d.comb += gathered.eq(Cat(turned, waiting))
        with m.If(turned_valid & self.row.ready):
            # their number is a power of two: from the last back to none
            m.d.sync += [waiting.eq(gathered), count.eq(count + 1)]
        return gathered, turned_valid & (count == self.each - 1), count == 0

    def commands(self, m, kind, turning, turns):
        """A pass's command, when its last word goes: before the next word goes the unit has taken it."""
        word, ends = self.command.p, self.i.p.ends
        tile = data.StructLayout({"count": len(kind.count), "ends": 1, "open": 1, "more": 1})
        own, turned, done = (Signal(tile, name=name) for name in ("own", "turned_tile", "done"))
        row = Signal(range(matrix_unit_of(self.p).loads))
        first = Signal(init=1)
        last = Signal()
        m.d.comb += [
            own.eq(Cat(kind.count, ends[1], kind.open, kind.more)),
            done.eq(Mux(turning, turned, own)),
            last.eq(self.row.valid & self.row.ready & (row == matrix_unit_of(self.p).loads - 1)),
        ]
        with m.If(turns & ends[0]):
            m.d.sync += turned.eq(own)
        with m.If(self.row.valid & self.row.ready):
            m.d.sync += row.eq(row + 1)
        with m.If(last):
            m.d.sync += [
                self.command.valid.eq(1),
                word.count.eq(done.count),
                word.first.eq(first & ~done.open),
                word.final.eq(done.ends & ~done.more),
                first.eq(done.ends),
            ]
        with m.Elif(self.command.ready):
            m.d.sync += self.command.valid.eq(0)
        return self.command.valid


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The way of the weights of `p`."""
    return Definition(f"unpack_{p.lanes}x{p.unit.top}_{p.unit.accumulator_rows}", WeightUnpacker(p))
