"""Issue gate: a unit's queue of commands, and the gate at its head where a command waits for its tokens.

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


class IssueGate(wiring.Component):
    """i          stream of commands, `width` bits, and their numbers
    available  units whose token is there; take: units whose token is taken, in a cycle; a bit for each
               present unit
    stop       no command passes; an offer is withdrawn
    command    stream: the head, once it has its tokens; combinational, from registers and `stop`
    done       the oldest passed command is done; give: units that get a token, in the same cycle
    empty, blocked, flying   the queue is empty; the head lacks a token; some passed command is not done
    head, oldest             numbers of the head and of the oldest passed command that is not done
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
        # what a command gives when it is done, and its number for a fault, wait here until then
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
            # tokens alone: a head that waits for room in flight is not stuck
            self.blocked.eq(queued & ~ready),
            self.flying.eq(flying),
            self.head.eq(word[self.width :]),
            self.oldest.eq(passed[len(self.numbers) :]),
        ]
        return m

    def mask(self, word, name):
        """The bits of a mask that belong to present units."""
        _, low = Opcode.END.places[name]
        return Cat(word[low + number] for number in self.numbers)


def fifo(m, name, word, write, read, depth):
    """A queue of a few words; returns (the oldest word, whether there is one, whether there is room).

    The oldest is a combinational read: it stands from the cycle after its write on.
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
            # by comparison: the depth need not be a power of two
            m.d.sync += place.eq(Mux(place == depth - 1, 0, place + 1))
    m.d.sync += count.eq((count + write - read)[: len(count)])
    return out.data, count != 0, count != depth


@cache
def definition(p: AcceleratorParams, width: int) -> Definition:
    """The gate of a unit whose commands have `width` bits."""
    return Definition(f"gate_{width}x{p.queue}{p.suffix}", IssueGate(p, width))
