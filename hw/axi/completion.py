"""Which command a burst belongs to, and a status for each command. Golden: golden.axi.bursts.status."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.axi.bursts import AxiParams
from hw.axi.queue import definition as queue
from hw.emit import Definition


class Completion(wiring.Component):
    """issue, final    a burst is taken; whether it is its command's last
    skip, code         a command without bursts is taken; its status
    slot               one more burst or command may be taken
    idle               none is under way
    expected           responses may come
    last               those that come now are of a command's last burst
    responds, resp     a response, of a beat or of a burst
    ended              with it: the burst's last
    status             stream of Status, one a command, in order; registered

    A slot belongs to a burst until its response, and to a command's last burst until the status is taken: so
    the status queue has room for whatever comes, and no response waits.
    """

    def __init__(self, p: AxiParams):
        self.depth = p.outstanding
        self.finals = queue(1, p.outstanding)
        self.codes = queue(2, p.outstanding)
        self.uses = (self.finals, self.codes)
        inputs = ("issue", "final", "skip", "responds", "ended")
        super().__init__({
            **{name: In(1) for name in inputs},
            **{name: In(2) for name in ("code", "resp")},
            **{name: Out(1) for name in ("slot", "idle", "expected", "last")},
            "status": Out(stream.Signature(2)),
        })

    def elaborate(self, platform):
        m = Module()
        used = Signal(range(self.depth + 1))
        error = Signal(2)  # the first of the command, so far
        merged = Signal(2)
        burst_ended, command_ended, freed = Signal(), Signal(), Signal()
        self.finals.place(
            m, "finals", write=self.issue, i=self.final,
            o_valid=self.expected, o_ready=burst_ended, o_payload=self.last,
        )
        self.codes.place(
            m, "codes", write=command_ended | self.skip, i=Mux(self.skip, self.code, merged),
            o_valid=self.status.valid, o_ready=self.status.ready, o_payload=self.status.payload,
        )
        m.d.comb += [
            self.slot.eq(used != self.depth),
            self.idle.eq(used == 0),
            # the first error of a command counts; EXOKAY (01) is no error
            merged.eq(Mux(error[1] | ~self.resp[1], error, self.resp)),
            burst_ended.eq(self.responds & self.ended),
            command_ended.eq(burst_ended & self.last),
            freed.eq(self.status.valid & self.status.ready),
        ]
        freed_early = burst_ended & ~self.last
        m.d.sync += used.eq((used + (self.issue | self.skip) - freed_early - freed)[: len(used)])
        with m.If(self.responds):
            m.d.sync += error.eq(Mux(command_ended, 0, merged))
        return m


@cache
def definition(p: AxiParams) -> Definition:
    """The completion of `p`."""
    return Definition(f"axi_completion_{p.outstanding}", Completion(p))
