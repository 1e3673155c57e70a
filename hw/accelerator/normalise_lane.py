"""A lane of NORMALISE: its sums, and an element's result. Golden: golden.accelerator.normalise."""

from functools import cache

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.accelerator.normalise import DEVIATION, MOST_SHIFT, ROOT, SQUARES, TOTAL, N, X
from hw.emit import Definition
from hw.fit import fit
from hw.formats import shape_of

SHIFT = MOST_SHIFT.bit_length()


class NormaliseLane(wiring.Component):
    """One element in, every cycle in which `go` is high: then all registers load.

    x, keep         the element, and whether it counts
    add, first      its square is here, two cycles later: it is added to the sums, or begins them
    rms             no total
    turn            the sums become those of the next lane
    total, squares  the sums
    load            take mantissa and shift, which is one less than what D asks for, as own_ ones
    n, row_total, columns   with the element, still; columns: the total is the lane's own
    y               six cycles after the element
    """

    def __init__(self):
        super().__init__({
            "go": In(1),
            "x": In(X.width),
            "keep": In(1),
            "add": In(1),
            "first": In(1),
            "rms": In(1),
            "turn": In(1),
            "next_total": In(TOTAL.width),
            "next_squares": In(SQUARES.width),
            "total": Out(TOTAL.width),
            "squares": Out(SQUARES.width),
            "n": In(N.width),
            "row_total": In(TOTAL.width),
            "columns": In(1),
            "load": In(1),
            "mantissa": In(ROOT.bits + 1),
            "shift": In(SHIFT),
            "own_mantissa": Out(ROOT.bits + 1),
            "own_shift": Out(SHIFT),
            "y": Out(X.width),
        })

    def elaborate(self, platform):
        m = Module()
        keep = self.held(m, self.keep, "entry_keep")
        # 0 adds nothing to the sums; in the second pass `keep` makes its result 0
        x = self.held(m, Mux(self.keep, self.x, 0), "entry").as_signed()
        total = self.sums(m, x)
        mantissa = Signal.like(self.mantissa, name="mantissa_held", reset_less=True)
        shift = Signal.like(self.shift, name="shift_held", reset_less=True)
        with m.If(self.go & self.load):
            m.d.sync += [mantissa.eq(self.mantissa), shift.eq(self.shift)]
        m.d.comb += [self.own_mantissa.eq(mantissa), self.own_shift.eq(shift)]

        product = self.held(m, x * self.n, "product")
        keep = self.held(m, keep, "product_keep")
        # the first pass has ended: its total stands still while the second goes by
        deviation = Signal(shape_of(DEVIATION), reset_less=True)
        with m.If(self.go):
            m.d.sync += deviation.eq(Mux(keep, (product - total)[: DEVIATION.width].as_signed(), 0))
        scaled = self.held(m, deviation * mantissa, "scaled")
        # one bit for the half, one for values beyond the range: rounding comes before the last clip
        shifted = self.held(m, self.clip(m, scaled >> shift, X.width + 2, "shifted"), "shifted")
        rounded = (shifted + 1) >> 1
        m.d.comb += self.y.eq(self.held(m, self.clip(m, rounded, X.width, "y"), "y_held"))
        return m

    def sums(self, m, x):
        """Add up the elements of the first pass; returns the total that the second pass subtracts."""
        value = self.held(m, x, "value")
        square = self.held(m, (x * x)[: 2 * X.width - 1], "square")
        total = Signal(shape_of(TOTAL), reset_less=True)
        squares = Signal(shape_of(SQUARES), reset_less=True)
        # in columns sums move down the lanes, so that one D a cycle leaves at lane 0
        with m.If(self.go & self.turn):
            m.d.sync += [total.eq(self.next_total), squares.eq(self.next_squares)]
        with m.Elif(self.go & self.add):
            m.d.sync += [
                total.eq((Mux(self.first, 0, total) + Mux(self.rms, 0, value))[: TOTAL.width]),
                squares.eq((Mux(self.first, 0, squares) + square)[: SQUARES.width]),
            ]
        m.d.comb += [self.total.eq(total), self.squares.eq(squares)]
        return Mux(self.columns, self.total, self.row_total).as_signed()

    def clip(self, m, value, width, name):
        """`value` clipped to `width` bits, signed."""
        clipped = Signal(signed(width), name=f"{name}_clipped")
        end = 1 << width - 1
        with m.If(value >= end):
            m.d.comb += clipped.eq(end - 1)
        with m.Elif(value < -end):
            m.d.comb += clipped.eq(-end)
        with m.Else():
            m.d.comb += clipped.eq(value[:width])
        return clipped

    def held(self, m, value, name):
        """`value` in a register that loads with go."""
        q = Signal(value.shape(), name=name, reset_less=True)
        with m.If(self.go):
            m.d.sync += fit(q, value)
        return q


@cache
def definition() -> Definition:
    """The lane, ready to be placed."""
    return Definition("normalise_lane", NormaliseLane())
