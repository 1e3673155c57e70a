"""Floating addition: order, align, add, normalise, round. Golden: golden.formats.arithmetic.add.

One path, one adder, one normaliser. With significands of W bits, wide enough for both and for the result:
G more bits below hold what alignment shifts out, all else becomes one bit, `sticky`, and a borrow. The sum
is then the exact one rounded down, with sticky. When alignment shifts by two or more, a difference has at
most one leading zero, so W - 1 + G bits are significant: G = 1 to truncate to W bits, 2 for the bit that
rounding to nearest looks at. When it shifts by one, the difference is exact in G = 1.

Registers may stand at four BOUNDARIES between these; `cuts` chooses as many as are asked for.
"""

from collections.abc import Callable

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
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


BOUNDARIES = ("ordered", "aligned", "added", "normalised")
CUTS = ((), ("aligned",), ("ordered", "added"), ("ordered", "aligned", "added"), BOUNDARIES)

Values = dict[str, Value]
Crossing = Callable[[str, Values], Values]  # a boundary, the values that cross it -> these behind it


def cuts(registers: int) -> tuple[str, ...]:
    """The boundaries that have registers, of 0 to 4."""
    return CUTS[registers]


def straight(boundary: str, values: Values) -> Values:
    """No register anywhere."""
    return values


def registered(m: Module, go: dict[str, Value], name: str) -> Crossing:
    """A register at each boundary that `go` has, which loads when that is high."""

    def crossing(boundary: str, values: Values) -> Values:
        if boundary not in go:
            return values
        held = {}
        for what, value in values.items():
            held[what] = value
            if not isinstance(value, Const):
                q = Signal(value.shape(), name=f"{name}_{boundary}_{what}", reset_less=True)
                with m.If(go[boundary]):
                    m.d.sync += fit(q, value)
                held[what] = q
        return held

    return crossing


def add_terms(
    m: Module, fmt: Float, mode: Mode, a: Term, b: Term, name: str = "sum", cross: Crossing = straight
) -> Value:
    """The code of a + b, rounded into `fmt`; terms of one offset. cross: where registers stand."""
    width = max(len(a.significand), len(b.significand), fmt.mantissa_bits + 1)
    guard = max(1, fmt.mantissa_bits + 2 + (mode.rounding == "nearest") - width)
    v = cross("ordered", _ordered(m, a, b, width, name))
    v = cross("aligned", v | _aligned(m, mode, v, width, guard, name))
    v = cross("added", v | _added(m, v, width, guard, name))
    v = cross("normalised", v | _normalised(m, mode, v, a.offset, name))
    # an exact zero is positive, unless both terms are negative zeros
    nothing = ~v["total"][-1] if not mode.subnormals else ~v["total"].any()
    if not mode.subnormals:
        nothing = nothing | ~v["exponent"].any()
    infinite, nan = (v["a_infinite"], v["b_infinite"]), v["a_nan"] | v["b_nan"]
    # infinities of opposite signs are NaN (below), so either one's sign will do where both are infinite
    infinite_sign = Mux(infinite[0], v["a_sign"], v["b_sign"])
    code = pack(
        m,
        fmt,
        mode,
        sign=named(m, v["sign"] & ~(v["subtract"] & nothing), f"{name}_sign"),
        exponent=v["place"],
        significand=v["total"],
        sticky=v["sticky"],
        infinite=named(m, infinite[0] | infinite[1], f"{name}_infinite"),
        infinite_sign=named(m, infinite_sign, f"{name}_infinite_sign"),
        nan=named(m, nan | infinite[0] & infinite[1] & v["subtract"], f"{name}_nan"),
        name=name,
    )
    return named(m, code, f"{name}_code")


def _ordered(m: Module, a: Term, b: Term, width: int, name: str) -> Values:
    """Order: by exponent and significand together, which is by magnitude; and what says that it is no
    number."""
    field = max(len(a.exponent), len(b.exponent))
    keys = [Cat(justified(each.significand, width), cut(each.exponent, field)) for each in (a, b)]
    swap = named(m, keys[0] < keys[1], f"{name}_swap")
    big = named(m, Mux(swap, keys[1], keys[0]), f"{name}_big")
    small = named(m, Mux(swap, keys[0], keys[1]), f"{name}_small")
    sign = named(m, Mux(swap, b.sign, a.sign), f"{name}_big_sign")
    subtract = named(m, a.sign ^ b.sign, f"{name}_subtract")
    special = {
        f"{which}_{what}": getattr(each, what)
        for which, each in (("a", a), ("b", b))
        for what in ("sign", "infinite", "nan")
    }
    return {"big": big, "small": small, "sign": sign, "subtract": subtract, **special}


def _aligned(m: Module, mode: Mode, v: Values, width: int, guard: int, name: str) -> Values:
    """Align: the smaller one's significand under that of the bigger one. Takes `small` away."""
    exponent, small = v["big"][width:], v.pop("small")
    distance = named(m, (exponent - small[width:])[: len(exponent)], f"{name}_distance")
    addend = Cat(Const(0, guard), small[:width])
    # without subnormals a zero keeps its leading constant one, so the exponent alone says that it is there
    there = None if mode.subnormals else named(m, small[width:].any(), f"{name}_small_there")
    aligned, sticky = shifted_right(m, addend, distance, f"{name}_align", there)
    return {"big": v["big"][:width], "exponent": exponent, "aligned": aligned, "sticky": sticky}


def _added(m: Module, v: Values, width: int, guard: int, name: str) -> Values:
    """Add. What was cut off borrows one; a difference is never negative, so its carry out says nothing.
    Takes `big` and `aligned` away."""
    big, aligned, subtract = v.pop("big"), v.pop("aligned"), v["subtract"]
    other = named(m, aligned ^ subtract.replicate(width + guard), f"{name}_other")
    total = add_with_carry(Cat(Const(0, guard), big), other, subtract & ~v["sticky"])
    total = named(m, total[: width + guard + 1], f"{name}_total")
    return {"total": Cat(total[:-1], total[-1] & ~subtract)}


def _normalised(m: Module, mode: Mode, v: Values, offset: int, name: str) -> Values:
    """Normalise: `total` begins one place above `exponent`.

    With subnormals the shift ends where the exponent would fall below 1: what remains is a subnormal.
    """
    total, exponent = v["total"], v["exponent"]
    if mode.subnormals:
        zeros = leading_zeros(m, total, f"{name}_zeros")
        enough = named(m, exponent >= zeros, f"{name}_enough")
        zeros = named(m, Mux(enough, zeros, exponent[: len(zeros)]), f"{name}_by")
        total = shifted_left(m, total, zeros, f"{name}_left")
    else:
        total, zeros = normalised(m, total, f"{name}_left")
    above = named(m, exponent + (1 - offset), f"{name}_above")
    return {"total": total, "place": named(m, above - zeros, f"{name}_place")}


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
