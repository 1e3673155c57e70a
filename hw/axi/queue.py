"""A queue whose owner never overfills it."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.emit import Definition


class Queue(wiring.Component):
    """`depth` words of `width` bits, and one more at the output.

    write, i  take the word `i`; the owner counts the words, so there is no `ready`
    o         stream of the words in order; registered, two cycles after the write at the earliest
    """

    def __init__(self, width: int, depth: int):
        self.depth = depth
        super().__init__({"write": In(1), "i": In(width), "o": Out(stream.Signature(width))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = memory.Memory(shape=len(self.i), depth=self.depth, init=[])
        write, read = words.write_port(), words.read_port()
        write_place = Signal(range(self.depth))
        read_place = Signal(range(self.depth))
        stored = Signal(range(self.depth + 1))  # written, not fetched
        fetch = Signal()
        m.d.comb += [
            # the memory's own output register is the queue's output: fetched when it is empty or moves on
            fetch.eq((stored != 0) & (~self.o.valid | self.o.ready)),
            write.addr.eq(write_place),
            write.data.eq(self.i),
            write.en.eq(self.write),
            read.addr.eq(read_place),
            read.en.eq(fetch),
            self.o.payload.eq(read.data),
        ]
        m.d.sync += stored.eq((stored + self.write - fetch)[: len(stored)])
        for place, moves in ((write_place, self.write), (read_place, fetch)):
            with m.If(moves):
                m.d.sync += place.eq(Mux(place == self.depth - 1, 0, place + 1))
        with m.If(fetch | self.o.ready):
            m.d.sync += self.o.valid.eq(fetch)
        return m


@cache
def definition(width: int, depth: int) -> Definition:
    """A queue of `depth` words, of at least two."""
    depth = max(2, depth)
    return Definition(f"queue_{width}x{depth}", Queue(width, depth))
