"""A product rounded into a format of its own. Golden: golden.formats.arithmetic.multiply."""

from amaranth.hdl import Const, Module, Value

from golden.formats import Float
from golden.formats.arithmetic import Mode
from hw.float.bits import named
from hw.float.pack import pack
from hw.float.product import Term


def rounded(m: Module, fmt: Float, mode: Mode, exact: Term, name: str = "rounded") -> Value:
    """The code of a product in `fmt`."""
    code = pack(
        m,
        fmt,
        mode,
        sign=exact.sign,
        exponent=named(m, exact.exponent - exact.offset, f"{name}_place"),
        significand=exact.significand,
        sticky=Const(0),
        infinite=exact.infinite,
        infinite_sign=exact.sign,
        nan=exact.nan,
        name=name,
    )
    return named(m, code, f"{name}_code")
