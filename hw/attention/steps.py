"""Steps of a command in a rolling buffer: rows that have the same keys; a part of both walkers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.attention.window import WindowParams
from hw.attention import loader
from hw.attention.loader import PLACE, shapes, wrapped
from hw.lanes import bits

FIELDS = ("steps", "group", "shared", "randoms", "low", "high", "last", "stride", "dilation", "phase", "held",
          "goes_on", "least", "sink")  # fmt: skip
KEPT = ("group", "shared", "randoms", "last", "stride", "dilation", "least", "sink")


class StepWalker(wiring.Component):
    """command_valid, command_ready, its fields   a command is taken before its first row, or with the last
                                               row of the command before
    load_valid, load_ready, load_place         a word of keys is taken, and goes there
    and what `ports` says. Whoever derives from it drives `row_ends`, and what is freed.
    """

    def __init__(self, p: WindowParams, extra: int = 0, delay: int = 0, most: int = 1, **ports: object):
        self.size, self.delay = p.slots + extra, delay
        self.loader = loader.definition(p, extra, delay, most)
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
                **ports,
            }
        )

    def begin(self, m: Module):
        """All of a command but what a row does; ({begin, end, place} of the step, of what comes after it)."""
        self.accept(m)
        self.place_loader(m)
        self.count(m)
        return self.windows(m)

    def accept(self, m):
        """A command is taken before its first row, or with the last one of the command before."""
        self.kept = {name: Signal(self.fields[name], name=f"{name}_kept", reset_less=True) for name in KEPT}
        names = ("take", "running", "row_ends", "step_ends", "ends")
        self.take, self.running, self.row_ends, self.step_ends, self.ends = bits(*names)
        m.d.comb += [
            self.command_ready.eq(~self.running | self.ends),
            self.take.eq(self.command_valid & self.command_ready),
        ]
        with m.If(self.take):
            m.d.sync += [kept.eq(getattr(self, name)) for name, kept in self.kept.items()]
            m.d.sync += self.running.eq(1)
        with m.Elif(self.ends):
            m.d.sync += self.running.eq(0)

    def place_loader(self, m):
        """The loader, and what it tells."""
        told = ("loaded", "shared_there", "randoms_there", "beside", "base", "base_next", "loading_window")
        self.told = {name: Signal.like(getattr(self.loader.component, name), name=name) for name in told}
        freed = ("free_window", "free_random", "used_random")
        self.freed = {name: Signal.like(getattr(self.loader.component, name), name=name) for name in freed}
        fields = {name: getattr(self, name) for name in loader.FIELDS}
        self.loader.place(
            m, "loader", take=self.take, **fields, valid=self.load_valid, ready=self.load_ready,
            place=self.load_place, **self.freed, **self.told,
        )  # fmt: skip

    def count(self, m):
        """Rows of a step, steps of a command."""
        member = Signal.like(self.group, name="member", reset_less=True)
        steps = Signal.like(self.steps, name="steps_left", reset_less=True)
        self.member_last = Signal()
        m.d.comb += [
            self.member_last.eq(member + 1 == self.kept["group"]),
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
        names = ("low", "high", "begin", "end")
        now = {name: Signal(PLACE, name=f"{name}_q", reset_less=True) for name in names}
        then = {name: Signal(PLACE, name=f"{name}_next") for name in names}
        now["place"] = Signal(range(self.size), name="begin_place", reset_less=True)
        self.phase_now = phase = Signal.like(self.phase, name="phase_q", reset_less=True)
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
