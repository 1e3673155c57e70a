"""Products of attention in RTL: q k for a score, w v for a row's sum; a lane each.

Golden: golden.attention.products.
"""

from functools import cache

from amaranth.hdl import Module, Mux, Value

from golden.attention.arithmetic import FP16_FRACTION, Arithmetic
from golden.attention.products import stages
from golden.formats import FP16
from hw.attention.lanes import Lane, streamed
from hw.emit import Definition
from hw.fit import fit
from hw.float.bits import named
from hw.float.unpack import unpack

LEAST = 2 * (FP16_FRACTION + 1)  # a product of exponents e and f counts in 2^(e + f - LEAST)


def negated_if(sign: Value, magnitude: Value) -> Value:
    """(-1)^sign magnitude, a bit wider."""
    return Mux(sign, -magnitude, magnitude).as_signed()


def beyond(code: Value) -> Value:
    """Whether a code of FP16 is no finite number: its exponent is all ones."""
    return code[FP16.mantissa_bits : -1].all()


class DotProduct(Lane):
    """q, k: codes. product: a value of p.product.

    Of FP16 also: saturated, the product is too large; invalid, q or k is no finite number, and `product` is
    what that number's bits give.
    """

    def __init__(self, params: Arithmetic):
        self.params = p = params
        flags = {"saturated": 1, "invalid": 1} if p.floating else {}
        operands = {"q": p.query.width, "k": p.key.width}
        super().__init__(stages(p), operands, {"product": p.product.width} | flags)

    def elaborate(self, platform):
        m = Module()
        if not self.params.floating:
            exact = self.q.as_signed() * self.k.as_signed()
            product = self.held(m, "product", "value", exact[: self.params.product.width])
            m.d.comb += self.product.eq(product)
            return m
        q, k = (unpack(m, FP16, code, True, name) for name, code in (("q", self.q), ("k", self.k)))
        raw = self.held(m, "product", "raw", q.significand * k.significand)
        exponent = self.held(m, "product", "exponent", q.exponent + k.exponent)
        sign = self.held(m, "product", "sign", q.sign ^ k.sign)
        invalid = self.held(m, "product", "invalid", beyond(self.q) | beyond(self.k))
        size, saturated = self.aligned(m, raw, exponent)
        product = self.held(m, "aligned", "value", negated_if(sign, size))
        m.d.comb += [
            fit(self.product, product.as_unsigned()),
            self.saturated.eq(self.held(m, "aligned", "saturated", saturated)),
            self.invalid.eq(self.held(m, "aligned", "invalid", invalid)),
        ]
        return m

    def aligned(self, m, raw, exponent):
        """(|q k| in units of 2^-dot_fraction, cut and saturated; whether it is)."""
        p = self.params
        size = named(m, (raw << exponent)[LEAST - p.dot_fraction :], "size")
        width = p.product.width - 1
        saturated = named(m, size[width:].any(), "too_large")
        return size[:width] | saturated.replicate(width), saturated


class ValueProduct(Lane):
    """w: a value of p.weight. v: a code. product: w v, signed, p.weighted_width bits.

    Of FP16 in units of 2^-24, and also: invalid, v is no finite number.
    """

    def __init__(self, params: Arithmetic):
        self.params = p = params
        flags = {"invalid": 1} if p.floating else {}
        operands = {"w": p.weight.width, "v": p.value.width}
        super().__init__(stages(p), operands, {"product": p.weighted_width} | flags)

    def elaborate(self, platform):
        m = Module()
        width = self.params.weighted_width
        if not self.params.floating:  # |w v| <= 2^weight_bits 2^(v's width - 1): the top bits are sign
            exact = self.w * self.v.as_signed()
            m.d.comb += self.product.eq(self.held(m, "product", "value", exact[:width]))
            return m
        v = unpack(m, FP16, self.v, True, "v")
        raw = self.held(m, "product", "raw", self.w * v.significand)
        exponent = self.held(m, "product", "exponent", v.exponent)
        sign = self.held(m, "product", "sign", v.sign)
        invalid = self.held(m, "product", "invalid", beyond(self.v))
        # an exponent is 1 or more, so the last bit of what it shifts is 0; |v| < 2^16, the bits above are 0
        size = (raw << exponent)[1 : 1 + width - 1]
        product = self.held(m, "aligned", "value", negated_if(sign, size)[:width])
        m.d.comb += [
            self.product.eq(product),
            self.invalid.eq(self.held(m, "aligned", "invalid", invalid)),
        ]
        return m


def name_of(p: Arithmetic) -> str:
    """Formats of operands."""
    fraction = f"_{p.dot_integer}_{p.dot_fraction}" if p.floating else ""
    return f"{p.query}_{p.key}{fraction}"


@cache
def dot_product(p: Arithmetic) -> Definition:
    """q k, ready to be placed."""
    return Definition(f"attention_dot_{name_of(p)}", DotProduct(p))


@cache
def value_product(p: Arithmetic) -> Definition:
    """w v, ready to be placed."""
    return Definition(f"attention_value_w{p.weight_bits}_{p.value}", ValueProduct(p))


def definition(p: Arithmetic, which: str) -> Definition:
    """The stream block of "dot_product" or "value_product"."""
    return streamed({"dot_product": dot_product, "value_product": value_product}[which](p))
