"""Fetch: commands from memory, requested ahead, assembled from bus words. Golden:
golden.accelerator.control.
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS
from golden.accelerator.control import REQUESTS, request_words
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NUMBER_BITS
from golden.axi.bursts import BurstStatus
from hw.axi import bursts, read
from hw.axi.queue import definition as queue
from hw.emit import Definition
from hw.lanes import bits

COMMAND = data.StructLayout({"word": BITS, "error": 1})


class Fetch(wiring.Component):
    """start, address, most  begin: `most` commands from `address` on; only when drained, or after a reset
    halt       level: ask for no more, drop what comes
    command    stream of {address, bytes}: requests; valid is combinational
    data       stream of {data, last, error}; always ready, as only what has room is asked for
    status     stream of BurstStatus; always ready
    o          stream of {word, error}: a command, and whether a response to it was an error; registered
    failed     the first status that was not OKAY; REFUSED: no more is asked for
    exhausted  all of `most` commands have gone out
    drained    nothing is on the way and nothing is buffered
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.depth = REQUESTS * request_words(p)
        self.words = queue(8 * p.lanes + 1, self.depth)
        self.uses = (self.words,)
        super().__init__({
            "start": In(1),
            "address": In(32),
            "most": In(NUMBER_BITS),
            "halt": In(1),
            "command": Out(stream.Signature(bursts.command_layout(p.read))),
            "data": In(stream.Signature(read.data_layout(p.read))),
            "status": In(stream.Signature(2)),
            "o": Out(stream.Signature(COMMAND)),
            "failed": Out(2),
            "exhausted": Out(1),
            "drained": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        size = self.p.read.size
        asked = self.request(m, size)
        taken, assembling = self.assemble(m)
        reserved = self.reserved
        waiting = Signal(range(self.depth + 1))  # requests without status
        refused = Signal()
        moves = self.command.valid & self.command.ready
        m.d.comb += [
            self.status.ready.eq(1),
            refused.eq(self.status.valid & (self.status.payload == BurstStatus.REFUSED)),
            self.exhausted.eq((self.left == 0) & (reserved == 0) & ~assembling & ~self.o.valid),
            self.drained.eq(~self.command.valid & (waiting == 0) & (reserved == 0)),
        ]
        m.d.sync += [
            # a refused request brings no words; one is refused for its alignment, and so all of a program are
            reserved.eq((Mux(refused, 0, reserved - taken) + Mux(moves, asked, 0))[: len(reserved)]),
            waiting.eq((waiting + moves - self.status.valid)[: len(waiting)]),
        ]
        with m.If(self.start):
            m.d.sync += self.failed.eq(0)
        with m.Elif(self.status.valid & (self.failed == 0)):
            m.d.sync += self.failed.eq(self.status.payload)
        return m

    def request(self, m, size):
        """Request up to the next multiple of a whole request, or to the end; returns the request's words."""
        whole = request_words(self.p)
        address = Signal(32, reset_less=True)
        left = self.left = Signal(NUMBER_BITS + (self.p.command_words - 1).bit_length())  # words
        reserved = self.reserved = Signal(range(self.depth + 1))  # asked for and not taken from the buffer
        to_edge, count = Signal(range(whole + 1)), Signal(range(whole + 1))
        inside = self.address[size : size + (whole - 1).bit_length()]
        held, halts = Signal(), Signal()
        moves = self.command.valid & self.command.ready
        m.d.comb += [
            count.eq(Mux(left < to_edge, left, to_edge)[: len(count)]),
            halts.eq(self.halt | (self.failed == BurstStatus.REFUSED)),
            # what has been offered stays, also when told to halt
            self.command.valid.eq((left != 0) & (reserved + count <= self.depth) & (~halts | held)),
            self.command.p.address.eq(address),
            self.command.p.bytes.eq(count << size),
        ]
        m.d.sync += held.eq(self.command.valid & ~self.command.ready)
        with m.If(self.start):
            m.d.sync += [address.eq(self.address), to_edge.eq((whole - inside)[: len(to_edge)])]
            m.d.sync += left.eq(self.most << (len(left) - NUMBER_BITS))
        with m.Elif(moves):
            # the upper part: a request that is not aligned is refused, and so are all that follow
            m.d.sync += [address[size:].eq(address[size:] + count), to_edge.eq(whole), left.eq(left - count)]
        return count

    def assemble(self, m):
        """Assemble words, past the buffer where it is empty, into `o`; returns (a word is taken, a command
        begins)."""
        words = self.p.command_words
        buffered, direct, write, take, here = bits("buffered", "direct", "write", "take", "here")
        stored = Signal(8 * self.p.lanes + 1)
        word = Signal.like(stored, name="next_word")
        held = Signal(range(self.depth + 1))  # words in the buffer
        place = Signal(range(words + 1))
        command = Signal(BITS, reset_less=True)
        error = Signal(reset_less=True)
        arriving = Cat(self.data.p.data, self.data.p.error)
        room = ~self.o.valid | self.o.ready | self.halt
        m.d.comb += [
            self.data.ready.eq(1),
            direct.eq(held == 0),
            here.eq(Mux(direct, self.data.valid, buffered)),
            word.eq(Mux(direct, arriving, stored)),
            take.eq(here & room),
            write.eq(self.data.valid & ~(direct & room)),
            self.o.p.word.eq(command),
            self.o.p.error.eq(error),
        ]
        self.words.place(
            m, "buffer", write=write, i=arriving, o_valid=buffered, o_ready=room & ~direct, o_payload=stored
        )
        m.d.sync += held.eq((held + write - (take & ~direct))[: len(held)])
        last = take & (place == words - 1)
        with m.If(self.o.ready | self.halt):
            m.d.sync += self.o.valid.eq(0)
        with m.If(take):
            m.d.sync += [
                command.eq(Cat(command, word[:-1])[-BITS:]),
                error.eq(word[-1] | (error & (place != 0))),
                place.eq(Mux(last, 0, place + 1)),
            ]
        with m.If(last & ~self.halt):
            m.d.sync += self.o.valid.eq(1)
        with m.If(self.start):
            m.d.sync += place.eq(0)
        return take, place != 0


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The fetch of `p`."""
    return Definition(f"fetch_{p.lanes}_o{p.outstanding}", Fetch(p))
