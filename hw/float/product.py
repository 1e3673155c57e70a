"""The exact product of two operands, as a term of a sum. Golden: golden.formats.arithmetic.exact_product."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from golden.formats import Float
from golden.formats.arithmetic import Mode
from hw.fit import fit
from hw.float.bits import add_with_carry, cut, leading_zeros, named, shifted_left, shifted_right
from hw.float.unpack import Unpacked


@dataclass(frozen=True)
class Term:
    """(-1)^sign * 2^(exponent - offset - bias of the sum's format) * significand / 2^(its width - 1).

    full          without subnormals. Exponent 0 tells zero, and significands begin with a constant one.
                  Else the offset is 0, the least exponent 1, which zero has too, and what has a higher one
                  has a significand that begins with a one.
                  So in both {exponent, significand} orders terms by magnitude.
    exponent      unsigned
    infinite, nan override the number
    """

    sign: Value
    exponent: Value
    significand: Value
    infinite: Value
    nan: Value
    offset: int
    full: bool

    def held(self, register: Callable[[Value, str], Value], name: str) -> "Term":
        """This term, each value that is no constant through `register`, which takes a name too."""
        values = {"sign": self.sign, "exponent": self.exponent, "infinite": self.infinite, "nan": self.nan}
        q = {key: register(value, f"{name}_{key}") for key, value in values.items()}
        significand = self.significand[:-1] if self.full else self.significand
        significand = register(significand, f"{name}_significand")
        return replace(self, significand=Cat(significand, Const(1)) if self.full else significand, **q)


@dataclass(frozen=True)
class Fields:
    """Of the product's significand begun at 2.0, exponents in the sum's format: what is added to those of
    the operands, and the least and the most of numbers that are not zero."""

    bias: int
    least: int
    most: int


def product(
    m: Module,
    a: Unpacked,
    b: Unpacked,
    out: Float,
    mode: Mode,
    name: str = "product",
    multiply: Callable[[Value, Value], Value] = lambda a, b: a * b,
) -> Term:
    """a * b as a term of a sum of `out`; `multiply` makes the significands' product, of all its bits.

    Significands below 2.0 give one below 4.0: it begins at 2.0, with

        exponent = a.exponent + b.exponent + out.bias - a.bias - b.bias + 1
    """
    raw = Signal(len(a.significand) + len(b.significand), name=f"{name}_raw")
    m.d.comb += fit(raw, multiply(a.significand, b.significand))
    zero = named(m, a.zero | b.zero, f"{name}_zero")
    bias = out.bias - a.bias - b.bias + 1
    fields = Fields(bias, a.least + b.least + bias, a.most + b.most + bias)
    if mode.subnormals:
        exponent, significand = _with_subnormals(m, a, b, raw, zero, fields, out.mantissa_bits, name)
        offset = 0
    else:
        offset = max(0, 2 - fields.least)
        exponent, significand = _full(m, a, b, raw, zero, fields, offset, name)
    return Term(
        sign=named(m, a.sign ^ b.sign, f"{name}_sign"),
        exponent=exponent,
        significand=significand,
        infinite=named(m, a.infinite | b.infinite, f"{name}_infinite"),
        nan=named(m, a.nan | b.nan | a.infinite & b.zero | a.zero & b.infinite, f"{name}_nan"),
        offset=offset,
        full=not mode.subnormals,
    )


def _full(
    m: Module, a: Unpacked, b: Unpacked, raw: Value, zero: Value, fields: Fields, offset: int, name: str
) -> tuple[Value, Value]:
    """Exponent and significand where all operands begin with a one, so that products do at 2.0 or at 1.0.

    offset  so much is added to every exponent that the least, of a product below 2.0, is 1 or more
    """
    width = max(fields.most + offset, 1).bit_length()
    wide = raw[-1]
    narrow, other = sorted((a.exponent, b.exponent), key=len)
    shift = Const((fields.bias - 1 + offset) % (1 << width), width)  # wide gives back the one
    moved = named(m, (narrow + shift)[:width], f"{name}_moved")
    exponent = named(m, add_with_carry(moved, cut(other, width), wide)[:width], f"{name}_field")
    exponent = named(m, exponent & ~zero.replicate(width), f"{name}_exponent")
    body = named(m, Mux(wide, raw[:-1], Cat(Const(0, 1), raw[:-2])), f"{name}_body")
    return exponent, Cat(body, Const(1))


def _with_subnormals(
    m: Module, a: Unpacked, b: Unpacked, raw: Value, zero: Value, fields: Fields, bits: int, name: str
) -> tuple[Value, Value]:
    """Exponent and significand where operands may begin with zeros.

    These are shifted out as far as the exponent stays at 1; a lower one is brought up to 1. Then what falls
    off the significand is kept as one bit, two places or more below the last of a result of `bits` bits of
    mantissa, where a one stands for anything above zero: no rounding can tell.
    """
    width = max(fields.most, 1).bit_length()
    place = named(m, (a.exponent + b.exponent + fields.bias).as_signed(), f"{name}_place")
    zeros = leading_zeros(m, raw, f"{name}_zeros")
    by, exponent = zeros, (place - zeros)[:width]
    if fields.least - (len(raw) - 1) < 1:
        room = named(m, place - 1, f"{name}_room")
        below = named(m, room < 0, f"{name}_below")
        enough = named(m, ~below & (room >= zeros), f"{name}_enough")
        by = Mux(enough, zeros, cut(room, len(zeros))) & ~below.replicate(len(zeros))
        by = named(m, by, f"{name}_by")
        exponent = Mux(enough, exponent, Const(1, width))
    exponent = named(m, exponent, f"{name}_field")
    significand = shifted_left(m, raw, by, f"{name}_left")
    if fields.least < 1:
        most = (1 - fields.least).bit_length()
        lack = named(m, cut(-room, most) & below.replicate(most), f"{name}_lack")
        kept = Cat(Const(0, max(0, bits + 2 - len(raw))), significand)
        right, lost = shifted_right(m, kept, lack, f"{name}_right")
        significand = named(m, Cat(lost, right), f"{name}_jammed")
    exponent = Cat(exponent[0] | zero, exponent[1:] & ~zero.replicate(width - 1))
    return named(m, exponent, f"{name}_exponent"), significand
