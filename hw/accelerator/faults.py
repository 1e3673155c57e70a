"""Faults: which one stops a program, and which command is to blame. Golden: golden.accelerator.control."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import CAUSE_BITS, NO_UNIT, NUMBER_BITS, UNIT_BITS, Cause
from golden.accelerator.units import numbers
from hw.emit import Definition
from hw.lanes import lane


class FaultLogic(wiring.Component):
    """fault, fault_code, fault_response, overflow, blocked, flying, head, oldest: a lane for each unit
    running         a program runs: a fault counts
    illegal         the next command is illegal, or missing; bad_fetch: its fetch failed, with `response`
    stuck           no unit can proceed, for want of tokens
    quiet           nothing moved in this cycle; limit: so many quiet cycles are a fault, 0: never
    next            number of the next command
    stops           combinational: at this edge the program stops
    cause_*, index  of the last fault, from the cycle after `stops`
    """

    def __init__(self, p: AcceleratorParams):
        self.numbers = [numbers()[name] for name in p.present]
        self.count = count = len(self.numbers)
        lanes = {"fault_code": CAUSE_BITS, "fault_response": 2, "head": NUMBER_BITS, "oldest": NUMBER_BITS}
        masks = ("fault", "overflow", "blocked", "flying")
        super().__init__({
            **{name: In(count) for name in masks},
            **{name: In(count * width) for name, width in lanes.items()},
            **{name: In(1) for name in ("running", "illegal", "bad_fetch", "stuck", "quiet")},
            "response": In(2),
            "limit": In(32),
            "next": In(NUMBER_BITS),
            "stops": Out(1),
            "cause_code": Out(CAUSE_BITS),
            "cause_unit": Out(UNIT_BITS),
            "cause_response": Out(2),
            "index": Out(NUMBER_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        expired = self.watch(m)
        code, unit, response = Signal(CAUSE_BITS), Signal(UNIT_BITS, init=NO_UNIT), Signal(2)
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
        # reversed: of several units in one cycle the first is assigned last, and counts
        for index_of, number in reversed([*enumerate(self.numbers)]):
            oldest = lane(self.oldest, index_of, self.count)
            with m.If(self.overflow[index_of]):
                m.d.comb += [
                    code.eq(Cause.TOKEN_OVERFLOW), unit.eq(number), index.eq(oldest), response.eq(0),
                ]  # fmt: skip
            with m.If(self.fault[index_of]):
                m.d.comb += [
                    code.eq(lane(self.fault_code, index_of, self.count)),
                    unit.eq(number),
                    index.eq(oldest),
                    response.eq(lane(self.fault_response, index_of, self.count)),
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

    def blame(self, m, mask, commands, unit, index):
        """Blame the first unit of `mask`, and its command in `commands`; nothing changes if the mask is 0."""
        for each, number in reversed([*enumerate(self.numbers)]):
            with m.If(mask[each]):
                m.d.comb += [unit.eq(number), index.eq(lane(commands, each, self.count))]

    def watch(self, m):
        """Whether nothing has moved for `limit` cycles."""
        still = Signal(32)
        expired = Signal()
        m.d.comb += expired.eq((still == self.limit) & (self.limit != 0))
        m.d.sync += still.eq(Mux(self.quiet & self.running & ~expired, (still + 1)[:32], 0))
        return expired


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The fault logic for the units of `p`."""
    return Definition(f"faults{p.suffix}", FaultLogic(p))
