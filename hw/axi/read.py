"""AXI4 read master. Golden: golden.axi.read."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.axi.read import ReadParams
from hw.axi import bursts, completion
from hw.axi.queue import definition as queue
from hw.emit import Definition


def data_layout(p: ReadParams) -> data.StructLayout:
    """A word of `data`, from bit 0; error: of its own response."""
    return data.StructLayout({"data": p.data_bits, "last": 1, "error": 1})


class ReadMaster(wiring.Component):
    """command  stream of {address, bytes}; ready is combinational
    data        stream of {data, last, error}: whole bus words; registered
    status      stream of Status, one a command, in order; registered
    m_axi       AR and R; rready is high for every beat of a burst that was asked for

    stop, idle  while `stop` no command is taken, none goes on, bursts that were asked for end; `idle`: all
                have, and all statuses are taken. After a `stop` it needs a reset, which may come when `idle`.

    A burst is asked for when a slot is free (hw.axi.completion) and all its words have room.
    """

    def __init__(self, params: ReadParams):
        self.params = p = params
        self.bursts = bursts.definition(p)
        self.completion = completion.definition(p)
        self.buffer = queue(data_layout(p).size, p.buffer)
        self.uses = (self.bursts, self.completion, self.buffer)
        r = {"rid": p.id_bits, "rdata": p.data_bits, "rresp": 2, "rlast": 1}
        super().__init__({
            "command": In(stream.Signature(bursts.command_layout(p))),
            "data": Out(stream.Signature(data_layout(p))),
            "status": Out(stream.Signature(2)),
            "stop": In(1),
            "idle": Out(1),
            "m_axi": Out(wiring.Signature({
                **bursts.address_channel(p, "ar"),
                "rvalid": In(1),
                "rready": Out(1),
                **{name: In(width) for name, width in r.items()},
            })),
        })

    def elaborate(self, platform):
        m = Module()
        bus = self.m_axi
        length = Signal(range(self.params.longest_burst + 1))
        link = {name: Signal(name=name) for name in ("final", "slot", "idle", "issue", "skip")}
        code = Signal(2)
        room, last, arrives, active = Signal(), Signal(), Signal(), Signal()
        # rready says that a burst is under way: a beat that nobody asked for is not taken
        m.d.comb += [arrives.eq(bus.rvalid & bus.rready), self.idle.eq(link["idle"] & ~active)]
        bursts.drive_constants(m, bus, "ar", self.params)
        self.bursts.place(
            m, "bursts", **link, code=code, length=length, tail=Signal(self.params.size), room=room,
            stop=self.stop, active=active,
            command_valid=self.command.valid, command_ready=self.command.ready,
            command_payload=self.command.payload.as_value(),
            a_valid=bus.arvalid, a_ready=bus.arready, a_addr=bus.araddr, a_len=bus.arlen,
        )
        self.completion.place(
            m, "completion", **link, code=code, expected=bus.rready, last=last,
            responds=arrives, resp=bus.rresp, ended=bus.rlast,
            status_valid=self.status.valid, status_ready=self.status.ready,
            status_payload=self.status.payload,
        )
        self.buffer.place(
            m, "buffer", write=arrives, i=Cat(bus.rdata, bus.rlast & last, bus.rresp[1]),
            o_valid=self.data.valid, o_ready=self.data.ready, o_payload=self.data.payload.as_value(),
        )
        self.count_room(m, link["issue"], length, room)
        return m

    def count_room(self, m, issue, length, room):
        """Words of the buffer that are neither held nor asked for."""
        used = Signal(range(self.params.buffer + 1))
        taken = self.data.valid & self.data.ready
        # words are counted when they are asked for, so rready never falls and no burst waits on the bus
        m.d.comb += room.eq(used + length <= self.params.buffer)
        m.d.sync += used.eq((used + Mux(issue, length, 0) - taken)[: len(used)])


def definition(p: ReadParams) -> Definition:
    """The read master of `p`."""
    return Definition(bursts.name_of("axi_read", p, p.buffer), ReadMaster(p))
