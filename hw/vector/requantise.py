"""Requantise in RTL: a lane, whose handshake its owner keeps, and a stream block of lanes.

Golden: golden.vector.requantise.
"""

from functools import cache

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats.rounding import Rounding
from golden.vector.requantise import RequantiseParams
from hw.emit import Definition
from hw.fit import fit
from hw.formats import shape_of
from hw.lanes import lane
from hw.stages import hold_stages
from hw.vector.requantise_stages import StagedLane

CHANNEL = ("bias", "multiplier", "shift")  # a value for each lane
SHARED = ("raw", "relu", "zero_point")  # one for all lanes


def word_shapes(p: RequantiseParams):
    """Shape of each value that comes with an accumulator."""
    return {
        "acc": shape_of(p.acc),
        "bias": shape_of(p.acc),
        "multiplier": shape_of(p.multiplier),
        "shift": range(p.max_shift + 1),
        "raw": 1,
        "relu": 1,
        "zero_point": shape_of(p.out),
    }


class RequantiseLane(wiring.Component):
    """One accumulator in, one code out, every cycle, through three registers.

    acc, bias, multiplier, shift, relu, zero_point   one word, of which nothing needs to stay after sum_go
    raw                       of the same word: `code` is acc itself, whatever the rest says
    sum_go, product_go, o_go  the stage's register may load; the owner holds the valid bits (hw.stages)
    code                      a value of p.out, extended to acc's width as p.out is signed or not; registered
    """

    def __init__(self, params: RequantiseParams):
        self.params = params
        super().__init__({
            **{name: In(shape) for name, shape in word_shapes(params).items()},
            **{f"{stage}_go": In(1) for stage in params.stages},
            "code": Out(params.acc.width),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.params
        later = {name: shape for name, shape in word_shapes(p).items() if name in ("shift", *SHARED)}
        # Stage 1, sum: acc + bias. A raw word goes the same way, as (acc + 0) * 1.
        total = Signal(shape_of(p.sum), name="sum", reset_less=True)
        factor = Signal(shape_of(p.multiplier), reset_less=True)
        sum_later = Signal(data.StructLayout(later), reset_less=True)
        # Stage 2, product: exact, and registered as the multiplier leaves it.
        product = Signal(shape_of(p.product), reset_less=True)
        product_later = Signal.like(sum_later)
        # Stage 3, o.
        code = Signal(p.acc.width, reset_less=True)

        with m.If(self.sum_go):
            m.d.sync += fit(total, self.acc + Mux(self.raw, 0, self.bias))
            m.d.sync += fit(factor, Mux(self.raw, 1, self.multiplier))
            m.d.sync += [fit(sum_later[name], getattr(self, name)) for name in later]
        with m.If(self.product_go):
            m.d.sync += [fit(product, total * factor), product_later.eq(sum_later)]
        narrowed = self.narrow(m, product, product_later)
        with m.If(self.o_go):
            with m.If(product_later.raw):
                m.d.sync += code.eq(product[: p.acc.width])
            with m.Else():
                m.d.sync += code.eq(narrowed)
        m.d.comb += self.code.eq(code)
        return m

    def narrow(self, m, product, word):
        """clip(round(product / 2^shift) + zero_point): one shift, one addition, one comparison deep."""
        p = self.params
        width = p.product.width
        # product / 2^shift in halves, and without the half: shift is at least 1, so it takes no bit more
        halves = Signal(signed(width))
        whole = Signal(signed(width - 1))
        round_up = Signal()
        below_zero = Signal()
        # |whole| <= 2^(w-2) and zero_point + 1 <= 2^acc <= 2^(w-2): w bits, which `+` does not know
        placed = Signal(signed(width))
        narrowed = Signal(shape_of(p.out))
        m.d.comb += [
            halves.eq(((product << 1) >> word.shift)[:width]),
            fit(whole, halves[1:].as_signed()),
            round_up.eq(halves[0] & self.tie_or_more(m, product, word.shift, whole)),
            placed.eq((whole + word.zero_point + round_up)[:width]),
            below_zero.eq(whole[-1] & ~(whole.all() & round_up)),
        ]
        with m.If(word.relu & below_zero):
            m.d.comb += narrowed.eq(word.zero_point)
        with m.Elif(placed > p.out.max):
            m.d.comb += narrowed.eq(p.out.max)
        with m.Elif(placed < p.out.min):
            m.d.comb += narrowed.eq(p.out.min)
        with m.Else():
            m.d.comb += narrowed.eq(placed[: p.out.width])
        return narrowed

    def tie_or_more(self, m, product, shift, whole):
        """Where half a unit or more is cut off: whether it rounds up. Only an exact half, a tie, may not."""
        p = self.params
        if p.rounding == Rounding.HALF_UP:
            return Const(1, 1)
        mask = Const(0, 0)  # `shift` ones
        for bit, chosen in enumerate(shift):
            mask = Mux(chosen, Cat(Const(-1, 1 << bit), mask)[: p.max_shift], mask)
        beyond = (product & mask[1:]).any()  # more than a half is cut off
        return beyond | (whole[0] if p.rounding == Rounding.HALF_EVEN else ~product[-1])


@cache
def lane_definition(p: RequantiseParams) -> Definition:
    """The lane of `p`, ready to be placed."""
    name = f"requantise_{p.acc}_{p.multiplier}_{p.out}_shift{p.max_shift}_{p.rounding}"
    if p.registers:
        return Definition(f"{name}_r{p.registers}", StagedLane(p, word_shapes(p)))
    return Definition(name, RequantiseLane(p))


class Requantise(wiring.Component):
    """`lanes` accumulators in, as many codes out, every cycle.

    i  stream of {acc, bias, multiplier, shift: a lane each; raw, relu, zero_point}; ready is combinational
    o  stream of codes, [lanes] of acc's width; registered
    """

    def __init__(self, params: RequantiseParams, lanes: int):
        self.params = params
        self.lanes = lanes
        self.lane = lane_definition(params)
        self.uses = (self.lane,)
        super().__init__({
            "i": In(stream.Signature(data.StructLayout(word_layout(params, lanes)))),
            "o": Out(stream.Signature(lanes * params.acc.width)),
        })

    def elaborate(self, platform):
        m = Module()
        go = {stage: Signal(name=f"{stage}_go") for stage in self.params.stages}
        o_valid = hold_stages(m, go, valid=self.i.valid, ready=self.o.ready)
        m.d.comb += [self.i.ready.eq(go["sum"]), self.o.valid.eq(o_valid)]
        for index in range(self.lanes):
            own = {name: lane(self.i.p[name], index, self.lanes) for name in ("acc", *CHANNEL)}
            self.lane.place(
                m, f"lane_{index}", **own, **{name: self.i.p[name] for name in SHARED},
                **{f"{stage}_go": signal for stage, signal in go.items()},
                code=lane(self.o.payload, index, self.lanes),
            )
        return m


def word_layout(p: RequantiseParams, lanes: int) -> dict[str, int]:
    """Bits of each field of a word of `i`, from bit 0; lane i of a field is its bits [i*width +: width]."""
    widths = {name: Signal(shape).shape().width for name, shape in word_shapes(p).items()}
    return {name: width if name in SHARED else lanes * width for name, width in widths.items()}


def definition(p: RequantiseParams, lanes: int) -> Definition:
    """The stream block of `lanes` lanes."""
    return Definition(f"{lane_definition(p).name}_x{lanes}", Requantise(p, lanes))
