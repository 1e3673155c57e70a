"""A fetcher whose words leave in vectors."""

from functools import cache

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.walk import SCRATCH_BITS
from hw.accelerator import fetcher
from hw.accelerator.fetcher import command_layout
from hw.emit import Definition

WINDOW = 4  # words of the longest vector


class VectorReader(wiring.Component):
    """command         stream of walks, whose loop 0 is over the words of a vector
    request_*, data    a read port of the scratchpad
    o                  stream of the latest four words, the last of a vector at the top, once for each vector
    """

    def __init__(self, p: AcceleratorParams, dims: int):
        self.bits, self.dims = 8 * p.lanes, dims
        self.fetcher = fetcher.definition(p, dims)
        self.word = fetcher.word_layout(p, dims)
        self.uses = (self.fetcher,)
        super().__init__({
            "command": In(stream.Signature(command_layout(dims).size)),
            "request_valid": Out(1),
            "request_ready": In(1),
            "request_address": Out(SCRATCH_BITS),
            "data": In(self.bits),
            "o": Out(stream.Signature(WINDOW * self.bits)),
        })

    def elaborate(self, platform):
        m = Module()
        word = Signal(self.word)
        valid, ready, idle = (Signal(name=name) for name in ("word_valid", "word_ready", "idle"))
        self.fetcher.place(
            m, "fetcher", command_valid=self.command.valid, command_ready=self.command.ready,
            command_payload=self.command.payload, request_valid=self.request_valid,
            request_ready=self.request_ready, request_address=self.request_address, data=self.data,
            o_valid=valid, o_ready=ready, o_payload=word.as_value(), idle=idle,
        )  # fmt: skip
        before = Signal((WINDOW - 1) * self.bits, reset_less=True)
        last = word.ends[0]
        with m.If(valid & ~last):
            m.d.sync += before.eq(Cat(before[self.bits :], word.data))
        m.d.comb += [
            self.o.valid.eq(valid & last),
            ready.eq(~last | self.o.ready),
            self.o.payload.eq(Cat(before, word.data)),
        ]
        return m


@cache
def definition(p: AcceleratorParams, dims: int) -> Definition:
    """A reader of vectors, of `dims` loops."""
    return Definition(f"vector_reader_{8 * p.lanes}_{dims}", VectorReader(p, dims))
