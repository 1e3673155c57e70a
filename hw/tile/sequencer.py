"""When a word enters the tile, and what follows: flags for the cells, rows for the columns' units."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden import pe as golden_pe
from golden.pe import tiled
from golden.tile.params import TileParams
from hw.emit import Definition
from hw.lanes import delayed
from hw.stages import hold_stages

STAGES = ("exact", "term")


class Sequencer(wiring.Component):
    """command, left, top, scale, o    handshakes of the streams; ready of the inputs is combinational
    groups                          of the command
    take, take_scale                a word enters: operands at left and top; a group's scale does
    step, clear, capture            of the cells
    sums_taken                      the last word of a group entered: its scale is the next to be used
    phase                           which cycle of a word the columns' ports show
    entered, word_first, word_last  a word entered one cycle before; the first of a group, the last
    row                             whose sum the columns' units take next
    finish                          the cells begin to finish their sums
    exact_go, ..., out_go, first    of the columns' units

    A PE that takes 2 cycles a word, no registers, groups of 2 words (w, then x), 2 rows:

        cycle      0   1   2   3   4   5   6   7   8   9
        take       w0      w1      x0          x1
        phase          0   1   0   1   0   1       0   1
        step           1   1   1   1   1   1       1   1
        clear          1               1                    first phase of a group
        capture                    1                   1    last phase of a group
        row                            0   1                into the columns' units
        occupied               1   1   1   1       1   1    the shadows are due

    x1, the last word of its group, waits for cycle 7, since its capture would meet sums that still drain:
    this is the tile's only interlock (golden.tile.cycles.cycles).
    """

    def __init__(self, p: TileParams):
        self.p = p
        flags = (
            "take",
            "take_scale",
            "sums_taken",
            "step",
            "clear",
            "capture",
            "entered",
            "word_first",
            "word_last",
        )
        super().__init__(
            {
                **{f"{name}_valid": In(1) for name in ("command", "left", "top", "scale")},
                **{f"{name}_ready": Out(1) for name in ("command", "left", "top", "scale")},
                "groups": In(range(p.groups + 1)),
                **{name: Out(1) for name in flags},
                "phase": Out(range(max(2, tiled.interval(p.pe)))),
                "finish": Out(1),
                "row": Out(range(max(2, p.rows))),
                **{f"{name}_go": Out(1) for name in (*STAGES, "total")},
                "first": Out(1),
                "out_go": Out(1),
                "o_valid": Out(1),
                "o_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        capture = self.issue(m)
        self.drain(m, capture)
        return m

    def issue(self, m: Module):
        """Words in; returns {flags of the group} as it is captured."""
        p, interval = self.p, tiled.interval(self.p.pe)
        latency = golden_pe.module_of(p.pe).latency(p.pe)
        running, first_group, last_group, free, ready = (
            Signal(name=name) for name in ("running", "first_group", "last_group", "free", "word_ready")
        )
        left = Signal(range(p.groups + 1), name="groups_left")
        word = Signal(range(max(2, p.words)), name="word")
        first, last = word == 0, word == p.words - 1
        busy = Signal(range(max(2, interval)), name="busy")  # cycles that the word inside still takes
        occupied = Signal(name="occupied")
        m.d.comb += [
            last_group.eq(left == 1),
            # only a group's last word needs the shadows free: its sums go there
            free.eq(~occupied | ~last),
            ready.eq(running & (busy == 0) & free),
            self.take.eq(ready & self.left_valid & self.top_valid & (self.scale_valid | ~first)),
            self.left_ready.eq(self.take),
            self.top_ready.eq(self.take),
            self.take_scale.eq(self.take & first),
            self.scale_ready.eq(self.take_scale),
            self.sums_taken.eq(self.take & last),
            self.command_ready.eq(~running | (self.sums_taken & last_group)),
        ]
        with m.If(self.take):
            m.d.sync += word.eq((word + 1)[: len(word)])
            with m.If(last):
                m.d.sync += [word.eq(0), left.eq((left - 1)[: len(left)]), first_group.eq(0)]
                with m.If(last_group):
                    m.d.sync += running.eq(0)
        with m.If(self.command_valid & self.command_ready):
            m.d.sync += [running.eq(1), left.eq(self.groups), first_group.eq(1)]

        inside = Signal(name="inside")  # the word's ports are shown
        if interval == 1:
            m.d.sync += inside.eq(self.take)
            final_phase = 1
        else:
            final_phase = self.phase == interval - 1
            with m.If(self.take):
                m.d.sync += [inside.eq(1), self.phase.eq(0), busy.eq(interval - 1)]
            with m.Else():
                with m.If(busy != 0):
                    m.d.sync += [busy.eq(busy - 1), self.phase.eq((self.phase + 1)[: len(self.phase)])]
                with m.Else():
                    m.d.sync += inside.eq(0)
        of_word = ("first", "last", "group_first", "group_last")
        word_first, word_last, group_first, group_last = (
            Signal(name=f"{name}_q", reset_less=True) for name in of_word
        )
        with m.If(self.take):
            m.d.sync += [word_first.eq(first), word_last.eq(last)]
            m.d.sync += [group_first.eq(first_group), group_last.eq(last_group)]
        m.d.sync += self.entered.eq(self.take)
        m.d.comb += [self.word_first.eq(word_first), self.word_last.eq(self.entered & word_last)]

        # flags of the word inside, as late as the PE's registers make its sums
        first_phase = self.phase == 0 if interval > 1 else 1
        captured = Signal(name="captured")
        stepped, cleared = Signal(name="stepped"), Signal(name="cleared")
        m.d.comb += [
            stepped.eq(inside),
            cleared.eq(word_first & first_phase),
            captured.eq(inside & word_last & final_phase),
        ]
        m.d.comb += [
            self.step.eq(delayed(m, stepped, latency, "step", reset=True)),
            self.clear.eq(delayed(m, cleared, latency, "clear")),
            self.capture.eq(delayed(m, captured, latency, "capture", reset=True)),
        ]
        with m.If(self.sums_taken):
            m.d.sync += occupied.eq(1)
        self.occupied = occupied
        return [
            delayed(m, flag, latency, name)
            for name, flag in (("group_first", group_first), ("group_last", group_last))
        ]

    def drain(self, m: Module, of_group):
        """Rows of the last group's sums out, one a cycle, through the stages of the columns' units."""
        p, finish = self.p, tiled.finish_cycles(self.p.pe)
        draining = Signal(name="draining")
        first, last = (Signal(name=f"{name}_kept", reset_less=True) for name in ("first", "last"))
        ready = self.capture
        with m.If(self.capture):
            m.d.sync += [first.eq(of_group[0]), last.eq(of_group[1])]
        if finish:
            m.d.sync += self.finish.eq(self.capture)
            ready = delayed(m, self.capture, finish, "finished", reset=True)
        with m.If(ready):
            m.d.sync += [draining.eq(1), self.row.eq(0)]
        go = {name: getattr(self, f"{name}_go") for name in STAGES}
        moves = Signal(name="moves")
        held = hold_stages(m, go, valid=draining, ready=moves)
        # a row a cycle, unless the output waits; the shadows are free with the last row
        with m.If(draining & go["exact"]):
            m.d.sync += self.row.eq((self.row + 1)[: len(self.row)])
            with m.If(self.row == p.rows - 1):
                m.d.sync += [draining.eq(0), self.occupied.eq(0), self.row.eq(0)]
        flags = []
        for name, value in (("first", first), ("last", last)):
            for stage in STAGES:
                q = Signal(name=f"{name}_{stage}", reset_less=True)
                with m.If(go[stage]):
                    m.d.sync += q.eq(value)
                value = q
            flags.append(value)
        term_first, term_last = flags
        m.d.comb += [
            self.first.eq(term_first),
            # totals of a group that is not the last stay inside and never wait for the output
            moves.eq(~term_last | ~self.o_valid | self.o_ready),
            self.total_go.eq(held & moves),
            self.out_go.eq(held & moves & term_last),
        ]
        with m.If(~self.o_valid | self.o_ready):
            m.d.sync += self.o_valid.eq(held & term_last)


def definition(p: TileParams) -> Definition:
    """The sequencer of `p`."""
    kind = golden_pe.module_of(p.pe).name(p.pe)
    return Definition(f"tile_sequencer_{p.rows}_{kind}_g{p.group}", Sequencer(p))
