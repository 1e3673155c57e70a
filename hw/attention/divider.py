"""Sums of a row over the sum of its weights, some elements a cycle; a part of the window engines."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.attention.quotients import stages
from golden.attention.window import WindowParams
from golden.vector.reciprocal import steps
from hw.attention.quotients import quotient_lane
from hw.emit import Definition
from hw.lanes import delayed, lane
from hw.vector import reciprocal


class Divider(wiring.Component):
    """start, total   a row's sums are complete: `total` of its weights stands here
    shift, sums      from when the reciprocal is known: elements stand here, some a cycle
    write, out       the row's results, once
    with_start, with_write   flags of the row, that go along
    """

    def __init__(self, p: WindowParams, flags: int):
        self.p, a = p, p.arithmetic
        self.reciprocal, self.quotient = reciprocal.definition(a.reciprocal), quotient_lane(a)
        self.uses = (self.reciprocal, self.quotient)
        super().__init__(
            {
                "start": In(1),
                "total": In(a.total.width),
                "with_start": In(flags),
                "shift": Out(1),
                "sums": In(p.divide_lanes * a.sum_width),
                "write": Out(1),
                "out": Out(a.head_dim * a.out.width),
                "with_write": Out(flags),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p, a = self.p, self.p.arithmetic
        r, groups, latency = a.reciprocal, p.divide_cycles, len(stages(a))
        mantissa, zeros = Signal(r.bits + 1), Signal(len(steps(r.width)))
        self.reciprocal.place(m, "reciprocal", value=self.total, mantissa=mantissa, zeros=zeros)
        # the reciprocal's zeros stand a cycle behind the total, its mantissa `latency` behind
        zeros_then = delayed(m, zeros, r.latency - 1, "zeros")
        known = delayed(m, self.start, r.latency, "start", reset=True)
        held = {
            name: Signal.like(value, name=f"{name}_q", reset_less=True)
            for name, value in (("mantissa", mantissa), ("zeros", zeros))
        }
        left = Signal(range(groups + 1), name="groups_left")
        last = Signal(name="last_group")
        with m.If(known):
            m.d.sync += [held["mantissa"].eq(mantissa), held["zeros"].eq(zeros_then), left.eq(groups)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        m.d.comb += [self.shift.eq(left != 0), last.eq(left == 1)]
        codes = []
        for each in range(p.divide_lanes):
            code = Signal(a.out.width, name=f"code_{each}")
            self.quotient.place(
                m, f"quotient_{each}", weighted=lane(self.sums, each, p.divide_lanes), out=code, **held,
                **{f"{stage}_go": 1 for stage in stages(a)},
            )  # fmt: skip
            codes.append(code)
        m.d.comb += self.write.eq(delayed(m, last, latency, "write", reset=True))
        self.gather(m, codes)
        self.flags(m, known)
        return m

    def gather(self, m, codes):
        """The groups before the last, each where it has moved on to; and the last as it comes."""
        row = Cat(*codes)
        if self.p.divide_cycles > 1:
            before = Signal(len(row) * (self.p.divide_cycles - 1), name="before", reset_less=True)
            m.d.sync += before.eq(Cat(before[len(row) :], row))
            row = Cat(before, row)
        m.d.comb += self.out.eq(row[: len(self.out)])

    def flags(self, m, known):
        """Kept while the row is divided, then as late as its last results."""
        given = delayed(m, self.with_start, self.p.arithmetic.reciprocal.latency, "with_start")
        kept = Signal.like(self.with_start, name="kept", reset_less=True)
        with m.If(known):
            m.d.sync += kept.eq(given)
        m.d.comb += self.with_write.eq(delayed(m, kept, len(stages(self.p.arithmetic)), "kept"))


def definition(p: WindowParams, flags: int) -> Definition:
    """The divider of `p`; flags: bits of a row that go along."""
    return Definition(f"{p.name}_divider_{flags}", Divider(p, flags))
