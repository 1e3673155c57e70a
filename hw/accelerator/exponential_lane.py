"""A lane of EXPONENTIAL: a score becomes a code. Golden: golden.accelerator.exponential."""

from functools import cache

from amaranth.hdl import Const, Module, Mux, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from golden.accelerator.exponential import CODE, ENTRY, FRACTION, OCTAVES, POWER_BITS, SCORE, powers
from hw.emit import Definition


class ExponentialLane(wiring.Component):
    """One score in, every cycle in which `go` is high: then all registers load.

    x, keep    the score, and whether it is valid
    candidate  of the row's greatest: the score one cycle later, or the least of all if it is not valid
    largest    of the row; needed `wait` cycles behind `candidate`
    code       three cycles more, 8 bits
    """

    def __init__(self, wait: int):
        self.wait = wait
        super().__init__({
            "go": In(1),
            "x": In(SCORE.width),
            "keep": In(1),
            "candidate": Out(SCORE.width),
            "largest": In(SCORE.width),
            "code": Out(8),
        })

    def elaborate(self, platform):
        m = Module()
        x, keep = self.held(m, self.x, "entry"), self.held(m, self.keep, "entry_keep")
        m.d.comb += self.candidate.eq(Mux(keep, x, Const(SCORE.min & 0xFFFF, SCORE.width)))
        for stage in range(self.wait):
            x, keep = self.held(m, x, f"wait_{stage}"), self.held(m, keep, f"wait_{stage}_keep")
        # not negative where the score is valid; else it does not matter
        below = self.held(m, (self.largest.as_signed() - x.as_signed())[: SCORE.width], "below")
        keep = self.held(m, keep, "below_keep")

        m.submodules.powers = rom = memory.Memory(
            shape=unsigned(ENTRY.width), depth=1 << FRACTION, init=powers().tolist()
        )
        port = rom.read_port()
        m.d.comb += [port.en.eq(self.go), port.addr.eq(below[:FRACTION])]
        # the table has one octave; the whole octaves shift its entry, and beyond OCTAVES a code is 0
        octaves = self.held(m, below[FRACTION:][: ceil_log2(OCTAVES)], "octaves")
        near = ~below[FRACTION + ceil_log2(OCTAVES) :].any()
        keep = self.held(m, keep & near, "power_keep")
        halves = (port.data >> octaves)[POWER_BITS - 1 :]
        code = self.held(m, Mux(keep, ((halves + 1) >> 1)[: CODE.width], 0), "code_held")
        m.d.comb += self.code.eq(code)
        return m

    def held(self, m, value, name):
        """`value` in a register that loads with go."""
        q = Signal(len(value), name=name, reset_less=True)
        with m.If(self.go):
            m.d.sync += q.eq(value)
        return q


@cache
def definition(wait: int) -> Definition:
    """The lane, ready to be placed."""
    return Definition(f"exponential_lane_w{wait}", ExponentialLane(wait))
