"""Operands of floating units, taken apart. Golden: golden.formats.floating, golden.formats.arithmetic."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Value

from golden.formats import Float, Int
from hw.float.bits import named, normalised


@dataclass(frozen=True)
class Unpacked:
    """(-1)^sign * 2^(exponent - bias) * significand / 2^(its width - 1).

    exponent      unsigned, from `least` to `most` for numbers that are not zero
    significand   unsigned; without subnormals its top bit is the constant 1 and `zero` alone tells zeros
    zero, infinite, nan    one bit each
    """

    sign: Value
    exponent: Value
    significand: Value
    zero: Value
    infinite: Value
    nan: Value
    bias: int
    least: int
    most: int


def unpack(m: Module, fmt: Float, code: Value, subnormals: bool, name: str) -> Unpacked:
    """A code of `fmt`. With subnormals the significand of zero is 0 and its exponent the least, 1."""
    mantissa, exponent = code[: fmt.mantissa_bits], code[fmt.mantissa_bits : -1]
    normal = named(m, exponent.any(), f"{name}_normal")
    top, empty = exponent.all(), ~mantissa.any()
    infinite, nan = Const(0), Const(0)
    if fmt.specials == "ieee":
        infinite, nan = named(m, top & empty, f"{name}_infinite"), named(m, top & ~empty, f"{name}_nan")
    elif fmt.specials == "nan":
        nan = named(m, code[:-1].all(), f"{name}_nan")
    most = (1 << fmt.exponent_bits) - 1 - (fmt.specials == "ieee")
    zero, hidden = ~normal, Const(1)
    if subnormals:
        zero, hidden = named(m, ~normal & empty, f"{name}_zero"), normal
        # a subnormal has the exponent 1 and no hidden one
        exponent = Cat(exponent[0] | ~normal, exponent[1:])
    significand = Cat(mantissa, hidden)
    return Unpacked(code[-1], exponent, significand, zero, infinite, nan, fmt.bias, 1, most)


def unpack_integer(m: Module, fmt: Int, value: Value, subnormals: bool, name: str) -> Unpacked:
    """An integer: its magnitude is the significand, the top bit of which stands for 2^(width - 1).

    Without subnormals significands begin with a one: leading zeros are shifted out, and the exponent is the
    one's place, 0 to width - 1. |min| = 2^(width - 1) fits an unsigned magnitude of the same width; all other
    magnitudes of a signed format have a bit less, so behind the leading one there are width - 2 bits.
    """
    sign = value[-1] if fmt.signed else Const(0)
    bits = value.as_unsigned()
    magnitude = named(m, Mux(sign, (-bits)[: fmt.width], bits), f"{name}_magnitude") if fmt.signed else bits
    zero, last = named(m, ~bits.any(), f"{name}_zero"), fmt.width - 1
    if subnormals:
        exponent = Const(last, last.bit_length())
        return Unpacked(sign, exponent, magnitude, zero, Const(0), Const(0), 0, last, last)
    significand, zeros = normalised(m, magnitude, f"{name}_norm")
    place = named(m, (last - zeros)[: last.bit_length()], f"{name}_place")
    significand = Cat(significand[int(fmt.signed) : -1], Const(1))
    return Unpacked(sign, place, significand, zero, Const(0), Const(0), 0, 0, last)
