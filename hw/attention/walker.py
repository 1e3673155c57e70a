"""Which keys of a rolling buffer are read when, a slot a cycle: golden.attention.walk."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.attention.window import WindowParams
from hw.attention import loader
from hw.attention.loader import PLACE, shapes, wrapped
from hw.emit import Definition
from hw.lanes import bits

SINK, SHARED, RANDOM, WINDOW, IDLE = range(5)  # parts of a row
FIELDS = ("steps", "group", "shared", "randoms", "low", "high", "last", "stride", "dilation", "phase", "held",
          "goes_on", "least", "sink")  # fmt: skip
KEPT = ("group", "shared", "randoms", "last", "stride", "dilation", "least", "sink")


class Walker(wiring.Component):
    """One buffer of p.slots + `extra` places, read `delay` cycles behind a slot.

    command_valid, command_ready, its fields  a command is taken before its first slot, or with the last one
                                              of the command before
    load_valid, load_ready, load_place        a word of keys is taken, and goes there
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
        self.size, self.delay = p.slots + extra, delay
        self.loader = loader.definition(p, extra, delay)
        self.uses = (self.loader,)
        found = shapes(p)
        self.fields = {name: found.get(name, 1) for name in FIELDS}
        super().__init__(
            {
                "command_valid": In(1),
                "command_ready": Out(1),
                **{name: In(shape) for name, shape in self.fields.items()},
                "load_valid": In(1),
                "load_ready": Out(1),
                "load_place": Out(range(self.size)),
                "go": In(1),
                "step": Out(1),
                "place": Out(range(self.size)),
                **{name: Out(1) for name in ("reads", "of_sink", "row_first", "row_last")},
            }
        )

    def elaborate(self, platform):
        m = Module()
        self.kept = {name: Signal(self.fields[name], name=f"{name}_kept", reset_less=True) for name in KEPT}
        self.take, self.running, self.row_ends, self.step_ends, self.ends = bits(
            "take", "running", "row_ends", "step_ends", "ends"
        )
        m.d.comb += [
            self.command_ready.eq(~self.running | self.ends),
            self.take.eq(self.command_valid & self.command_ready),
        ]
        with m.If(self.take):
            m.d.sync += [kept.eq(getattr(self, name)) for name, kept in self.kept.items()]
            m.d.sync += self.running.eq(1)
        with m.Elif(self.ends):
            m.d.sync += self.running.eq(0)
        self.place_loader(m)
        self.count(m)
        now, then = self.windows(m)
        self.rows(m, now, then)
        self.slots(m, now)
        self.frees(m)
        return m

    def place_loader(self, m):
        """The loader, and what it tells."""
        told = ("loaded", "shared_there", "randoms_there", "beside", "base", "base_next")
        self.told = {name: Signal.like(getattr(self.loader.component, name), name=name) for name in told}
        self.freed = {name: Signal(name=name) for name in ("free_window", "free_random", "used_random")}
        fields = {name: getattr(self, name) for name in loader.FIELDS}
        self.loader.place(
            m, "loader", take=self.take, **fields, valid=self.load_valid, ready=self.load_ready,
            place=self.load_place, **self.freed, **self.told,
        )  # fmt: skip

    def count(self, m):
        """Rows of a step, steps of a command."""
        member, steps = (
            Signal.like(self.group, name="member", reset_less=True),
            Signal.like(self.steps, name="steps_left", reset_less=True),
        )
        self.member_last = Signal()
        m.d.comb += [
            self.member_last.eq(member + 1 == self.kept["group"]),
            self.row_ends.eq(self.step & self.row_last),
            self.step_ends.eq(self.row_ends & self.member_last),
            self.ends.eq(self.step_ends & (steps == 1)),
        ]
        with m.If(self.row_ends):
            m.d.sync += member.eq(Mux(self.member_last, 0, member + 1))
        with m.If(self.step_ends):
            m.d.sync += steps.eq(steps - 1)
        with m.If(self.take):
            m.d.sync += [member.eq(0), steps.eq(self.steps)]

    def windows(self, m):
        """{begin, end, place}: positions of the step's first and last key, place of the first; of the step at
        hand, and of what comes after it: the next step, or the command that is taken."""
        kept, told = self.kept, self.told
        now = {
            name: Signal(PLACE, name=f"{name}_q", reset_less=True) for name in ("low", "high", "begin", "end")
        }
        then = {name: Signal(PLACE, name=f"{name}_next") for name in ("low", "high", "begin", "end")}
        now["place"], phase = (
            Signal(range(self.size), name="begin_place", reset_less=True),
            Signal.like(self.phase, name="phase_q", reset_less=True),
        )
        offset, phase_next = Signal(PLACE, name="offset"), Signal.like(self.phase, name="phase_next")
        begun = Signal(PLACE, name="begun")
        last = Signal.like(self.last, name="last_next")
        cut = now["low"] < 0  # the window begins before the keys do: at the first that the dilation meets
        near = Mux(self.take, told["base_next"], Mux(cut, told["base"], now["place"]))
        beside = Mux(self.take, (self.shared + self.randoms)[: len(told["beside"])], told["beside"])
        then["place"] = wrapped(m, near + offset[: len(near)], self.size, beside, "begin_place_next")
        m.d.comb += [
            phase_next.eq(Mux(phase + 1 == kept["dilation"], 0, phase + 1)),
            then["low"].eq(now["low"] + kept["stride"]),
            then["high"].eq(now["high"] + kept["stride"]),
            begun.eq(Mux(cut, 0, now["begin"])),
            offset.eq(Mux(cut, Mux(then["low"] > 0, then["low"], phase_next), kept["stride"])),
            last.eq(kept["last"]),
        ]
        self.low_next = Signal(PLACE, name="low_after")
        m.d.comb += self.low_next.eq(now["low"] + kept["stride"])
        with m.If(self.take):  # a command's first window begins at position 0 or before
            m.d.comb += [then["low"].eq(self.low), then["high"].eq(self.high), last.eq(self.last)]
            m.d.comb += [begun.eq(0), offset.eq(self.phase), phase_next.eq(self.phase)]
        m.d.comb += [
            then["begin"].eq(begun + offset),
            then["end"].eq(Mux(then["high"] > last, last, then["high"])),
        ]
        with m.If(self.step_ends | self.take):
            m.d.sync += [now[name].eq(then[name]) for name in now]
            m.d.sync += phase.eq(phase_next)
        return now, then

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
                q = Signal(name=f"{name}_{stage}")
                m.d.sync += q.eq(value & ~self.take)  # a new command counts anew
                value = q
            m.d.comb += self.freed[name].eq(value)


def definition(p: WindowParams, extra: int = 0, delay: int = 0) -> Definition:
    """The walker of a buffer with `extra` places, read `delay` cycles behind a slot."""
    return Definition(f"{p.name}_walker_{extra}_{delay}", Walker(p, extra, delay))
