"""Quotients in RTL: a sum of weighted values, with the reciprocal of the sum of the weights; a lane.

The reciprocal itself, once a row, is hw.vector.reciprocal. Golden: golden.attention.quotients.
"""

from functools import cache

from amaranth.hdl import Cat, Const, Module, Mux

from golden.attention.arithmetic import GUARD, NORMAL, Arithmetic
from golden.attention.quotients import stages
from golden.formats import FP16
from golden.formats.arithmetic import IEEE
from golden.vector.reciprocal import steps
from hw.attention.lanes import Lane, streamed
from hw.emit import Definition
from hw.float.bits import named, normalised
from hw.float.pack import pack


class QuotientLane(Lane):
    """weighted: o, signed, p.sum_width bits. mantissa, zeros: of the row's l, with it.

    out  a code of p.out
    """

    def __init__(self, params: Arithmetic):
        self.params = p = params
        r = p.reciprocal
        word = {"weighted": p.sum_width, "mantissa": r.bits + 1, "zeros": len(steps(r.width))}
        super().__init__(stages(p), word, {"out": p.out.width})

    def elaborate(self, platform):
        m = Module()
        mantissa = self.held(m, "normal", "mantissa", self.mantissa)
        quotient = self.floating if self.params.floating else self.integer
        m.d.comb += self.out.eq(self.held(m, "out", "code", quotient(m, mantissa)))
        return m

    def integer(self, m, mantissa):
        """z R / 2^(r + GUARD), ties up. |z| is at most twice a value: what is cut off above is sign."""
        p = self.params
        place = (p.reciprocal.width - 1 - self.zeros)[: len(self.zeros)]
        weighted = Cat(Const(0, p.out_fraction + GUARD), self.weighted).as_signed()
        z = self.held(m, "normal", "z", (weighted >> place)[: p.quotient.width].as_signed())
        product = self.held(m, "product", "value", z * mantissa)
        below = p.reciprocal.bits + GUARD
        return (product + (1 << below - 1))[below : below + p.out_width]

    def floating(self, m, mantissa):
        """|o| without zeros above, cut to NORMAL bits, times R; shifted to its place and rounded."""
        p = self.params
        o = self.weighted  # its magnitude has no use for a sign above the bits that are kept
        magnitude = named(m, Mux(o[-1], -o, o)[: p.sum_width - 1], "magnitude")
        full, zeros = normalised(m, magnitude, "full")
        first = self.held(m, "normal", "first", full[-NORMAL:] if len(full) > NORMAL else full)
        sign = self.carried(m, ("normal", "product", "placed"), "sign", self.weighted[-1])
        # 2^(the exponent of FP16 - bias) is the place of the product's top bit, of NORMAL + r
        most = len(magnitude) - NORMAL - p.reciprocal.width + FP16.bias
        above = named(m, most + self.zeros - zeros, "above")
        exponent = self.carried(m, ("normal", "product"), "exponent", above)
        product = self.held(m, "product", "value", first * mantissa)
        significand, field = self.placed(m, product[: NORMAL + p.reciprocal.bits], exponent)
        return pack(
            m, FP16, IEEE, sign=sign, exponent=field, significand=significand, sticky=Const(0),
            infinite=Const(0), infinite_sign=Const(0), nan=Const(0), name="packed",
        )  # fmt: skip

    def placed(self, m, product, exponent):
        """(significand, exponent) as pack takes them, which does not ask a subnormal's exponent."""
        low = named(m, ~product[-1], "low")
        normal = named(m, Mux(low, Cat(Const(0, 1), product[:-1]), product), "begun")
        field = named(m, exponent - low, "field")
        lack = named(m, 1 - field, "lack")
        significand = self.held(m, "placed", "significand", normal >> Mux(lack[-1], 0, lack.as_unsigned()))
        return significand, self.held(m, "placed", "field", field)


@cache
def quotient_lane(p: Arithmetic) -> Definition:
    """The quotient of `p`, ready to be placed."""
    r = p.reciprocal
    fraction = "" if p.floating else f"_q{p.out_fraction}"
    name = f"attention_quotient_{p.sum_width}_{r.width}_{r.bits}_{p.out}{fraction}"
    return Definition(name, QuotientLane(p))


def definition(p: Arithmetic) -> Definition:
    """The stream block of the lane."""
    return streamed(quotient_lane(p))
