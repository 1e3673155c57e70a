"""Results of ATTEND: sums over the sum of the weights, as codes. Golden: golden.accelerator.attend."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.attend import OUT, OUT_MULTIPLIER, AttentionParams
from golden.accelerator.attend_cycles import RESULT
from golden.attention.arithmetic import MAX_SHIFT
from golden.attention.quotients import stages
from golden.vector.reciprocal import steps
from hw.attention.lanes import Lane
from hw.attention.quotients import quotient_lane
from hw.emit import Definition
from hw.fit import fit
from hw.lanes import delayed, lane
from hw.vector import reciprocal

SCALING = {
    "out_multiplier": OUT_MULTIPLIER.width, "out_shift": MAX_SHIFT.bit_length(), "zero_point": OUT.width,
    "low": OUT.width, "high": OUT.width,
}  # fmt: skip


class ResultCode(Lane):
    """value: signed. The rest as ATTEND's fields of these names. code: the result."""

    def __init__(self, width: int):
        super().__init__(RESULT, {"value": width} | SCALING, {"code": OUT.width})

    def elaborate(self, platform):
        m = Module()
        product = self.held(m, "product", "value", self.value.as_signed() * self.out_multiplier)
        # a shift of 1 or more leaves the half as the last bit
        halves = Signal(signed(len(product)), name="halves")
        placed = Signal(signed(len(product) + 1), name="placed")
        m.d.comb += halves.eq(((product << 1) >> self.out_shift)[: len(product)])
        m.d.comb += fit(placed, (halves + 1)[1:].as_signed() + self.zero_point.as_signed())
        low, high = self.low.as_signed(), self.high.as_signed()
        # `high` has the last word, as in golden's clip
        above, below = (placed > high) | (low > high), placed < low
        code = Mux(above, high, Mux(below, low, placed[: OUT.width].as_signed()))
        m.d.comb += self.code.eq(self.held(m, "code", "value", code))
        return m


class AttendResult(wiring.Component):
    """total   a query's sum of weights
    sums    its sums, when the reciprocal of total is known (params.reciprocal.latency cycles later)
    SCALING of the command
    word    the codes, len(stages) + len(RESULT) cycles behind the sums
    """

    def __init__(self, a: AttentionParams, lanes: int):
        self.lanes, self.arithmetic = lanes, a.arithmetic(lanes)
        p = self.arithmetic
        self.reciprocal, self.quotient = reciprocal.definition(p.reciprocal), quotient_lane(p)
        self.code = Definition(f"attend_code_{p.out.width}", ResultCode(p.out.width))
        self.uses = (self.reciprocal, self.quotient, self.code)
        super().__init__(
            {
                "total": In(p.total.width),
                "sums": In(lanes * p.sum_width),
                **{name: In(width) for name, width in SCALING.items()},
                "word": Out(8 * lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p, r = self.arithmetic, self.arithmetic.reciprocal
        mantissa, zeros = Signal(r.bits + 1), Signal(len(steps(r.width)))
        self.reciprocal.place(m, "reciprocal", value=self.total, mantissa=mantissa, zeros=zeros)
        # the zeros stand a cycle behind the total, the mantissa `latency` behind
        zeros_then = delayed(m, zeros, r.latency - 1, "zeros")
        for each in range(self.lanes):
            value = Signal(p.out.width, name=f"value_{each}")
            self.quotient.place(
                m, f"quotient_{each}", weighted=lane(self.sums, each, self.lanes), mantissa=mantissa,
                zeros=zeros_then, out=value, **{f"{stage}_go": 1 for stage in stages(p)},
            )  # fmt: skip
            self.code.place(
                m, f"code_{each}", value=value, code=lane(self.word, each, self.lanes),
                **{name: getattr(self, name) for name in SCALING}, **{f"{stage}_go": 1 for stage in RESULT},
            )  # fmt: skip
        return m


def definition(a: AttentionParams, lanes: int) -> Definition:
    """The part behind the queries' sums."""
    return Definition(f"attend_result_{a.keys}x{a.head_dim}_{lanes}", AttendResult(a, lanes))
