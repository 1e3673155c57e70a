"""A walk over the scratchpad whose words leave as a stream. Golden: golden.accelerator.fetcher."""

from functools import cache

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.fetcher import QUEUE
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.scratchpad import READ_LATENCY
from golden.accelerator.walk import SCRATCH_BITS
from hw.accelerator import walk
from hw.accelerator.walk import command_layout
from hw.emit import Definition
from hw.lanes import delayed


def word_layout(p: AcceleratorParams, dims: int) -> data.StructLayout:
    """A word of `o`, from bit 0."""
    return data.StructLayout({"data": 8 * p.lanes, "ends": dims})


class Fetcher(wiring.Component):
    """command         stream of walks (hw.accelerator.walk); ready is combinational, from request_ready
    request_*, data    a read port of the scratchpad
    o                  stream of {data, ends}: the queue's first word, out of its registers
    idle               no word is asked for or to be asked for; some may wait in the queue
    """

    def __init__(self, p: AcceleratorParams, dims: int, depth: int):
        self.dims, self.depth = dims, depth
        self.walk = walk.definition(dims)
        self.uses = (self.walk,)
        super().__init__({
            "command": In(stream.Signature(command_layout(dims))),
            "request_valid": Out(1),
            "request_ready": In(1),
            "request_address": Out(SCRATCH_BITS),
            "data": In(8 * p.lanes),
            "o": Out(stream.Signature(word_layout(p, dims))),
            "idle": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        asks, room, asked = (Signal(name=name) for name in ("asks", "room", "asked"))
        step = Signal(walk.address_layout(self.dims))
        self.walk.place(
            m, "walk", command_valid=self.command.valid, command_ready=self.command.ready,
            command_payload=self.command.payload.as_value(),
            o_valid=asks, o_ready=room & self.request_ready, o_payload=step.as_value(),
        )
        m.d.comb += [
            self.request_valid.eq(asks & room),
            self.request_address.eq(step.address),
            asked.eq(self.request_valid & self.request_ready),
        ]
        arrives = delayed(m, asked, READ_LATENCY, "asked", reset=True)
        ends = delayed(m, step.ends, READ_LATENCY, "ends")
        stored = self.queue(m, arrives, Cat(self.data, ends))
        used = Signal(range(self.depth + 1))  # words on the way or in the queue
        taken = self.o.valid & self.o.ready
        m.d.sync += used.eq((used + asked - taken)[: len(used)])
        m.d.comb += [room.eq(used != self.depth), self.idle.eq(~asks & (used == stored))]
        return m

    def queue(self, m, arrives, word):
        """Queue arriving words; each is offered in the cycle after it arrived. Returns the number of queued
        words."""
        m.submodules.words = words = memory.Memory(shape=len(word), depth=self.depth, init=[])
        write, read = words.write_port(), words.read_port(domain="comb")
        stored = Signal(range(self.depth + 1))
        taken = self.o.valid & self.o.ready
        m.d.comb += [
            write.en.eq(arrives),
            write.data.eq(word),
            self.o.valid.eq(stored != 0),
            self.o.payload.as_value().eq(read.data),
        ]
        m.d.sync += stored.eq((stored + arrives - taken)[: len(stored)])
        # depth is a power of two: places wrap by themselves
        m.d.sync += [write.addr.eq(write.addr + arrives), read.addr.eq(read.addr + taken)]
        return stored


@cache
def definition(p: AcceleratorParams, dims: int, depth: int = QUEUE) -> Definition:
    """A fetcher of `dims` loops; `depth`, a power of two, at least QUEUE."""
    return Definition(f"fetcher_{8 * p.lanes}_{dims}x{depth}", Fetcher(p, dims, depth))
