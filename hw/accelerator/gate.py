"""A unit's queue, and the gate behind it where a command waits for its tokens.

Golden: golden.accelerator.control.
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import BITS, UNITS
from golden.accelerator.control import IN_FLIGHT
from golden.accelerator.registers import NUMBER_BITS
from hw.emit import Definition

COUNT = len(UNITS)


class Gate(wiring.Component):
    """i          stream of commands, `width` bits, and their numbers
    available  units whose token is here; take: those whose token goes, in a cycle
    stop       nothing passes; what is on offer is withdrawn
    command    stream: the head that has its tokens; combinational, from registers and `stop`
    done       the oldest command passed is done; give: units that get a token, in that cycle
    empty, blocked, flying   nothing queued; the head lacks a token; some command passed is not done
    head, oldest             numbers of the head and of the oldest command passed and not done
    """

    def __init__(self, width: int, depth: int):
        self.width, self.depth = width, depth
        super().__init__({
            "i": In(stream.Signature(width + NUMBER_BITS)),
            "available": In(COUNT),
            "take": Out(COUNT),
            "stop": In(1),
            "command": Out(stream.Signature(BITS)),
            "done": In(1),
            "give": Out(COUNT),
            **{name: Out(1) for name in ("empty", "blocked", "flying")},
            **{name: Out(NUMBER_BITS) for name in ("head", "oldest")},
        })

    def elaborate(self, platform):
        m = Module()
        passes, ready = Signal(), Signal()
        enters = self.i.valid & self.i.ready
        word, queued, room = fifo(m, "waiting", self.i.payload, enters, passes, self.depth)
        wait, signal = word[8 : 8 + COUNT], word[8 + COUNT : 8 + 2 * COUNT]
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
            self.give.eq(Mux(self.done, passed[:COUNT], 0)),
            self.empty.eq(~queued),
            self.blocked.eq(queued & ~ready),
            self.flying.eq(flying),
            self.head.eq(word[self.width :]),
            self.oldest.eq(passed[COUNT:]),
        ]
        return m


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
def definition(width: int, depth: int) -> Definition:
    """The gate of a unit whose commands have `width` bits."""
    return Definition(f"gate_{width}x{depth}", Gate(width, depth))
