"""A unit's queue, and the gate behind it where a command waits for its tokens.

Golden: golden.accelerator.control.
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.control import IN_FLIGHT
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NUMBER_BITS
from golden.accelerator.units import numbers
from hw.emit import Definition


class Gate(wiring.Component):
    """i          stream of commands, `width` bits, and their numbers
    available  units whose token is here; take: those whose token goes, in a cycle; a bit each that there is
    stop       nothing passes; what is on offer is withdrawn
    command    stream: the head that has its tokens; combinational, from registers and `stop`
    done       the oldest command passed is done; give: units that get a token, in that cycle
    empty, blocked, flying   nothing queued; the head lacks a token; some command passed is not done
    head, oldest             numbers of the head and of the oldest command passed and not done
    """

    def __init__(self, p: AcceleratorParams, width: int):
        self.numbers = [numbers()[name] for name in p.present]
        self.width, self.depth = width, p.queue
        count = len(self.numbers)
        super().__init__({
            "i": In(stream.Signature(width + NUMBER_BITS)),
            "available": In(count),
            "take": Out(count),
            "stop": In(1),
            "command": Out(stream.Signature(BITS)),
            "done": In(1),
            "give": Out(count),
            **{name: Out(1) for name in ("empty", "blocked", "flying")},
            **{name: Out(NUMBER_BITS) for name in ("head", "oldest")},
        })

    def elaborate(self, platform):
        m = Module()
        passes, ready = Signal(), Signal()
        enters = self.i.valid & self.i.ready
        word, queued, room = fifo(m, "waiting", self.i.payload, enters, passes, self.depth)
        wait, signal = (self.mask(word, name) for name in ("wait", "signal"))
        passed, flying, room_in_flight = fifo(
            m, "passed", Cat(signal, word[self.width :]), passes, self.done, IN_FLIGHT
        )
        m.d.comb += [
            self.i.ready.eq(room),
            ready.eq((wait & ~self.available) == 0),
            self.command.valid.eq(queued & ready & room_in_flight & ~self.stop),
            self.command.payload.eq(word[: self.width]),
            passes.eq(self.command.valid & self.command.ready),
            self.take.eq(Mux(passes, wait, 0)),
            self.give.eq(Mux(self.done, passed[: len(self.numbers)], 0)),
            self.empty.eq(~queued),
            self.blocked.eq(queued & ~ready),
            self.flying.eq(flying),
            self.head.eq(word[self.width :]),
            self.oldest.eq(passed[len(self.numbers) :]),
        ]
        return m

    def mask(self, word, name):
        """A mask's bits of the units that there are."""
        _, low = Opcode.END.places[name]
        return Cat(word[low + number] for number in self.numbers)


def fifo(m, name, word, write, read, depth):
    """A few words that go in and come out; gives (the oldest, whether there is one, whether one has room).

    The oldest is a combinational read: it stands in the cycle after its write.
    """
    words = memory.Memory(shape=len(word), depth=depth, init=[])
    m.submodules[name] = words
    into, out = words.write_port(), words.read_port(domain="comb")
    count = Signal(range(depth + 1), name=f"{name}_count")
    m.d.comb += [into.data.eq(word), into.en.eq(write)]
    for port, moves, end in ((into, write, "in"), (out, read, "out")):
        place = Signal(range(depth), name=f"{name}_{end}")
        m.d.comb += port.addr.eq(place)
        with m.If(moves):
            m.d.sync += place.eq(Mux(place == depth - 1, 0, place + 1))
    m.d.sync += count.eq((count + write - read)[: len(count)])
    return out.data, count != 0, count != depth


@cache
def definition(p: AcceleratorParams, width: int) -> Definition:
    """The gate of a unit whose commands have `width` bits."""
    return Definition(f"gate_{width}x{p.queue}{p.suffix}", Gate(p, width))
