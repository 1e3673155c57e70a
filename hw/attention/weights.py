"""Weights in RTL: a score below its row's integer maximum becomes a power of two; a lane.

Golden: golden.attention.weights.
"""

from functools import cache

from amaranth.hdl import Const, Module, Mux, Signal

from golden.attention.arithmetic import Arithmetic
from golden.attention.weights import stages
from hw.attention.lanes import Lane, streamed
from hw.emit import Definition
from hw.vector.piecewise import lane_definition as piecewise_lane
from hw.vector.piecewise import stages as piecewise_stages


class WeightLane(Lane):
    """score: a value of p.score. top: of p.octave, the row's m, with the score, which is not above it.

    keep    whether the key counts
    weight  a value of p.weight; 0 where it does not
    """

    def __init__(self, params: Arithmetic):
        self.params = p = params
        self.power = piecewise_lane(p.power)
        self.uses = (self.power,)
        word = {"score": p.score.width, "top": p.octave.width, "keep": 1}
        super().__init__(stages(p), word, {"weight": p.weight.width})

    def elaborate(self, platform):
        m = Module()
        p = self.params
        beside = self.stages[:-1]  # of 2^f, in the order of the piecewise lane's
        power = Signal(p.power.out.width)
        self.power.place(
            m, "power", x=self.score[: p.fraction], function=Const(0, 1), y=power,
            **{f"{theirs}_go": getattr(self, f"{ours}_go")
               for ours, theirs in zip(beside, piecewise_stages(p.power), strict=True)},
        )  # fmt: skip
        octave = self.score[p.fraction :].as_signed()
        # what counts is not above top: the difference has no sign, and as many bits
        below = (self.top.as_signed() - octave)[: p.octave.width]
        shift = self.carried(m, beside, "shift", below)
        keep = self.carried(m, beside, "keep", self.keep)
        m.d.comb += self.weight.eq(self.held(m, "weight", "value", Mux(keep, power >> shift, 0)))
        return m


@cache
def weight_lane(p: Arithmetic) -> Definition:
    """The weight of `p`, ready to be placed."""
    power = f"w{p.weight_bits}_s{p.segment_bits}_d{p.degree}"
    return Definition(f"attention_weight_{p.score}_q{p.fraction}_{power}", WeightLane(p))


def definition(p: Arithmetic) -> Definition:
    """The stream block of the lane."""
    return streamed(weight_lane(p))
