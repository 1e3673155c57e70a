"""A column's unit behind its PEs: sums of a group, one a cycle, times the group's scale, onto the totals.

sum -> less the zero point's part -> times the scale -> rounded to fp32 -> total, which stays or leaves
       exact                        term              partial
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import FP16, FP32, Int
from golden.formats.arithmetic import IEEE
from golden.pe import tiled
from golden.tile.params import TileParams
from hw import pe
from hw.emit import Definition
from hw.float.add import add_terms, term
from hw.float.product import Term, product
from hw.float.unpack import unpack, unpack_integer
from hw.formats import shape_of
from hw.tile import cell


def row_sum_bits(p: TileParams) -> int:
    """Of the sum of a group's activations: group * the largest, signed."""
    most = p.group * max(abs(p.pe.activation.min), p.pe.activation.max)
    return most.bit_length() + 1


class ColumnScaling(wiring.Component):
    """sum, scale, zero, row_sum   of the row that `exact_go` takes; zero and row_sum only with zero points
    exact_go, term_go              the stages' registers load
    total_go, out_go               the term is added to its total (to zero if `first`), which also goes to `o`
    o                              a total; registered
    """

    def __init__(self, p: TileParams):
        self.p = p
        zero = tiled.zero_bits(p.pe)
        ports = {"zero": In(signed(zero)), "row_sum": In(signed(row_sum_bits(p)))} if zero else {}
        super().__init__(
            {
                "sum": In(cell.sum_bits(p.pe)),
                "scale": In(tiled.scale_bits(p.pe)),
                **ports,
                **{name: In(1) for name in ("exact_go", "term_go", "total_go", "out_go", "first")},
                "o": Out(FP32.width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # one total for each row; rows come in their order, so each finds its own at the foot
        totals = [Signal(FP32.width, name=f"total_{row}", reset_less=True) for row in range(self.p.rows)]
        before = Signal(FP32.width)
        total = Signal(FP32.width)
        entering = self.scaled(m)
        m.d.comb += before.eq(Mux(self.first, 0, totals[0]))
        m.d.comb += total.eq(add_terms(m, FP32, IEEE, term(m, FP32, before, IEEE, "before"), entering))
        with m.If(self.total_go):
            m.d.sync += [q.eq(above) for q, above in zip(totals, [*totals[1:], total], strict=True)]
        out = Signal(FP32.width, reset_less=True)
        with m.If(self.out_go):
            m.d.sync += out.eq(total)
        m.d.comb += self.o.eq(out)
        return m

    def scaled(self, m: Module) -> Term:
        """sum * scale, exact, two registers behind the sum."""

        def held(go):
            def register(value, name):
                q = Signal.like(value, name=f"{name}_q", reset_less=True)
                with m.If(go):
                    m.d.sync += q.eq(value)
                return q

            return register

        own = getattr(pe.module_of(self.p.pe), "partial", None)
        if own:
            entering = own(m, self.p.pe, held(self.exact_go)(self.sum, "sum"))
        else:
            entering = product(m, *self.operand(m, held(self.exact_go)), FP32, IEEE)
        return entering.held(held(self.term_go), "term")

    def operand(self, m: Module, register):
        """(the sum less the zero point's part, the scale) as operands of the product."""
        code = register(self.scale, "scale")
        scale = unpack(m, FP16, code, True, "scale")
        acc = self.p.pe.accumulator
        if not isinstance(acc, Int):
            return unpack(m, acc, register(self.sum, "sum"), True, "sum"), scale
        value = Signal(shape_of(acc), name="whole")
        m.d.comb += value.eq(self.sum)
        if tiled.zero_bits(self.p.pe):
            # sum((w - z) a) = sum(w a) - z sum(a): exact, the zero point needs no multiplier in the PEs
            part = Signal((self.zero * self.row_sum).shape(), name="zero_part")
            m.d.comb += part.eq(self.zero * self.row_sum)
            value = value - part
        exact = register(value, "exact")
        return unpack_integer(m, Int(len(exact)), exact, True, "exact"), scale


def definition(p: TileParams) -> Definition:
    """The column's unit of `p`."""
    return Definition(
        f"tile_scaling_{p.pe.accumulator}_x{p.rows}_g{p.group}_{tiled.zero_bits(p.pe)}", ColumnScaling(p)
    )
