"""Row numbers in the scratchpad to the addresses of those rows in memory. Golden: golden.accelerator.load."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.walk import COUNT_BITS, MEMORY_BITS, SCRATCH_BITS
from hw.accelerator import fetcher, walk
from hw.emit import Definition
from hw.lanes import bits
from hw.stages import hold_stages

NUMBER_BITS = 32


def command_layout() -> data.StructLayout:
    """A command, from bit 0: where the numbers are, and how many; the table and its rows."""
    return data.StructLayout({
        "index": SCRATCH_BITS,
        "count": COUNT_BITS,
        "address": MEMORY_BITS,
        "stride": MEMORY_BITS,
        "limit": NUMBER_BITS,
    })


class GatherEngine(wiring.Component):
    """command  stream; ready between commands
    request_*, data  a read port of the scratchpad
    o           stream of {address, ends}: a row each, as of a walk of one loop; registered
    beyond      pulse: a number is not below `limit`; nothing more comes then, until a reset; combinational

    Three registers: a number, its product with the stride, the address.
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.fetcher = fetcher.definition(p, 1)
        self.uses = (self.fetcher,)
        super().__init__({
            "command": In(stream.Signature(command_layout())),
            "request_valid": Out(1),
            "request_ready": In(1),
            "request_address": Out(SCRATCH_BITS),
            "data": In(8 * p.lanes),
            "o": Out(stream.Signature(walk.address_layout(1, MEMORY_BITS))),
            "beyond": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        left = Signal(COUNT_BITS)  # numbers not yet taken
        held = Signal(command_layout(), reset_less=True)
        start, active, stopped = bits("start", "active", "stopped")
        m.d.comb += [self.command.ready.eq(~active), start.eq(self.command.valid & ~active)]
        with m.If(start):
            m.d.sync += [held.eq(self.command.p), active.eq(1)]
        with m.Elif(self.o.valid & self.o.ready & self.o.p.ends[0]):
            m.d.sync += active.eq(0)
        number, offered, take = self.numbers(m, left, start)

        go = {name: Signal(name=f"{name}_go") for name in ("number", "product", "address")}
        fine = Signal()  # the number's register holds one that may go on
        last = [Signal(name=f"{name}_last", reset_less=True) for name in go]
        value = Signal(NUMBER_BITS, reset_less=True)
        product = Signal(MEMORY_BITS, reset_less=True)
        address = Signal(MEMORY_BITS, reset_less=True)
        number_valid = Signal()
        after = {name: go[name] for name in ("product", "address")}
        valid = hold_stages(m, after, valid=number_valid & fine, ready=self.o.ready)
        with m.If(go["number"]):
            m.d.sync += [number_valid.eq(offered), value.eq(number), last[0].eq(left == 1)]
        with m.If(go["product"]):
            m.d.sync += [product.eq((value * held.stride)[:MEMORY_BITS]), last[1].eq(last[0])]
        with m.If(go["address"]):
            m.d.sync += [address.eq((held.address + product)[:MEMORY_BITS]), last[2].eq(last[1])]
        m.d.comb += [
            fine.eq((value < held.limit) & ~stopped),
            go["number"].eq(~number_valid | (go["product"] & fine)),
            take.eq(offered & go["number"]),
            self.beyond.eq(number_valid & ~fine & ~stopped),
            self.o.valid.eq(valid),
            self.o.p.address.eq(address),
            self.o.p.ends.eq(last[2]),
        ]
        with m.If(self.beyond):
            m.d.sync += stopped.eq(1)
        return m

    def numbers(self, m, left, start):
        """Fetch the words of row numbers and offer one number after the other: (number, whether there is one,
        taken)."""
        p = self.p
        each = p.lanes // (NUMBER_BITS // 8)  # numbers of a word
        given, walked = self.command.p, Signal(fetcher.command_layout(1))
        word = Signal(fetcher.word_layout(p, 1))
        offered, done, take = bits("offered", "word_done", "take")
        m.d.comb += [
            walked.base.eq(given.index),
            walked.count_0.eq(((given.count + (each - 1)) // each)[:COUNT_BITS]),
            walked.stride_0.eq(1),
        ]
        self.fetcher.place(
            m, "fetcher", command_valid=start, command_ready=Signal(name="fetches"),
            command_payload=walked.as_value(),
            request_valid=self.request_valid, request_ready=self.request_ready,
            request_address=self.request_address, data=self.data,
            o_valid=offered, o_ready=done, o_payload=word.as_value(), idle=Signal(name="fetcher_idle"),
        )
        place = Signal(range(each))
        m.d.comb += done.eq(take & ((place == each - 1) | (left == 1)))
        with m.If(start):
            m.d.sync += left.eq(given.count)
        with m.Elif(take):
            m.d.sync += [left.eq(left - 1), place.eq(Mux(done, 0, place + 1))]
        return word.data.word_select(place, NUMBER_BITS), offered, take


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The gatherer of `p`."""
    return Definition(f"gather_{8 * p.lanes}", GatherEngine(p))
