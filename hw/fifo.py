"""A FIFO between two nodes: registered on both sides, so that no path of handshakes passes it.

A word shows at `o` in the cycle after it entered at `i`, and its place is free in the cycle after it left. So
with one place a word passes every other cycle, with two one a cycle (golden.attention.graphs).
"""

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.emit import Definition


class Fifo(wiring.Component):
    """i, o  streams of `shape`; i.ready and o.valid are of registers alone."""

    def __init__(self, shape, depth: int):
        self.depth = depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        words = memory.Memory(shape=len(self.i.payload.as_value()), depth=self.depth, init=[])
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
            write.data.eq(self.i.payload.as_value()),
            self.o.payload.as_value().eq(read.data),
        ]
        m.d.sync += level.eq((level + entered - left)[: len(level)])
        for port, moved in ((write, entered), (read, left)):
            if self.depth > 1:  # each port has a pointer of its own, which goes round
                place = Signal(range(self.depth), name="head" if port is read else "tail")
                m.d.comb += port.addr.eq(place)
                with m.If(moved):
                    m.d.sync += place.eq(Mux(place == self.depth - 1, 0, place + 1)[: len(place)])
        return m


def definition(shape, depth: int) -> Definition:
    """A FIFO of `depth` words of `shape`."""
    return Definition(f"fifo_{Shape.cast(shape).width}x{depth}", Fifo(shape, depth))
