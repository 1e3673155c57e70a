"""Nodes of the streaming engine behind its sums: 1 / l, once a row, and o (1 / l)."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.attention import streaming_words as words
from golden.attention.streaming_job import StreamingParams
from golden.formats.arithmetic import IEEE
from hw.attention import streaming_layout as layout
from hw.attention.streaming_score import held, registers_of
from hw.attention.streaming_sums import NORMAL
from hw.blocks import word_layout
from hw.emit import Definition
from hw.fit import fit
from hw.float.bits import named, shifted_right
from hw.float.pack import pack
from hw.float.product import product
from hw.float.unpack import unpack
from hw.lanes import lane
from hw.stages import hold_stages
from hw.vector.piecewise import lane_definition as piecewise_lane
from hw.vector.piecewise import stages as piecewise_stages


class ReciprocalNode(wiring.Component):
    """i  stream of l, with marks: counts, then flags; ready is combinational
    o  stream of 1 / l, with marks: empty, then flags; behind registers
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        self.inverse = piecewise_lane(p.inverse)
        self.uses = (self.inverse,)
        super().__init__(
            {
                "i": In(stream.Signature(layout.total(p, 1, 1 + layout.flags(p)))),
                "o": Out(stream.Signature(layout.reciprocal(p))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.p
        go = {stage: Signal(name=f"{stage}_go") for stage in piecewise_stages(p.inverse)}
        m.d.comb += [
            self.o.valid.eq(hold_stages(m, go, valid=self.i.valid, ready=self.o.ready)),
            self.i.ready.eq(go["entry"]),
        ]
        mantissa, bits = self.i.p.totals[: p.mantissa_bits], p.inverse.input_fraction
        x = Cat(Const(0, max(0, bits - p.mantissa_bits)), mantissa)[-bits:]
        inverse = Signal(bits + 1)
        self.inverse.place(
            m, "inverse", x=x, function=Const(0, 1), y=inverse,
            **{f"{stage}_go": signal for stage, signal in go.items()},
        )  # fmt: skip
        exponent = held(m, go, "exponent", self.i.p.totals[p.mantissa_bits : -1])["o"]
        marks = held(m, go, "marks", self.i.p.marks)["o"]
        # 1 / ((1 + x) 2^n): of x = 0 the inverse is 1; of others it is from 1/2 to below 1, an octave lower
        one, there = inverse[-1], exponent.any()
        place = named(m, (2 * p.sum.bias - 1 + one - exponent)[: p.exponent_bits], "place")
        code = Cat(inverse[: bits - 1], place, Const(0, 1))
        m.d.comb += [
            fit(self.o.p.code, Mux(there, code, 0)),
            self.o.p.marks.eq(Cat(~marks[0], marks[1:])),
        ]
        return m


class ResultLane(wiring.Component):
    """o (1 / l), codes of their formats, as a code of p.out; STAGE_go: that stage's register may load."""

    def __init__(self, p: StreamingParams):
        self.p = p
        super().__init__({
            "weighted": In(p.sum.width), "reciprocal": In(p.reciprocal.width),
            "product_go": In(1), "out_go": In(1), "out": Out(p.out.width),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p = self.p
        o = unpack(m, p.sum, self.weighted, False, "weighted")
        inverse = unpack(m, p.reciprocal, self.reciprocal, False, "inverse")
        exact = product(m, o, inverse, p.out, NORMAL)
        exact = exact.held(registers_of(m, "product", self.product_go), "exact")
        code = self.packed(m, exact, named(m, exact.exponent - exact.offset, "place"))
        m.d.comb += self.out.eq(held(m, {"out": self.out_go}, "code", code)["out"])
        return m

    def packed(self, m, exact, place):
        """A product whose significand begins with a one, as a code: shifted down where that is subnormal."""
        lack = named(m, (1 - place)[: len(place)], "lack")
        tiny = named(m, place < 1, "tiny")
        by = named(m, lack & tiny.replicate(len(lack)), "by")
        there = exact.exponent.any()  # 0 has the exponent 0
        significand, lost = shifted_right(m, exact.significand, by, "subnormal", there)
        return pack(
            m, self.p.out, IEEE, sign=exact.sign, exponent=named(m, Mux(tiny, 1, place), "field"),
            significand=significand, sticky=lost, infinite=exact.infinite, infinite_sign=exact.sign,
            nan=exact.nan, name="packed",
        )  # fmt: skip


class QuotientNode(wiring.Component):
    """weighted    stream of o, a number a lane, and whether a value was invalid
    reciprocal  stream of 1 / l; both ready are combinational
    o           stream of results; registered
    """

    def __init__(self, p: StreamingParams):
        self.p = p
        self.lane = Definition(f"{p.name}_quotient_lane", ResultLane(p))
        self.uses = (self.lane,)
        super().__init__(
            {
                "weighted": In(
                    stream.Signature(layout.total(p, p.arithmetic.head_dim, p.arithmetic.floating))
                ),
                "reciprocal": In(stream.Signature(layout.reciprocal(p))),
                "o": Out(stream.Signature(word_layout(words.fields(p)["o"]))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p, lanes = self.p, self.p.arithmetic.head_dim
        go = {stage: Signal(name=f"{stage}_go") for stage in ("product", "out")}
        both = Signal()
        valid = hold_stages(m, go, valid=both, ready=self.o.ready)
        m.d.comb += [
            both.eq(self.weighted.valid & self.reciprocal.valid),
            self.weighted.ready.eq(go["product"] & self.reciprocal.valid),
            self.reciprocal.ready.eq(go["product"] & self.weighted.valid),
            self.o.valid.eq(valid),
        ]
        for index in range(lanes):
            self.lane.place(
                m, f"lane_{index}", weighted=lane(self.weighted.p.totals, index, lanes),
                reciprocal=self.reciprocal.p.code, **{f"{stage}_go": signal for stage, signal in go.items()},
                out=lane(self.o.p.elements, index, lanes),
            )  # fmt: skip
        marks = self.reciprocal.p.marks
        if p.arithmetic.floating:
            marks = Cat(marks[:-1], marks[-1] | self.weighted.p.marks)
        flags = held(m, go, "flags", marks)["out"]
        for index, (name, _, _) in enumerate(words.fields(p)["o"][1:]):
            m.d.comb += self.o.p[name].eq(flags[index])
        return m


def reciprocal(p: StreamingParams) -> Definition:
    """The node of 1 / l."""
    return Definition(f"{p.name}_reciprocal", ReciprocalNode(p))


def quotient(p: StreamingParams) -> Definition:
    """The node of results."""
    return Definition(f"{p.name}_quotient", QuotientNode(p))
