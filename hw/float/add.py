"""Floating addition: order, align, add, normalise, round. Golden: golden.formats.arithmetic.add.

One path, one adder, one normaliser. With significands of W bits, wide enough for both and for the result:
G more bits below hold what alignment shifts out, all else becomes one bit, `sticky`, and a borrow. The sum
is then the exact one rounded down, with sticky. When alignment shifts by two or more, a difference has at
most one leading zero, so W - 1 + G bits are significant: G = 1 to truncate to W bits, 2 for the bit that
rounding to nearest looks at. When it shifts by one, the difference is exact in G = 1.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Float
from golden.formats.arithmetic import IEEE, Mode
from hw.fit import fit
from hw.float.bits import (
    add_with_carry,
    cut,
    justified,
    leading_zeros,
    named,
    normalised,
    shifted_left,
    shifted_right,
)
from hw.float.pack import pack
from hw.float.product import Term
from hw.float.unpack import unpack


def term(m: Module, fmt: Float, code: Value, mode: Mode, name: str, offset: int = 0) -> Term:
    """A number of the sum's own format; `offset` as the other term has it."""
    given = unpack(m, fmt, code, mode.subnormals, name)
    exponent = given.exponent
    if offset:
        moved = named(m, exponent + offset, f"{name}_moved")
        exponent = named(m, moved & ~given.zero.replicate(len(moved)), f"{name}_exponent")
    return Term(code[-1], exponent, given.significand, given.infinite, given.nan, offset, not mode.subnormals)


def add_terms(m: Module, fmt: Float, mode: Mode, a: Term, b: Term, name: str = "sum") -> Value:
    """The code of a + b, rounded into `fmt`; terms of one offset."""
    width = max(len(a.significand), len(b.significand), fmt.mantissa_bits + 1)
    guard = max(1, fmt.mantissa_bits + 2 + (mode.rounding == "nearest") - width)
    field = max(len(a.exponent), len(b.exponent))

    # Order: by exponent and significand together, which is by magnitude.
    keys = [Cat(justified(each.significand, width), cut(each.exponent, field)) for each in (a, b)]
    swap = named(m, keys[0] < keys[1], f"{name}_swap")
    big = named(m, Mux(swap, keys[1], keys[0]), f"{name}_big")
    small = named(m, Mux(swap, keys[0], keys[1]), f"{name}_small")
    sign = named(m, Mux(swap, b.sign, a.sign), f"{name}_big_sign")
    exponent, below = big[width:], small[width:]
    subtract = named(m, a.sign ^ b.sign, f"{name}_subtract")

    # Align.
    distance = named(m, (exponent - below)[:field], f"{name}_distance")
    addend = Cat(Const(0, guard), small[:width])
    # without subnormals a zero keeps its leading constant one, so the exponent alone says that it is there
    there = None if mode.subnormals else named(m, below.any(), f"{name}_small_there")
    aligned, sticky = shifted_right(m, addend, distance, f"{name}_align", there)

    # Add. What was cut off borrows one; a difference is never negative, so its carry out says nothing.
    other = named(m, aligned ^ subtract.replicate(width + guard), f"{name}_other")
    total = add_with_carry(Cat(Const(0, guard), big[:width]), other, subtract & ~sticky)
    total = named(m, total[: width + guard + 1], f"{name}_total")
    total = Cat(total[:-1], total[-1] & ~subtract)

    # Normalise: `total` begins one place above `exponent`.
    # With subnormals the shift ends where the exponent would fall below 1: what remains is a subnormal.
    if mode.subnormals:
        zeros = leading_zeros(m, total, f"{name}_zeros")
        enough = named(m, exponent >= zeros, f"{name}_enough")
        zeros = named(m, Mux(enough, zeros, exponent[: len(zeros)]), f"{name}_by")
        total = shifted_left(m, total, zeros, f"{name}_left")
    else:
        total, zeros = normalised(m, total, f"{name}_left")
    above = named(m, exponent + (1 - a.offset), f"{name}_above")
    place = named(m, above - zeros, f"{name}_place")

    # Signs: an exact zero is positive, unless both terms are negative zeros.
    nothing = ~total[-1] if not mode.subnormals else ~total.any()
    if not mode.subnormals:
        nothing = nothing | ~exponent.any()
    # infinities of opposite signs are NaN (below), so either one's sign will do where both are infinite
    infinite_sign = Mux(a.infinite, a.sign, b.sign)
    code = pack(
        m,
        fmt,
        mode,
        sign=named(m, sign & ~(subtract & nothing), f"{name}_sign"),
        exponent=place,
        significand=total,
        sticky=sticky,
        infinite=named(m, a.infinite | b.infinite, f"{name}_infinite"),
        infinite_sign=named(m, infinite_sign, f"{name}_infinite_sign"),
        nan=named(m, a.nan | b.nan | a.infinite & b.infinite & subtract, f"{name}_nan"),
        name=name,
    )
    return named(m, code, f"{name}_code")


class Adder(wiring.Component):
    """o = a + b, codes of `fmt`; combinational."""

    clocked = False

    def __init__(self, fmt: Float, mode: Mode = IEEE):
        self.fmt, self.mode = fmt, mode
        code = unsigned(fmt.width)
        super().__init__({"a": In(code), "b": In(code), "o": Out(code)})

    def elaborate(self, platform):
        m = Module()
        a, b = (term(m, self.fmt, port, self.mode, name) for name, port in (("a", self.a), ("b", self.b)))
        m.d.comb += fit(self.o, add_terms(m, self.fmt, self.mode, a, b))
        return m
