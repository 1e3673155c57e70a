"""A FIFO between two nodes: registered on both sides, so that no path of handshakes passes it.

A word shows at `o` in the cycle after it entered at `i`, and its place is free in the cycle after it left. So
with one place a word passes every other cycle, with two one a cycle (golden.attention.graphs).
"""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.emit import Definition


class Fifo(wiring.Component):
    """i, o  streams of `width` bits; i.ready and o.valid are of registers alone."""

    def __init__(self, width: int, depth: int):
        self.width, self.depth = width, depth
        super().__init__({"i": In(stream.Signature(width)), "o": Out(stream.Signature(width))})

    def elaborate(self, platform):
        m = Module()
        words = memory.Memory(shape=self.width, depth=self.depth, init=[])
        m.submodules.words = words
        write, read = words.write_port(), words.read_port(domain="comb")
        level = Signal(range(self.depth + 1))
        entered, left = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(level != self.depth),
            self.o.valid.eq(level != 0),
            entered.eq(self.i.valid & self.i.ready),
            left.eq(self.o.valid & self.o.ready),
            write.en.eq(entered),
            write.data.eq(self.i.payload),
            self.o.payload.eq(read.data),
        ]
        m.d.sync += level.eq((level + entered - left)[: len(level)])
        for port, moved in ((write, entered), (read, left)):
            if self.depth > 1:  # each port has a pointer of its own, which goes round
                place = Signal(range(self.depth), name="head" if port is read else "tail")
                m.d.comb += port.addr.eq(place)
                with m.If(moved):
                    m.d.sync += place.eq(Mux(place == self.depth - 1, 0, place + 1)[: len(place)])
        return m


@cache
def definition(width: int, depth: int) -> Definition:
    """A FIFO of `depth` words of `width` bits."""
    return Definition(f"fifo_{width}x{depth}", Fifo(width, depth))
