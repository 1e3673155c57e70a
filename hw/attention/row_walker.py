"""Which places of a rolling buffer a row reads, all at once, and when it starts: golden.attention.walk."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from golden.attention.window import WindowParams
from hw.attention.loader import wrapped
from hw.attention.steps import StepWalker
from hw.emit import Definition


class RowWalker(StepWalker):
    """One buffer of p.slots places, which a row reads element by element, head_dim cycles from its start.

    go                                  a row may start
    start                               it does; of it, in this cycle:
    some, begin_place, end_place        whether its window has keys; places of the first and the last
    others                              places that are not the window's: it reads them all
    remainder                           its keys' positions, modulo the dilation
    sink_there                          it has a sink
    load_remainder                      the position of the word that is taken, modulo the dilation
    """

    def __init__(self, p: WindowParams):
        self.period = p.arithmetic.head_dim
        slot = range(p.slots)
        super().__init__(
            p, most=p.slots, go=In(1), start=Out(1), some=Out(1), begin_place=Out(slot), end_place=Out(slot),
            others=Out(range(p.slots + 1)), remainder=Out(slot), sink_there=Out(1), load_remainder=Out(slot),
        )  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        now, _ = self.begin(m)
        self.starts(m, now)
        self.places(m, now)
        self.frees(m, now)
        return m

    def starts(self, m, now):
        """A row starts head_dim cycles behind the last, when all its keys have begun to be loaded."""
        left, there = Signal(range(self.period + 1), name="period_left"), Signal(name="there")
        told, kept = self.told, self.kept
        m.d.comb += [
            there.eq(
                (told["loaded"] > now["end"])
                & (told["shared_there"] >= kept["shared"])
                & (told["randoms_there"] >= kept["randoms"])
            ),
            self.start.eq(self.running & there & (left == 0) & self.go),
            self.row_ends.eq(self.start),
        ]
        with m.If(self.start):
            m.d.sync += left.eq(self.period - 1)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)

    def places(self, m, now):
        """Of the row that starts; and the remainder of what is loaded."""
        reach = (now["end"] - now["begin"])[: len(self.end_place)]
        end = wrapped(m, now["place"] + reach, self.size, self.told["beside"], "end_place_now")
        m.d.comb += [
            self.some.eq(now["begin"] <= now["end"]),
            self.begin_place.eq(now["place"]),
            self.end_place.eq(end),
            self.others.eq(self.told["beside"]),
            self.remainder.eq(self.phase_now[: len(self.remainder)]),
            self.sink_there.eq(self.kept["sink"]),
        ]
        next_one = Signal.like(self.load_remainder, name="load_remainder_next")
        of_window = self.told["loading_window"]
        m.d.comb += next_one.eq(self.load_remainder + 1)
        with m.If(self.take):  # a command whose buffer holds keys has a dilation of 1
            m.d.sync += self.load_remainder.eq(0)
        with m.Elif(of_window):
            m.d.sync += self.load_remainder.eq(Mux(next_one == self.kept["dilation"], 0, next_one))

    def frees(self, m, now):
        """What no later row needs: all of its random keys, of the window what the next one leaves out."""
        window, random = self.freed["free_window"], self.freed["free_random"]
        low_next = self.low_next[: len(window)]
        with m.If(self.step_ends):
            m.d.comb += [random.eq(self.kept["randoms"]), self.freed["used_random"].eq(self.kept["randoms"])]
            with m.If(self.low_next > 0):
                m.d.comb += window.eq(Mux(now["low"] < 0, low_next, self.kept["stride"][: len(window)]))


def definition(p: WindowParams) -> Definition:
    """The walker of a buffer that is read a row at a time."""
    return Definition(f"{p.name}_row_walker", RowWalker(p))
