"""Skew: lane i of a vector leaves i cycles after it came: a plane wave enters an array as a wavefront."""

from functools import cache

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.emit import Definition


class Skew(wiring.Component):
    """i, o  vectors of `lanes` lanes of `width` bits. Lane 0 of o is combinational from i.

    Stage s holds the lanes that are still on their way after s cycles: a triangle of registers.
    """

    def __init__(self, lanes: int, width: int, *, reset: bool = False):
        self.lanes, self.width, self.reset = lanes, width, reset
        super().__init__({"i": In(lanes * width), "o": Out(lanes * width)})

    def elaborate(self, platform):
        m = Module()
        waiting = self.i
        for s in range(self.lanes):
            m.d.comb += self.o[s * self.width : (s + 1) * self.width].eq(waiting[: self.width])
            if s + 1 < self.lanes:
                # lane s has left, so stage s + 1 is one lane narrower than the stage before it
                bits = (self.lanes - s - 1) * self.width
                stage = Signal(bits, name=f"stage_{s + 1}", reset_less=not self.reset)
                m.d.sync += stage.eq(waiting[self.width :])
                waiting = stage
        return m


@cache
def definition(lanes: int, width: int, *, reset: bool = False) -> Definition:
    """Skew of `lanes` x `width` bits; `reset` for flags, which must not survive one."""
    name = f"skew_{lanes}x{width}" + "_reset" * reset
    return Definition(name, Skew(lanes, width, reset=reset), clocked=lanes > 1)
