"""Piecewise functions in RTL: a lane, whose handshake its owner keeps, and a stream block of lanes.

Golden: golden.vector.piecewise. The coefficients of all functions stand in one read-only memory, whose output
register is the first stage.
"""

from functools import cache

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.vector.piecewise import PiecewiseParams, table
from hw.emit import Definition
from hw.fit import fit
from hw.formats import shape_of
from hw.lanes import lane
from hw.stages import hold_stages

COEFFICIENTS = ("constant", "slope", "curvature")


def stages(p: PiecewiseParams) -> tuple[str, ...]:
    """The registers from x to y, named after what they hold."""
    return {0: ("entry", "o"), 1: ("entry", "product", "o"), 2: ("entry", "inner", "product", "o")}[p.degree]


def entry_layout(p: PiecewiseParams) -> data.StructLayout:
    """A row of the memory."""
    formats = zip(COEFFICIENTS[: p.degree + 1], p.coefficients, strict=False)
    return data.StructLayout({name: shape_of(fmt) for name, fmt in formats})


def entries(p: PiecewiseParams) -> list[dict[str, int]]:
    """Rows of the memory: the segments of the first function, of the second, ..."""
    rows = np.concatenate([table(p, name) for name in p.functions]).tolist()
    return [dict(zip(COEFFICIENTS[: p.degree + 1], row, strict=False)) for row in rows]


class PiecewiseLane(wiring.Component):
    """One code in, one code out, every cycle.

    x, function   one word, of which nothing needs to stay after entry_go; function: number in p.functions
    STAGE_go      the register of that stage may load; the owner holds the valid bits (hw.stages)
    y             a value of p.out; registered
    """

    def __init__(self, params: PiecewiseParams):
        self.params = p = params
        super().__init__({
            "x": In(p.input.width),
            "function": In(p.function_bits),
            **{f"{stage}_go": In(1) for stage in stages(p)},
            "y": Out(p.out.width),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.params
        # Stage 1, entry: the coefficients of the segment, and t.
        rows = entries(p)
        m.submodules.table = rom = memory.Memory(shape=entry_layout(p), depth=len(rows), init=rows)
        port = rom.read_port()
        t = Signal(p.offset_bits, reset_less=True)  # a table has no use for it
        # x - input.min, where input is signed, is x with its first bit inverted
        above = Cat(self.x[:-1], ~self.x[-1] if p.input.signed else self.x[-1])
        m.d.comb += [
            port.en.eq(self.entry_go),
            port.addr.eq(Cat(above[p.offset_bits :], self.function)[: len(port.addr)]),
        ]
        with m.If(self.entry_go):
            m.d.sync += t.eq(above)
        exact = port.data.constant if p.degree == 0 else self.sum_of_terms(m, port.data, t)
        # o: the sum without the bits below out's last, clipped.
        y = Signal(p.out.width, reset_less=True)
        with m.If(self.o_go):
            m.d.sync += y.eq(self.clip(m, exact[p.fraction :].as_signed()))
        m.d.comb += self.y.eq(y)
        return m

    def sum_of_terms(self, m, entry, t):
        """constant + t (slope + t curvature); the product and the constant are registered."""
        constant, inner = entry.constant, entry.slope
        if self.params.degree == 2:
            constant, inner, t = self.inner_stage(m, entry, t)
        product = Signal(shape_of(self.params.product), reset_less=True)
        product_constant = Signal.like(constant, name="product_constant", reset_less=True)
        with m.If(self.product_go):
            m.d.sync += [fit(product, inner * t), fit(product_constant, constant)]
        return product_constant + product

    def inner_stage(self, m, entry, t):
        """Stage 2 where there is a curvature: slope + t curvature, with what later stages need."""
        inner = Signal(shape_of(self.params.inner), reset_less=True)
        inner_t = Signal.like(t, reset_less=True)
        inner_constant = Signal.like(entry.constant, name="inner_constant", reset_less=True)
        with m.If(self.inner_go):
            m.d.sync += [
                fit(inner, entry.slope + entry.curvature * t),
                fit(inner_t, t),
                fit(inner_constant, entry.constant),
            ]
        return inner_constant, inner, inner_t

    def clip(self, m, value):
        """`value` in out's range."""
        out = self.params.out
        clipped = Signal(out.width)
        with m.If(value > out.max):
            m.d.comb += clipped.eq(out.max)
        with m.Elif(value < out.min):
            m.d.comb += clipped.eq(out.min)
        with m.Else():
            m.d.comb += clipped.eq(value)  # what is cut off is sign
        return clipped


@cache
def lane_definition(p: PiecewiseParams) -> Definition:
    """The lane of `p`, ready to be placed."""
    formats = f"{p.input}_q{p.input_fraction}_{p.out}_q{p.out_fraction}"
    name = f"piecewise_{formats}_s{p.segment_bits}_d{p.degree}_{'_'.join(p.functions)}"
    return Definition(name, PiecewiseLane(p))


class Piecewise(wiring.Component):
    """`lanes` codes in, as many codes out, every cycle.

    i  stream of {x: a lane each; function: the same for all, below len(p.functions)}; ready is combinational
    o  stream of codes of p.out, a lane each; registered
    """

    def __init__(self, params: PiecewiseParams, lanes: int):
        self.params = params
        self.lanes = lanes
        self.lane = lane_definition(params)
        self.uses = (self.lane,)
        word = {"x": lanes * params.input.width, "function": params.function_bits}
        super().__init__({
            "i": In(stream.Signature(data.StructLayout(word))),
            "o": Out(stream.Signature(lanes * params.out.width)),
        })

    def elaborate(self, platform):
        m = Module()
        go = {stage: Signal(name=f"{stage}_go") for stage in stages(self.params)}
        o_valid = hold_stages(m, go, valid=self.i.valid, ready=self.o.ready)
        m.d.comb += [self.i.ready.eq(go["entry"]), self.o.valid.eq(o_valid)]
        for index in range(self.lanes):
            self.lane.place(
                m, f"lane_{index}", x=lane(self.i.p.x, index, self.lanes), function=self.i.p.function,
                **{f"{stage}_go": signal for stage, signal in go.items()},
                y=lane(self.o.payload, index, self.lanes),
            )
        return m


def definition(p: PiecewiseParams, lanes: int) -> Definition:
    """The stream block of `lanes` lanes."""
    return Definition(f"{lane_definition(p).name}_x{lanes}", Piecewise(p, lanes))
