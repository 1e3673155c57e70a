"""Which keys of a rolling buffer are read when, a slot a cycle: golden.attention.walk."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from golden.attention.window import WindowParams
from hw.attention.loader import PLACE, wrapped
from hw.attention.steps import StepWalker
from hw.emit import Definition

SINK, SHARED, RANDOM, WINDOW, IDLE = range(5)  # parts of a row


class Walker(StepWalker):
    """One buffer of p.slots + `extra` places, read `delay` cycles behind a slot.

    go                                        a slot may pass
    step                                      a slot passes; of it, and before it passes:
    place, reads, of_sink                     its key's place; whether there is one; it is the sink's
    row_first, row_last                       whether it is its row's first, and last

    Rows of three keys of a window that moves by one, in a buffer of three places:

        cycle        0   1   2   3   4   5   6
        load_place   0   1   2   -   0   -   -      a place is written in the cycle in which it is last read
        place        -   0   1   2   0   1   2      (here row 1 begins in cycle 4: it reads 1, 2, 0)
    """

    def __init__(self, p: WindowParams, extra: int, delay: int):
        flags = ("reads", "of_sink", "row_first", "row_last")
        ports = {"go": In(1), "step": Out(1), "place": Out(range(p.slots + extra))}
        super().__init__(p, extra, delay, **ports, **{name: Out(1) for name in flags})

    def elaborate(self, platform):
        m = Module()
        now, then = self.begin(m)
        m.d.comb += self.row_ends.eq(self.step & self.row_last)
        self.rows(m, now, then)
        self.slots(m, now)
        self.frees(m)
        return m

    def first_part(self, sink, shared, randoms, window):
        """The first part that a row has, of those that still come."""
        return Mux(sink, SINK, Mux(shared, SHARED, Mux(randoms, RANDOM, Mux(window, WINDOW, IDLE))))

    def rows(self, m, now, then):
        """The part of the row, its place within, and how many slots have passed."""
        self.part = Signal(range(5), reset_less=True)
        self.used = Signal.like(self.least, name="used", reset_less=True)
        self.index = Signal.like(self.told["beside"], name="index", reset_less=True)
        self.key = Signal(PLACE, reset_less=True)
        self.key_place = Signal(range(self.size), reset_less=True)
        self.part_ends, self.after = Signal(name="part_ends"), Signal.like(self.part, name="after")
        key_next = Signal(PLACE, name="key_next")
        dilation = self.kept["dilation"]
        place = self.key_place + dilation[: len(self.key_place)]
        place_next = wrapped(m, place, self.size, self.told["beside"], "key_place_next")
        m.d.comb += key_next.eq(self.key + dilation)
        shared, randoms = self.kept["shared"], self.kept["randoms"]
        some = now["begin"] <= now["end"]
        index = self.index + 1
        ends = Mux(self.part == SHARED, index == shared, Mux(self.part == RANDOM, index == randoms, 1))
        before_random, before_window = self.part < RANDOM, self.part < WINDOW
        after = (0, (self.part == SINK) & shared.any(), before_random & randoms.any(), before_window & some)
        m.d.comb += [
            self.part_ends.eq(Mux(self.part == WINDOW, key_next > now["end"], ends)),
            self.after.eq(self.first_part(*after)),
        ]
        m.d.comb += self.row_last.eq(
            self.part_ends & (self.after == IDLE) & (self.used + 1 >= self.kept["least"])
        )
        with m.If(self.step):
            m.d.sync += [self.used.eq(self.used + 1), self.index.eq(Mux(self.part_ends, 0, self.index + 1))]
            with m.If(self.part_ends):
                m.d.sync += self.part.eq(self.after)
            with m.If(self.part == WINDOW):
                m.d.sync += [self.key.eq(key_next), self.key_place.eq(place_next)]
        self.enter(m, now, then)

    def enter(self, m, now, then):
        """The next row: of the same step, of the next, of a new command."""
        kept, comes = self.kept, Signal(name="comes")
        begin, end, place = (Signal.like(now[n], name=f"row_{n}") for n in ("begin", "end", "place"))
        m.d.comb += comes.eq(self.step_ends | self.take)
        m.d.comb += [
            row.eq(Mux(comes, then[n], now[n]))
            for row, n in ((begin, "begin"), (end, "end"), (place, "place"))
        ]
        parts = {
            name: Mux(self.take, getattr(self, name).any(), kept[name].any())
            for name in ("sink", "shared", "randoms")
        }
        with m.If(self.row_ends | self.take):
            m.d.sync += [
                self.used.eq(0),
                self.index.eq(0),
                self.key.eq(begin),
                self.key_place.eq(place),
                self.part.eq(self.first_part(*parts.values(), begin <= end)),
            ]

    def slots(self, m, now):
        """Whether the slot's key stands, and where."""
        there = Signal(init=1)
        m.d.comb += [
            there.eq(1),
            self.step.eq(self.running & there & self.go),
            self.reads.eq((self.part != SINK) & (self.part != IDLE)),
            self.of_sink.eq(self.part == SINK),
            self.row_first.eq(self.used == 0),
        ]
        randoms = self.told["randoms_there"]
        # what the last row of a step has read is counted no more
        random_there = Mux(self.member_last, randoms.any(), self.index < randoms)
        with m.If(self.part == SHARED):
            m.d.comb += there.eq(self.index < self.told["shared_there"])
        with m.If(self.part == RANDOM):
            m.d.comb += there.eq(random_there)
        with m.If(self.part == WINDOW):
            m.d.comb += there.eq(self.key < self.told["loaded"])
        beside = Mux(self.part == RANDOM, self.kept["shared"] + self.index, self.index)
        m.d.comb += self.place.eq(Mux(self.part == WINDOW, self.key_place, beside)[: len(self.place)])

    def frees(self, m):
        """What the last row of a step reads and no later step needs; told when it has been read."""
        window, random = (Signal(name=name) for name in ("done_window", "done_random"))
        last = self.step & self.member_last
        m.d.comb += [
            window.eq(last & (self.part == WINDOW) & (self.key < self.low_next)),
            random.eq(last & (self.part == RANDOM)),
            self.freed["used_random"].eq(random),
        ]
        for name, value in (("free_window", window), ("free_random", random)):
            for stage in range(self.delay):
                q = Signal(name=f"{name}_{stage}", reset_less=True)
                m.d.sync += q.eq(value & ~self.take)  # a new command counts anew
                value = q
            m.d.comb += self.freed[name].eq(value)


def definition(p: WindowParams, extra: int = 0, delay: int = 0) -> Definition:
    """The walker of a buffer with `extra` places, read `delay` cycles behind a slot."""
    return Definition(f"{p.name}_walker_{extra}_{delay}", Walker(p, extra, delay))
