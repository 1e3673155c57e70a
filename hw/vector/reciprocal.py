"""The reciprocal of a positive integer in RTL: a part, which whoever sums places once.

Golden: golden.vector.reciprocal.
"""

from functools import cache

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.vector.reciprocal import ReciprocalParams, steps
from hw.emit import Definition
from hw.fit import fit
from hw.vector.piecewise import lane_definition as piecewise_lane
from hw.vector.piecewise import stages


class Reciprocal(wiring.Component):
    """Runs freely: `mantissa` and `zeros` belong to `value`, if that has stood for params.latency cycles.

    value     unsigned, params.width bits
    mantissa  1 / (1 + x), params.bits below 1
    zeros     those before the first one of value
    """

    def __init__(self, params: ReciprocalParams):
        self.params = p = params
        self.inverse = piecewise_lane(p.inverse)
        self.uses = (self.inverse,)
        super().__init__({
            "value": In(p.width),
            "mantissa": Out(p.bits + 1),
            "zeros": Out(len(steps(p.width))),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.params
        # Stage 1, normal: the value without the zeros before its first one.
        normal = Signal(p.width, reset_less=True)
        zeros = Signal.like(self.zeros, reset_less=True)
        value, empties = self.value, []
        for step in steps(p.width):
            empty = ~value[-step:].any()
            value = Mux(empty, Cat(Const(0, step), value[: p.width - step]), value)
            empties.append(empty)
        m.d.sync += [fit(normal, value), fit(zeros, Cat(*reversed(empties)))]
        # The rest: 1 / (1 + x).
        self.inverse.place(
            m, "inverse", x=normal[-1 - p.bits : -1], function=Const(0, 1), y=self.mantissa,
            **{f"{stage}_go": Const(1, 1) for stage in stages(p.inverse)},
        )
        m.d.comb += self.zeros.eq(zeros)
        return m


@cache
def definition(p: ReciprocalParams) -> Definition:
    """The reciprocal of `p`, ready to be placed."""
    return Definition(f"reciprocal_{p.width}_{p.bits}", Reciprocal(p))
