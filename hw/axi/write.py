"""AXI4 write master. Golden: golden.axi.write."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.axi.write import WriteParams
from hw.axi import bursts, completion
from hw.axi.queue import definition as queue
from hw.emit import Definition


def plan_layout(p: WriteParams) -> data.StructLayout:
    """What W must know of a burst: beats less one, its command's last, bytes of its last word, 0 for all."""
    return data.StructLayout({"beats_1": 8, "final": 1, "tail": p.size})


class WriteMaster(wiring.Component):
    """command  stream of {address, bytes}; ready is combinational
    data        stream of bus words; ready is combinational
    status      stream of Status, one a command, in order; registered
    stop, idle  while `stop` no command is taken, none goes on, and the words that bursts lack are made up,
                with strobe 0: no byte is written. `idle`: all responses have come and all statuses are
                taken. After a `stop` it needs a reset, which may come when `idle`.
    m_axi       AW, W and B; bready is high for every burst that was announced

    A burst is announced when a slot is free (hw.axi.completion); its words then move as they come.
    """

    def __init__(self, params: WriteParams):
        self.params = p = params
        self.bursts = bursts.definition(p)
        self.completion = completion.definition(p)
        self.plans = queue(plan_layout(p).size, p.outstanding)
        self.uses = (self.bursts, self.completion, self.plans)
        w = {"wdata": p.data_bits, "wstrb": p.word_bytes, "wlast": 1, "wvalid": 1}
        super().__init__({
            "command": In(stream.Signature(bursts.command_layout(p))),
            "data": In(stream.Signature(p.data_bits)),
            "status": Out(stream.Signature(2)),
            "stop": In(1),
            "idle": Out(1),
            "m_axi": Out(wiring.Signature({
                **bursts.address_channel(p, "aw"),
                **{name: Out(width) for name, width in w.items()},
                "wready": In(1),
                "bvalid": In(1),
                "bready": Out(1),
                "bid": In(p.id_bits),
                "bresp": In(2),
            })),
        })

    def elaborate(self, platform):
        m = Module()
        bus = self.m_axi
        length = Signal(range(self.params.longest_burst + 1))
        tail = Signal(self.params.size)
        link = {name: Signal(name=name) for name in ("final", "slot", "idle", "issue", "skip")}
        code = Signal(2)
        arrives, active = Signal(), Signal()
        m.d.comb += [arrives.eq(bus.bvalid & bus.bready), self.idle.eq(link["idle"] & ~active)]
        bursts.drive_constants(m, bus, "aw", self.params)
        self.bursts.place(
            m, "bursts", **link, code=code, length=length, tail=tail, room=Const(1),
            stop=self.stop, active=active,
            command_valid=self.command.valid, command_ready=self.command.ready,
            command_payload=self.command.payload.as_value(),
            a_valid=bus.awvalid, a_ready=bus.awready, a_addr=bus.awaddr, a_len=bus.awlen,
        )
        self.completion.place(
            # a B response is of a whole burst: each ends one
            m, "completion", **link, code=code, expected=bus.bready, last=Signal(),
            responds=arrives, resp=bus.bresp, ended=arrives,
            status_valid=self.status.valid, status_ready=self.status.ready,
            status_payload=self.status.payload,
        )
        plan = Signal(plan_layout(self.params))
        planned, plan_done = Signal(), Signal()
        beats_1 = Signal(8)
        m.d.comb += beats_1.eq((length - 1)[:8])
        self.plans.place(
            m, "plans", write=link["issue"], i=Cat(beats_1, link["final"], tail),
            o_valid=planned, o_ready=plan_done, o_payload=plan.as_value(),
        )
        self.send_words(m, plan, planned, plan_done)
        return m

    def send_words(self, m, plan, planned, plan_done):
        """W: a register, loaded from the stream as the plan says."""
        bus = self.m_axi
        beat = Signal(8)
        go, take, last = Signal(), Signal(), Signal()
        strobe = Signal(self.params.word_bytes)
        every = Const(-1, len(strobe))
        partial = Signal()
        m.d.comb += [
            go.eq(~bus.wvalid | bus.wready),
            self.data.ready.eq(planned & go & ~self.stop),
            take.eq(planned & go & (self.data.valid | self.stop)),
            last.eq(beat == plan.beats_1),
            plan_done.eq(take & last),
            # only the last word of a command may be partly written; made-up words (stop) write nothing
            partial.eq(plan.final & last & (plan.tail != 0)),
            strobe.eq(Mux(self.stop, 0, Mux(partial, ~(every << plan.tail), every))[: len(strobe)]),
        ]
        words = {"wdata": self.data.payload, "wstrb": strobe, "wlast": last}
        registers = {
            name: Signal(value.shape(), name=f"{name}_q", reset_less=True) for name, value in words.items()
        }
        with m.If(go):
            m.d.sync += [bus.wvalid.eq(take), *(registers[name].eq(value) for name, value in words.items())]
        m.d.comb += [getattr(bus, name).eq(q) for name, q in registers.items()]
        with m.If(take):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))


def definition(p: WriteParams) -> Definition:
    """The write master of `p`."""
    return Definition(bursts.name_of("axi_write", p), WriteMaster(p))
