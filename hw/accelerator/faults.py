"""Which fault stops a program, and which command was to blame. Golden: golden.accelerator.control."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import UNITS
from golden.accelerator.registers import NO_UNIT, NUMBER_BITS, Cause
from hw.emit import Definition
from hw.lanes import lane

COUNT = len(UNITS)


class Faults(wiring.Component):
    """fault, fault_code, fault_response, overflow, blocked, flying, head, oldest: a lane for each unit
    running         a program runs: a fault counts
    illegal         the next command cannot be, or there is none; bad_fetch: it did not come, and `response`
    stuck           no unit can go on, for want of tokens
    quiet           nothing moved in this cycle; limit: so many such cycles are a fault, 0: never
    next            number of the next command
    stops           combinational: at this edge the program stops
    cause_*, index  of the last fault, from the cycle after `stops`
    """

    def __init__(self):
        lanes = {"fault_code": 4, "fault_response": 2, "head": NUMBER_BITS, "oldest": NUMBER_BITS}
        masks = ("fault", "overflow", "blocked", "flying")
        super().__init__({
            **{name: In(COUNT) for name in masks},
            **{name: In(COUNT * width) for name, width in lanes.items()},
            **{name: In(1) for name in ("running", "illegal", "bad_fetch", "stuck", "quiet")},
            "response": In(2),
            "limit": In(32),
            "next": In(NUMBER_BITS),
            "stops": Out(1),
            "cause_code": Out(4),
            "cause_unit": Out(3),
            "cause_response": Out(2),
            "index": Out(NUMBER_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        expired = self.watch(m)
        code, unit, response = Signal(4), Signal(3, init=NO_UNIT), Signal(2)
        index = Signal(NUMBER_BITS)
        m.d.comb += [unit.eq(NO_UNIT), index.eq(self.next)]
        # what stands later counts more
        with m.If(self.stuck | expired):
            m.d.comb += code.eq(Cause.DEADLOCK)
            with m.If(self.stuck):
                self.blame(m, self.blocked, self.head, unit, index)
            with m.Else():
                self.blame(m, self.flying, self.oldest, unit, index)
        with m.If(self.illegal):
            m.d.comb += [code.eq(Cause.ILLEGAL_COMMAND), unit.eq(NO_UNIT), index.eq(self.next)]
        with m.If(self.bad_fetch):
            m.d.comb += [
                code.eq(Cause.FETCH_ERROR), unit.eq(NO_UNIT), index.eq(self.next), response.eq(self.response),
            ]  # fmt: skip
        for number in reversed(range(COUNT)):
            oldest = lane(self.oldest, number, COUNT)
            with m.If(self.overflow[number]):
                m.d.comb += [
                    code.eq(Cause.TOKEN_OVERFLOW), unit.eq(number), index.eq(oldest), response.eq(0),
                ]  # fmt: skip
            with m.If(self.fault[number]):
                m.d.comb += [
                    code.eq(lane(self.fault_code, number, COUNT)),
                    unit.eq(number),
                    index.eq(oldest),
                    response.eq(lane(self.fault_response, number, COUNT)),
                ]
        m.d.comb += self.stops.eq(self.running & (code != 0))
        with m.If(self.stops):
            m.d.sync += [
                self.cause_code.eq(code),
                self.cause_unit.eq(unit),
                self.cause_response.eq(response),
                self.index.eq(index),
            ]
        return m

    def blame(self, m, mask, numbers, unit, index):
        """The first unit of `mask` and its number of `numbers`; nobody, if there is none."""
        for each in reversed(range(COUNT)):
            with m.If(mask[each]):
                m.d.comb += [unit.eq(each), index.eq(lane(numbers, each, COUNT))]

    def watch(self, m):
        """Whether nothing has moved for `limit` cycles."""
        still = Signal(32)
        expired = Signal()
        m.d.comb += expired.eq((still == self.limit) & (self.limit != 0))
        m.d.sync += still.eq(Mux(self.quiet & self.running & ~expired, (still + 1)[:32], 0))
        return expired


@cache
def definition() -> Definition:
    """The one there is."""
    return Definition("faults", Faults())
