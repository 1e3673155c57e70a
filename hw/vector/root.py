"""The inverse square root of a positive integer in RTL: a part, which whoever normalises places once.

Golden: golden.vector.root.
"""

from functools import cache

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.vector.root import NORMAL_REGISTERS, RootParams, even_steps
from hw.emit import Definition
from hw.vector.piecewise import lane_definition as piecewise_lane
from hw.vector.piecewise import stages


def without_zeros(value: Value, steps: list[int]) -> tuple[Value, list[Value]]:
    """`value` shifted by those of `steps`, falling, whose bits at its top are zero; a bit a step: it was."""
    empties = []
    for step in steps:
        empty = ~value[-step:].any()
        value = Mux(empty, Cat(Const(0, step), value[: len(value) - step]), value)
        empties.append(empty)
    return value, empties


class InverseRoot(wiring.Component):
    """A value in, its inverse root out, every cycle in which `go` is high: then all registers load.

    value     unsigned, params.width bits
    mantissa  1 / sqrt(m), params.bits below 1; params.latency cycles after the value
    pairs     of zeros before m, with it
    """

    def __init__(self, params: RootParams):
        self.params = p = params
        self.inverse = piecewise_lane(p.inverse)
        self.uses = (self.inverse,)
        super().__init__({
            "go": In(1),
            "value": In(p.width),
            "mantissa": Out(p.bits + 1),
            "pairs": Out(len(even_steps(p.width))),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.params
        all_steps = even_steps(p.width)
        half = len(all_steps) // NORMAL_REGISTERS
        value, found = self.value, []
        for name, steps in (("coarse", all_steps[:half]), ("normal", all_steps[half:])):
            shifted, empties = without_zeros(value, steps)
            value = self.held(m, shifted, name)
            found = [self.held(m, bit, f"{name}_zeros_{at}") for at, bit in enumerate([*found, *empties])]
        # zeros go in pairs, so m in [1, 4) keeps the exponent even; two tables, for [1, 2) and [2, 4)
        large = value[-1]  # m >= 2
        bits = p.inverse.input.width
        self.inverse.place(
            m, "inverse", x=Mux(large, value[-1 - bits : -1], value[-2 - bits : -2]), function=large,
            y=self.mantissa, **{f"{stage}_go": self.go for stage in stages(p.inverse)},
        )  # fmt: skip
        pairs = Cat(*reversed(found))
        for stage in stages(p.inverse):
            pairs = self.held(m, pairs, f"{stage}_pairs")
        m.d.comb += self.pairs.eq(pairs)
        return m

    def held(self, m, value, name):
        """`value` in a register that loads with go."""
        q = Signal(len(value), name=name, reset_less=True)
        with m.If(self.go):
            m.d.sync += q.eq(value)
        return q


@cache
def definition(p: RootParams) -> Definition:
    """The inverse root of `p`, ready to be placed."""
    return Definition(f"inverse_root_{p.width}_{p.bits}", InverseRoot(p))
