"""Dequantise in RTL: one column's groups to one FP32 number. Golden: golden.vector.dequantise."""

from dataclasses import replace
from functools import cache

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import FP32, Int
from golden.formats.arithmetic import IEEE
from golden.vector.dequantise import GroupScalingParams
from hw.emit import Definition
from hw.fit import fit
from hw.float.add import add_terms, term
from hw.float.product import product
from hw.float.unpack import Unpacked, unpack, unpack_integer
from hw.formats import shape_of
from hw.stages import hold_stages

STAGES = ("difference", "product", "total")


class Dequantise(wiring.Component):
    """A group in, every cycle; a total out behind the last of a row.

    i  stream of {p.fields; first and last group of a row}; i.ready is combinational
    o  stream of FP32 codes; registered

    Only the last total of a row is offered; those before stay in their register, to be added to.
    """

    def __init__(self, params: GroupScalingParams):
        self.params = p = params
        self.flags = {"first": 1, "last": 1}
        word = {
            name: shape_of(fmt) if isinstance(fmt, Int) else unsigned(fmt.width)
            for name, fmt in p.fields.items()
        } | self.flags
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(word))),
                "o": Out(stream.Signature(unsigned(FP32.width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p, i = self.params, self.i.p
        go = {stage: Signal(name=f"{stage}_go") for stage in STAGES}
        # Stage 1, difference: exact.
        difference = Signal(shape_of(p.difference), reset_less=True)
        scale = Signal(p.scale.width, reset_less=True)
        difference_flags = Signal(data.StructLayout(self.flags), reset_less=True)
        # Stage 2, product: exact, as a term of the sum.
        integer = unpack_integer(m, p.difference, difference, True, "integer")
        if p.exponent_bits:
            integer = self.scaled(m, integer, go["difference"])
        exact = product(m, integer, unpack(m, p.scale, scale, True, "scale"), FP32, IEEE)
        product_flags = Signal.like(difference_flags)
        # Stage 3, total.
        total = Signal(FP32.width, reset_less=True)
        last = Signal(reset_less=True)

        total_go = go.pop("total")
        product_valid = hold_stages(m, go, valid=self.i.valid, ready=total_go)
        valid = hold_stages(m, {"total": total_go}, valid=product_valid, ready=self.o.ready | ~last)
        with m.If(go["difference"]):
            m.d.sync += [
                fit(difference, (i.acc - i.zero * i.row_sum)[: p.difference.width].as_signed()),
                scale.eq(i.scale),
                *(difference_flags[name].eq(i[name]) for name in self.flags),
            ]

        def register(value: Value, name: str) -> Value:
            q = Signal.like(value, name=name, reset_less=True)
            with m.If(go["product"]):
                m.d.sync += q.eq(value)
            return q

        held = exact.held(register, "product_q")
        with m.If(go["product"]):
            m.d.sync += product_flags.eq(difference_flags)
        before = Signal.like(total, name="total_before")
        m.d.comb += before.eq(Mux(product_flags.first, 0, total))
        added = add_terms(m, FP32, IEEE, term(m, FP32, before, IEEE, "running"), held)
        with m.If(total_go & product_valid):  # through bubbles the total stays
            m.d.sync += [fit(total, added), last.eq(product_flags.last)]
        m.d.comb += [
            self.i.ready.eq(go["difference"]),
            self.o.valid.eq(valid & last),
            self.o.payload.eq(total),
        ]
        return m

    def scaled(self, m: Module, integer: Unpacked, go: Value) -> Unpacked:
        """The difference times 2^(exponent - exponent_bias), of the word that `go` takes."""
        p = self.params
        exponent = Signal(p.exponent_bits, name="exponent_q", reset_less=True)
        with m.If(go):
            m.d.sync += exponent.eq(self.i.p.exponent)
        most = integer.most + (1 << p.exponent_bits) - 1
        moved = Signal(range(most + 1), name="integer_exponent")
        m.d.comb += fit(moved, (integer.exponent + exponent)[: len(moved)])
        return replace(integer, exponent=moved, bias=p.exponent_bias, most=most)


@cache
def definition(p: GroupScalingParams) -> Definition:
    """The dequantiser of a column."""
    exponent = f"_e{p.exponent_bits}_bias{p.exponent_bias}" if p.exponent_bits else ""
    return Definition(f"dequantise_{p.acc}_{p.row_sum}_{p.zero}_{p.scale}{exponent}", Dequantise(p))
