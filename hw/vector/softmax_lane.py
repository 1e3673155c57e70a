"""A lane of the softmax engine: a score becomes its weight, and with the sum's reciprocal its probability.

Golden: golden.vector.softmax.
"""

from functools import cache

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.vector.reciprocal import steps
from golden.vector.softmax import SoftmaxParams
from hw.emit import Definition
from hw.fit import fit
from hw.vector.piecewise import lane_definition as piecewise_lane
from hw.vector.piecewise import stages


def octave_shape(p: SoftmaxParams):
    """A score's floor, and the ceiling of the largest: one bit more than the integer part."""
    return signed(p.score.width - p.fraction + 1)


class SoftmaxLane(wiring.Component):
    """One element in, every cycle in which `go` is high: then all registers load.

    score, keep      the element, and whether it is valid
    top              ceiling of the row's maximum, octave_shape; goes with the element
    mantissa, zeros  of the sum's reciprocal; needed when the element is scaled
    weight           params.power.latency + 1 cycles after the element
    p                two more; a code of params.out
    """

    def __init__(self, params: SoftmaxParams):
        self.params = p = params
        self.power = piecewise_lane(p.power)
        self.uses = (self.power,)
        super().__init__({
            "score": In(p.score.width),
            "keep": In(1),
            "top": In(octave_shape(p).width),
            "go": In(1),
            "mantissa": In(p.reciprocal.bits + 1),
            "zeros": In(len(steps(p.reciprocal.width))),
            "weight": Out(p.weight.width),
            "p": Out(p.out.width),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.params
        power = Signal(p.power.out.width)
        fraction = self.score[: p.fraction]
        self.power.place(
            m, "power", x=fraction, function=Const(0, 1), y=power,
            **{f"{stage}_go": self.go for stage in stages(p.power)},
        )
        # Beside exp2: by how much to shift it, at least 0 for what is valid, and whether to keep it.
        octave = self.score[p.fraction :].as_signed()
        below = Signal(len(self.top))
        m.d.comb += below.eq((self.top.as_signed() - octave)[: len(below)])
        shift, keep = below, self.keep
        for stage in stages(p.power):
            shift, keep = self.held(m, shift, f"{stage}_shift"), self.held(m, keep, f"{stage}_keep")
        shifted = ((power << p.guard) >> shift)[: p.weight.width]
        weight = self.held(m, Mux(keep, shifted, 0), "weight_held")
        scaled = self.held(m, weight * self.mantissa, "scaled")
        m.d.comb += [self.weight.eq(weight), self.p.eq(self.held(m, self.rounded(scaled), "p_held"))]
        return m

    def held(self, m, value, name):
        """`value` in a register that loads with go."""
        q = Signal(len(value), name=name, reset_less=True)
        with m.If(self.go):
            m.d.sync += fit(q, value)
        return q

    def rounded(self, scaled):
        """scaled / 2^shift, ties up, clipped; shift = width + 1 - zeros is at least 2, or scaled is 0."""
        p = self.params
        # one place less than the shift keeps the half bit, which `+ 1` rounds
        halves = scaled >> (p.reciprocal.width - self.zeros)[: len(self.zeros) + 1]
        whole = (halves + 1) >> 1
        return Mux(whole > p.out.max, p.out.max, whole[: p.out.width])


@cache
def lane_definition(p: SoftmaxParams) -> Definition:
    """The lane of `p`, ready to be placed."""
    name = f"softmax_{p.score}_q{p.fraction}_{p.out}_m{p.mantissa_bits}_s{p.segment_bits}_n{p.max_length}"
    return Definition(f"{name}_lane", SoftmaxLane(p))
