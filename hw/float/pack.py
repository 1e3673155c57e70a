"""Round a normalised significand and pack it into a code. Golden: golden.formats.arithmetic.round_once."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from golden.formats import Float
from golden.formats.arithmetic import Mode
from hw.fit import fit
from hw.float.bits import justified, named


def pack(
    m: Module,
    fmt: Float,
    mode: Mode,
    *,
    sign: Value,
    exponent: Value,
    significand: Value,
    sticky: Value,
    infinite: Value,
    infinite_sign: Value,
    nan: Value,
    name: str,
) -> Value:
    """The code of (-1)^sign * 2^(exponent - bias) * (significand + less than one) / 2^(its width - 1).

    exponent      signed, of any width
    significand   top bit one, or the number is zero, or, with subnormals, exponent = 1
    sticky        what is cut off below the significand is not zero
    nan, infinite override the number
    """
    bits, top = fmt.mantissa_bits, (1 << fmt.exponent_bits) - 1
    significand = named(m, justified(significand, bits + 1), f"{name}_significand")
    normal, mantissa, below = significand[-1], significand[-1 - bits : -1], significand[: -1 - bits]
    exponent = named(m, exponent, f"{name}_exponent")
    field = Signal(signed(max(len(exponent), fmt.exponent_bits + 2)), name=f"{name}_field")
    tiny = Const(0)
    if mode.subnormals:
        m.d.comb += fit(field, (exponent.as_unsigned() & normal.replicate(len(exponent))).as_signed())
    else:
        tiny = named(m, ~normal | (exponent <= 0), f"{name}_tiny")
        m.d.comb += fit(field, exponent)

    code = Cat(mantissa, field)
    if mode.rounding == "nearest":  # a carry out of the mantissa counts the field up
        up = named(m, below[-1:] & (below[:-1].any() | sticky | mantissa[0]), f"{name}_up")
        code = named(m, (code + up)[: len(code)], f"{name}_rounded")
    # behind rounding, since rounding up may be what carries a number over the largest
    beyond = named(m, code[bits:].as_signed() >= top, f"{name}_beyond")

    ones = named(m, nan | infinite, f"{name}_special")  # the field's
    last = Const(1)
    if mode.rounding == "nearest":
        ones = named(m, ones | beyond, f"{name}_ones")
        mantissa = code[:bits] & ~(ones | tiny).replicate(bits)
    else:  # the largest number: the field is all ones but the last, the mantissa is all ones
        mantissa = (code[:bits] | beyond.replicate(bits)) & ~(ones | tiny).replicate(bits)
        last = ones | ~beyond
        ones = named(m, ones | beyond, f"{name}_ones")
    kept = code[bits : bits + fmt.exponent_bits] & ~tiny.replicate(fmt.exponent_bits)
    full = named(m, kept | ones.replicate(fmt.exponent_bits), f"{name}_full")
    mantissa = named(m, mantissa, f"{name}_mantissa")
    return Cat(
        mantissa[:-1],
        mantissa[-1] | nan,
        full[0] & last,
        full[1:],
        Mux(infinite, infinite_sign, sign) & ~nan,
    )
