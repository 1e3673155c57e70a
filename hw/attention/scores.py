"""Scores in RTL: a sum of products becomes octaves, with a softcap if the parameters say so; a lane.

Golden: golden.attention.scores.
"""

from functools import cache

from amaranth.hdl import Const, Module, Mux, Signal, Value

from golden.attention.arithmetic import CAP_INPUT, CAP_OUT_FRACTION, MAX_SHIFT, MULTIPLIER, Arithmetic
from golden.attention.scores import stages
from golden.formats import Int
from hw.attention.lanes import Lane, streamed
from hw.attention.products import name_of
from hw.emit import Definition
from hw.float.bits import named
from hw.formats import shape_of
from hw.vector.piecewise import lane_definition as piecewise_lane

SHIFT_BITS = MAX_SHIFT.bit_length()
TANH = {"entry": "entry", "inner": "inner", "slope": "product", "tanh": "o"}  # stages: theirs in the lane


def clipped(m: Module, value: Value, fmt: Int, name: str) -> tuple[Value, Value]:
    """(`value`, signed, in fmt's range; whether it was outside)."""
    above = value[fmt.width - 1 :]
    outside = named(m, above.any() & ~above.all(), f"{name}_outside")
    kept = Mux(outside, Mux(value[-1], fmt.min, fmt.max), value[: fmt.width].as_signed())
    return named(m, kept[: fmt.width].as_signed(), name), outside


class ScoreLane(Lane):
    """dot: a value of p.dot. multiplier, shift (and cap): of golden's Scaling, with the dot.

    score    a value of p.score
    clipped  it would be outside
    """

    def __init__(self, params: Arithmetic):
        self.params = p = params
        cap = {"cap": p.score.width - 1} if p.softcap else {}
        self.tanh = piecewise_lane(p.tanh) if p.softcap else None
        self.uses = (self.tanh,) if p.softcap else ()
        super().__init__(
            stages(p),
            {"dot": p.dot.width, "multiplier": MULTIPLIER.width, "shift": SHIFT_BITS} | cap,
            {"score": p.score.width, "clipped": 1},
        )

    def elaborate(self, platform):
        m = Module()
        exact = self.held(m, "product", "value", self.dot.as_signed() * self.multiplier)
        shift = self.held(m, "product", "shift", self.shift)
        rounded = self.rounded(m, exact, shift)
        score, outside = clipped(m, rounded, self.params.score, "plain")
        if self.params.softcap:
            score, outside = self.capped(m, rounded, score, outside)
        m.d.comb += [
            self.score.eq(self.held(m, "score", "value", score)),
            self.clipped.eq(self.held(m, "score", "clipped", outside)),
        ]
        return m

    def rounded(self, m, exact, shift):
        """exact / 2^shift, ties up: a shift of 1 or more leaves the half as the last bit of `halves`."""
        halves = named(m, ((exact << 1) >> shift)[: len(exact)].as_signed(), "halves")
        return named(m, (halves + 1)[1:].as_signed(), "rounded")

    def capped(self, m, rounded, plain, outside):
        """(the score, cap tanh(u) where there is a cap; whether it was clipped), to be registered."""
        u, _ = clipped(m, rounded, CAP_INPUT, "u")
        by_tanh = self.held(m, "product", "cap", self.cap)
        cap = self.held(m, "scaled", "cap", by_tanh)
        u, plain = self.held(m, "scaled", "u", u), self.held(m, "scaled", "plain", plain)
        outside = self.held(m, "scaled", "outside", outside & ~by_tanh.any())
        tanh = Signal(shape_of(self.params.tanh.out))
        self.tanh.place(
            m, "tanh", x=u, function=Const(0, 1), y=tanh,
            **{f"{theirs}_go": getattr(self, f"{ours}_go") for ours, theirs in TANH.items()},
        )  # fmt: skip
        cap, plain, outside = (
            self.carried(m, TANH, name, value)
            for name, value in (("cap", cap), ("plain", plain), ("outside", outside))
        )
        raised = self.held(m, "raised", "value", tanh * cap)
        plain, outside = self.held(m, "raised", "plain", plain), self.held(m, "raised", "outside", outside)
        there = self.held(m, "raised", "there", cap.any())
        near = (raised + (1 << CAP_OUT_FRACTION - 1)) >> CAP_OUT_FRACTION
        # |tanh| <= 1: within the cap, which is a score
        score = Signal.like(plain, name="either")
        m.d.comb += score.eq(Mux(there, near[: len(plain)].as_signed(), plain))
        return score, outside


@cache
def score_lane(p: Arithmetic) -> Definition:
    """The score of `p`, ready to be placed."""
    cap = "_cap" if p.softcap else ""
    scores = f"d{p.head_dim}_{p.score}_q{p.fraction}{cap}"
    return Definition(f"attention_score_{name_of(p)}_{scores}", ScoreLane(p))


def definition(p: Arithmetic) -> Definition:
    """The stream block of the lane."""
    return streamed(score_lane(p))
