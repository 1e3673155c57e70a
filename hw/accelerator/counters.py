"""Counters that software reads. Golden: golden.accelerator.registers.counters."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import counters
from hw.emit import Definition


class Counters(wiring.Component):
    """events: the counters that count in this cycle, a bit each; counts: 64 bits each. A reset
    clears them."""

    def __init__(self, p: AcceleratorParams):
        count = len(counters(p))
        super().__init__({"events": In(count), "counts": Out(64 * count)})

    def elaborate(self, platform):
        m = Module()
        for index, event in enumerate(self.events):
            # 64 bits: no run overflows them, so they need not saturate
            count = self.counts[64 * index : 64 * index + 64]
            with m.If(event):
                m.d.sync += count.eq(count + 1)
        return m


def definition(p: AcceleratorParams) -> Definition:
    """All counters of `p`."""
    return Definition(f"counters{p.suffix}", Counters(p))
