"""MAP's lanes, their handshake and their parameters. Golden: golden.accelerator.map_lanes."""

from functools import cache
from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.elements import BLOCK, BLOCK_WORDS
from golden.accelerator.map_lanes import TABLE_ENTRIES
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from hw.accelerator import map_lane
from hw.accelerator.map_lane import BACK, CONSTANTS, FRONT, PIECEWISE, STAGES
from hw.emit import Definition
from hw.lanes import lane

BIAS_WORDS, MULTIPLIER_WORDS, (SHIFT_WORD,) = (range(at, at + words) for at, words, _ in BLOCK)


def window_layout(lanes: int) -> data.StructLayout:
    """A word of MapLanes' `i`."""
    bits = 32 * lanes
    return data.StructLayout({"sums": bits, "a": bits, "b": bits, "first": 1, "last": 1, "p_last": 1})


class MapLanes(wiring.Component):
    """A vector in, a vector out, every cycle.

    constants   of the command, still from its first vector in to its last one out
    i           stream of {sums, a, b; first, last, p_last}; ready is combinational, from o.ready
                a, b: four words, the latest at the top; a vector of bytes is the latest, of halves two
                first, last: of the vectors that give one result; where the command does not reduce, both
                p_last: the last vector that a block of parameters is for
    parameters  stream of the blocks' words in order, BLOCK_WORDS each; a block is taken ahead of its time
    entry_write, entry_address, entry   of the table; not while a command is under way that looks it up
    o           stream of results, 32 bits a lane, of which the low ones count; registered

    All stages move together: `go`.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.lane = map_lane.definition(p)
        self.uses = (self.lane,)
        super().__init__({
            "constants": In(CONSTANTS),
            "i": In(stream.Signature(window_layout(p.lanes))),
            "parameters": In(stream.Signature(8 * p.lanes)),
            "entry_write": In(1),
            "entry_address": In(range(TABLE_ENTRIES)),
            "entry": In(16),
            "o": Out(stream.Signature(32 * p.lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        word, fill, full_use, use = self.blocks(m)
        first, load = self.handshake(m, full_use)
        lanes = self.p.lanes
        group = lanes // 4  # lanes in a word of 32-bit parameters
        strobe = Signal(BLOCK_WORDS)
        m.d.comb += strobe.eq((self.parameters.valid & self.parameters.ready) << word)
        for index in range(lanes):
            operands = {}
            for name, window in (("a", self.i.p.a), ("b", self.i.p.b)):
                for kind, width in (("word", 32), ("half", 16), ("byte", 8)):
                    top = window[(32 - width) * lanes :]
                    operands[f"{name}_{kind}"] = lane(top, index, lanes)
            strobes = {
                "p_bias": strobe[BIAS_WORDS[index // group]],
                "p_multiplier": strobe[MULTIPLIER_WORDS[index // group]],
                "p_load_shift": strobe[SHIFT_WORD],
            }
            self.lane.place(
                m, f"lane_{index}", constants=self.constants.as_value(), load=load, first=first,
                sums=lane(self.i.p.sums, index, lanes), **operands,
                p_word=lane(self.parameters.payload, index % group, group),
                p_shift=lane(self.parameters.payload, index, lanes),
                **strobes,
                p_fill=fill, p_use=use,
                entry_write=self.entry_write, entry_address=self.entry_address, entry=self.entry,
                o=lane(self.o.payload, index, lanes),
            )  # fmt: skip
        return m

    def blocks(self, m: Module):
        """Receive parameter blocks: (number of the next word, its set, whether the set in use is complete,
        that set)."""
        word = Signal(range(BLOCK_WORDS))
        fill, use, full_use = Signal(), Signal(), Signal()
        full = Signal(2)
        self.used = Signal()  # the set in use has served its last vector
        # two sets: one fills while the other is in use
        m.d.comb += self.parameters.ready.eq(~full.bit_select(fill, 1))
        m.d.comb += full_use.eq(full.bit_select(use, 1))
        with m.If(self.used):
            m.d.sync += [full.bit_select(use, 1).eq(0), use.eq(~use)]
        with m.If(self.parameters.valid & self.parameters.ready):
            m.d.sync += word.eq(word + 1)
            with m.If(word == BLOCK_WORDS - 1):
                m.d.sync += [word.eq(0), full.bit_select(fill, 1).eq(1), fill.eq(~fill)]
        return word, fill, full_use, use

    def handshake(self, m: Module, full_use):
        """The handshake of all stages: `first` as stage total needs it, and the stages' load bits."""
        go = Signal()
        valid = {stage: Signal(name=f"{stage}_valid") for stage in STAGES}
        load = {stage: Signal(name=f"{stage}_load") for stage in STAGES}
        piecewise = Signal()
        if self.p.functions:
            m.d.comb += piecewise.eq(self.constants.function >= FIRST_FUNCTION)
        marks = Cat(self.i.p.first, self.i.p.last, self.i.p.p_last)
        for stage in FRONT[: FRONT.index("total")]:
            held = Signal(3, name=f"{stage}_marks", reset_less=True)
            with m.If(load[stage]):
                m.d.sync += held.eq(marks)
            marks = held
        first, last, p_last = marks
        before = dict(zip(FRONT, (self.i.valid, *(valid[stage] for stage in FRONT)), strict=False))
        before["biased"] = valid["total"]
        before["inner"] = valid["looked"] & piecewise
        before |= {stage: valid[earlier] for earlier, stage in pairwise(PIECEWISE)}
        before["post"] = Mux(piecewise, valid["y"], valid["looked"])
        before |= {stage: valid[earlier] for earlier, stage in pairwise(BACK)}
        p_last_total = Signal(reset_less=True)
        for stage in STAGES:
            m.d.comb += load[stage].eq(go & before[stage])
            with m.If(go):
                # of vectors that are reduced, only the last one leaves `total` with a result
                m.d.sync += valid[stage].eq(load[stage] & (last if stage == "total" else 1))
        with m.If(load["total"]):
            m.d.sync += p_last_total.eq(p_last)
        # taken while the stages stand (for parameters): it must not be offered twice
        with m.If(~go & self.o.ready):
            m.d.sync += valid["o"].eq(0)
        m.d.comb += [
            # parameters are needed from `biased` on: until they are complete, what is in `total` waits
            go.eq((~valid["o"] | self.o.ready) & (~valid["total"] | full_use)),
            self.used.eq(load["biased"] & p_last_total),
            self.i.ready.eq(go),
            self.o.valid.eq(valid["o"]),
        ]
        loads = Signal(len(STAGES))
        m.d.comb += loads.eq(Cat(load.values()))
        return first, loads


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The lanes of `p`."""
    return Definition(f"{map_lane.definition(p).name}_x{p.lanes}", MapLanes(p))
