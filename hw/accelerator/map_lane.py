"""A lane of the vector unit's MAP: an element in, a result some cycles later.

Golden: golden.accelerator.map_lanes.
"""

from functools import cache

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.map_lanes import FACTOR, TABLE, TABLE_ENTRIES, MapOperation
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from hw.accelerator.command_fields import layout_of
from hw.emit import Definition
from hw.fit import fit
from hw.vector import piecewise

FRONT = ("operand", "product", "front", "total", "biased", "scaled", "halves", "summed", "looked")
PIECEWISE = ("inner", "inner_product", "y")  # skipped where the function is none of them
BACK = ("post", "placed", "o")
STAGES = (*FRONT, *PIECEWISE, *BACK)

_NAMES = [field.name for field in Opcode.MAP.fields]
_CONSTANT = Opcode.MAP.fields[_NAMES.index("a_kind") :]
CONSTANTS = layout_of(_CONSTANT)


def saturated(m: Module, value, width: int, name: str):
    """Signed `value` in `width` bits, in a signal of that name."""
    narrow = Signal(signed(width), name=name)
    # the value fits if the bits from its new sign on are alike
    above = value[width - 1 :]
    m.d.comb += narrow.eq(
        Mux(above.all() | ~above.any(), value[:width], Cat((~value[-1]).replicate(width - 1), value[-1]))
    )
    return narrow


def halved(m: Module, value, shift, width: int, name: str):
    """(floor(value / 2^shift) saturated to `width` bits, whether rounding, ties up, adds 1)."""
    halves = Signal(signed(len(value) + 1), name=f"{name}_halves")
    m.d.comb += halves.eq(Cat(0, value).as_signed() >> shift)
    return saturated(m, halves[1:], width, f"{name}_whole"), halves[0]


class MapLane(wiring.Component):
    """One element in, one out, every cycle; the owner keeps the handshake.

    constants        of the command, still while one of its elements is under way
    load             a bit a stage: its register takes what the one before holds. Behind `looked` comes
                     `inner` where the function is a piecewise one, else `post`
    sums, {a,b}_{word,half,byte}   the element of each kind, with load.operand
    first            with load.total: what was in `total` counts no more
    p_word, p_shift  an element of a parameter block, taken into set `p_fill` where p_bias, p_multiplier or
                     p_load_shift is high
    p_use            with load.biased: the set whose parameters are taken
    entry_write, entry_address, entry   of the table
    o                the result, of which out_kind's low bits count; registered
    """

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.piecewise = piecewise.lane_definition(p.piecewise) if p.functions else None
        self.uses = (self.piecewise,) if self.piecewise else ()
        super().__init__({
            "constants": In(CONSTANTS),
            "load": In(len(STAGES)),
            "sums": In(32),
            **{f"{operand}_{kind}": In(width) for operand in "ab"
               for kind, width in (("word", 32), ("half", 16), ("byte", 8))},
            "first": In(1),
            "p_word": In(32),
            "p_shift": In(8),
            "p_bias": In(1),
            "p_multiplier": In(1),
            "p_load_shift": In(1),
            "p_fill": In(1),
            "p_use": In(1),
            "entry_write": In(1),
            "entry_address": In(range(TABLE_ENTRIES)),
            "entry": In(16),
            "o": Out(32),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        c = self.constants
        self.load_of = dict(zip(STAGES, self.load, strict=True))
        self.scales = Signal()  # b is multiplied
        self.adds = Signal()
        self.takes_greatest = Signal()
        m.d.comb += [
            self.adds.eq(c.operation == MapOperation.ADD),
            self.scales.eq(self.adds | (c.operation == MapOperation.MUL)),
            self.takes_greatest.eq(c.operation == MapOperation.MAX),
        ]
        t, f = self.front(m, *self.operand(m))
        s = self.requantise(m, self.total(m, t), f)
        v = self.function(m, s)
        m.d.comb += self.o.eq(self.place_and_clip(m, *self.post(m, v)))
        return m

    def held(self, m: Module, stage: str, value, name: str, *, shape=None, when=1):
        """A register of a stage, of value's shape."""
        q = Signal(value.shape() if shape is None else shape, name=name, reset_less=True)
        with m.If(self.load_of[stage] & when):
            m.d.sync += fit(q, value)
        return q

    def element(self, m: Module, operand: str, otherwise):
        """An operand of any kind, less its zero point. `otherwise`: its value where the kind is NONE."""
        kind, unsigned = self.constants[f"{operand}_kind"], self.constants[f"{operand}_unsigned"]
        byte, half, word = (getattr(self, f"{operand}_{width}") for width in ("byte", "half", "word"))
        value = Signal(signed(32), name=f"{operand}_value")
        less = Signal(signed(33), name=f"{operand}_less_zero")
        # kinds by their two bits: NONE 0, BYTE 1, HALF 2, WORD 3
        narrow = Mux(kind[0], Cat(byte, (byte[-1] & ~unsigned).replicate(24)), otherwise)
        broad = Mux(kind[0], word, Cat(half, (half[-1] & ~unsigned).replicate(16)))
        m.d.comb += value.eq(Mux(kind[1], broad, narrow))
        m.d.comb += fit(less, value - self.constants[f"{operand}_zero"])
        return less

    def operand(self, m: Module):
        """Stage operand: both factors of the front's product, and t where there is no product."""
        near, far = self.element(m, "a", self.sums), self.element(m, "b", 0)
        c = self.constants
        multiplies = self.scales & ~self.adds
        greatest = self.takes_greatest & (c.b_kind != Kind.NONE) & (far > near)
        x = self.held(m, "operand", Mux(multiplies, near, far), "x", when=self.scales)
        y = Mux(multiplies, far[: FACTOR.width].as_signed(), c.b_multiplier)
        y = self.held(m, "operand", y, "y", when=self.scales)
        t = self.held(m, "operand", saturated(m, Mux(greatest, far, near), 32, "t_chosen"), "t_operand")
        return x, y, t

    def front(self, m: Module, x, y, t):
        """Stages product and front: t, and the product f."""
        product = self.held(m, "product", x * y, "factor_product", when=self.scales)
        t = self.held(m, "product", t, "t_product")
        whole, up = halved(m, product, self.constants.b_shift, 33, "factor")
        f = saturated(m, whole + up, 32, "factor_rounded")
        t = self.held(m, "front", Mux(self.scales & ~self.adds, f, t), "t_front")
        return t, self.held(m, "front", f, "f_front", when=self.adds)

    def total(self, m: Module, t):
        """Stage total: the sum of t over a reduction, or its maximum."""
        total = Signal(signed(32), reset_less=True)
        with m.If(self.load_of["total"]):
            with m.If(self.first):
                m.d.sync += total.eq(t)
            with m.Elif(~self.takes_greatest):
                m.d.sync += total.eq((total + t)[:32])  # wraps
            with m.Elif(t > total):
                m.d.sync += total.eq(t)
        return total

    def parameters(self, m: Module):
        """Bias, multiplier and shift of the set in use; the other set may be loading."""
        sets = []
        for number in range(2):
            bias = Signal(signed(32), name=f"bias_{number}", reset_less=True)
            multiplier = Signal(31, name=f"multiplier_{number}", reset_less=True)
            shift = Signal(6, name=f"shift_{number}", reset_less=True)
            mine = self.p_fill == number
            with m.If(self.p_bias & mine):
                m.d.sync += bias.eq(self.p_word)
            with m.If(self.p_multiplier & mine):
                m.d.sync += multiplier.eq(self.p_word[:31])
            with m.If(self.p_load_shift & mine):
                m.d.sync += shift.eq(self.p_shift[:6])
            sets.append((bias, multiplier, shift))
        return [Mux(self.p_use, second, first) for first, second in zip(*sets, strict=True)]

    def requantise(self, m: Module, total, f):
        """Stages biased to summed: r, with f added."""
        bias, multiplier, shift = self.parameters(m)
        biased = self.held(m, "biased", (total + bias)[:32].as_signed(), "biased")  # wraps
        multiplier = self.held(m, "biased", multiplier, "multiplier")
        shift = self.held(m, "biased", shift, "shift")
        scaled = self.held(m, "scaled", biased * multiplier, "scaled")
        shift = self.held(m, "scaled", shift, "scaled_shift")
        whole, up = halved(m, scaled, shift, 33, "scaled")
        whole = self.held(m, "halves", whole, "whole")
        up = self.held(m, "halves", up, "up")
        # f of ADD waits here until it meets r
        for stage in ("total", "biased", "scaled", "halves"):
            f = self.held(m, stage, f, f"f_{stage}", when=self.adds)
        r = saturated(m, whole + up, 32, "r")
        s = saturated(m, r + Mux(self.adds, f, 0), 32, "s_next")
        return self.held(m, "summed", s, "s_summed")

    def function(self, m: Module, s):
        """Stage looked: s itself, or the table's entry; stages looked to y: a piecewise function."""
        m.submodules.entries = entries = memory.Memory(shape=16, depth=TABLE_ENTRIES, init=[])
        write, read = entries.write_port(), entries.read_port()
        place = saturated(m, s, 8, "place")
        # entry i is of the code i - 128: its top bit is turned
        looks_up = self.constants.function == TABLE
        m.d.comb += [
            write.addr.eq(self.entry_address),
            write.data.eq(self.entry),
            write.en.eq(self.entry_write),
            read.addr.eq(Cat(place[:7], ~place[7])),
            read.en.eq(self.load_of["looked"] & looks_up),
        ]
        v = self.held(m, "looked", s, "v_looked")
        v = Mux(looks_up, read.data.as_signed(), v)
        if not self.piecewise:
            return v
        y = Signal(signed(16))
        is_piecewise = self.constants.function >= FIRST_FUNCTION
        number = Signal(self.p.piecewise.function_bits)
        m.d.comb += number.eq((self.constants.function - FIRST_FUNCTION)[: len(number)])
        go = {stage: self.load_of[own] for stage, own in
              zip(piecewise.stages(self.p.piecewise), ("looked", *PIECEWISE), strict=True)}  # fmt: skip
        self.piecewise.place(
            m, "piecewise", x=saturated(m, s, 16, "x_16").as_unsigned(), function=number, y=y,
            **{f"{stage}_go": load & is_piecewise for stage, load in go.items()},
        )  # fmt: skip
        return Mux(is_piecewise, y, v)

    def post(self, m: Module, v):
        """Stage post: v, and its product with the multiplier that follows the function."""
        c = self.constants
        used = c.post_multiplier != 0
        product = saturated(m, v, 16, "v_16") * c.post_multiplier
        product = self.held(m, "post", product, "post_product", when=used)
        return self.held(m, "post", v, "v_post"), product, used

    def place_and_clip(self, m: Module, v, product, used):
        """Stages placed and o: zero point added, clipped."""
        c = self.constants
        wide = c.out_kind == Kind.WORD
        whole, up = halved(m, product, c.post_shift, 32, "post")
        placed = Mux(used, whole + up, v) + Mux(wide, 0, c.zero_point)
        placed = self.held(m, "placed", placed[:33].as_signed(), "placed")  # |v| <= 2^31
        # below first: low stands where high is less
        below, above = ~wide & (placed < c.low), ~wide & (placed > c.high)
        clipped = Mux(below, c.low, Mux(above, c.high, placed[:32].as_signed()))
        return self.held(m, "o", clipped, "clipped_o")


@cache
def definition(p: AcceleratorParams) -> Definition:
    """The lane of `p`, ready to be placed."""
    return Definition(f"map_lane_{'_'.join(p.functions) or 'plain'}", MapLane(p))
