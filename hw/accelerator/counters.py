"""Counters that software reads. Golden: golden.accelerator.registers.COUNTERS."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.registers import COUNTERS
from hw.emit import Definition


class Counters(wiring.Component):
    """events: what counts in this cycle, a bit a counter; counts: 64 bits each. A reset clears them."""

    def __init__(self):
        super().__init__({"events": In(len(COUNTERS)), "counts": Out(64 * len(COUNTERS))})

    def elaborate(self, platform):
        m = Module()
        for index, event in enumerate(self.events):
            count = self.counts[64 * index : 64 * index + 64]
            with m.If(event):
                m.d.sync += count.eq(count + 1)
        return m


def definition() -> Definition:
    """All of them."""
    return Definition("counters", Counters())
