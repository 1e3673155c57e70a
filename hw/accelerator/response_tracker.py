"""Response tracker: the runs that a unit has requested of the memory port, and whether a command's all
succeeded.
"""

from functools import cache

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.axi.bursts import AxiParams, BurstStatus
from hw.axi.queue import definition as queue
from hw.emit import Definition
from hw.lanes import bits


class ResponseTracker(wiring.Component):
    """run, final  a run is requested; whether it is its command's last
    room        one more run may be requested
    status      stream of BurstStatus, one a run, in order; always taken
    good        pulse: all runs of a command succeeded; combinational, with its last status
    bad         pulse: the first failure, and never `good` again; combinational
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
            fails.eq(self.status.payload != BurstStatus.OKAY),
            # once a run has failed no later command is done: the fault must find the oldest one
            self.good.eq(taken & final & ~fails & ~failed),
            self.bad.eq(taken & fails & ~failed),
        ]
        m.d.sync += [used.eq((used + self.run - taken)[: len(used)]), failed.eq(failed | self.bad)]
        return m


@cache
def definition(p: AxiParams) -> Definition:
    """The response tracker of a unit at a master of `p`."""
    return Definition(f"answers_{p.outstanding}", ResponseTracker(p))
