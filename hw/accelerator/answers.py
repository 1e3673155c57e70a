"""Runs that a unit has asked the memory port for, and whether all of a command's went well."""

from functools import cache

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.axi.bursts import AxiParams, Status
from hw.axi.queue import definition as queue
from hw.emit import Definition
from hw.lanes import bits


class Answers(wiring.Component):
    """run, final  a run is asked for; whether it is its command's last
    room        one more may be
    status      stream of Status, one a run, in order; always taken
    good        pulse: all runs of a command went well; combinational, with its last status
    bad         pulse: the first that did not, and never `good` again; combinational
    """

    def __init__(self, p: AxiParams):
        # a run holds a slot of the master until its status is taken; one more waits at its cursor
        self.depth = p.outstanding + 2
        self.finals = queue(1, self.depth)
        self.uses = (self.finals,)
        super().__init__({
            "run": In(1),
            "final": In(1),
            "room": Out(1),
            "status": In(stream.Signature(2)),
            "good": Out(1),
            "bad": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        used = Signal(range(self.depth + 1))
        final, taken, failed, fails = bits("is_final", "taken", "failed", "fails")
        self.finals.place(
            m, "finals", write=self.run, i=self.final,
            o_valid=self.status.ready, o_ready=self.status.valid, o_payload=final,
        )
        m.d.comb += [
            self.room.eq(used != self.depth),
            taken.eq(self.status.valid & self.status.ready),
            fails.eq(self.status.payload != Status.OKAY),
            self.good.eq(taken & final & ~fails & ~failed),
            self.bad.eq(taken & fails & ~failed),
        ]
        m.d.sync += [used.eq((used + self.run - taken)[: len(used)]), failed.eq(failed | self.bad)]
        return m


@cache
def definition(p: AxiParams) -> Definition:
    """The answers to a master of `p`."""
    return Definition(f"answers_{p.outstanding}", Answers(p))
