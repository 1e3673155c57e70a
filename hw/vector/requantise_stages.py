"""The requantiser's lane with more registers than three: a stage for each step that a clock has time for.

Golden: golden.vector.requantise, whose STAGES say what each holds; where one is left out, its step is
combinational and meets the next one's.
"""

from types import SimpleNamespace

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats.rounding import Rounding
from golden.vector.requantise import RequantiseParams
from hw.fit import fit
from hw.formats import shape_of

LOW = 17  # bits of the sum's low half: with a sign it is an operand of a DSP block of 18 bits
FINE = 3  # bits of the shift that the second step takes
NEAR = 3  # bits more than a code's: what is not far, with the zero point; what is far, is so with it


class StagedLane(wiring.Component):
    """Ports as of hw.vector.requantise.RequantiseLane, with a `<stage>_go` for each of params.stages.

    A raw word takes the same way: as (acc + 0) * 1, shifted by 0, with the zero point 0, never clipped.
    """

    def __init__(self, params: RequantiseParams, word: dict):
        self.params = params
        super().__init__({
            **{name: In(shape) for name, shape in word.items()},
            **{f"{stage}_go": In(1) for stage in params.stages},
            "code": Out(params.acc.width),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.params
        word = self.held(
            m, "sum", {},
            total=(self.acc + Mux(self.raw, 0, self.bias))[: p.sum.width].as_signed(),
            factor=Mux(self.raw, 1, self.multiplier),
            shift=Mux(self.raw, 0, self.shift),
            relu=self.relu & ~self.raw,
            zero_point=Mux(self.raw, 0, self.zero_point),
            raw=self.raw,
        )
        word = self.multiply(m, self.held(m, "operand", vars(word)))
        word = self.shifted(m, word)
        word = self.rounded(m, word)
        m.d.comb += self.code.eq(self.held(m, "o", {}, code=self.clipped(m, word)).code)
        return m

    def held(self, m, stage, later, **values):
        """The values, and those of `later`, behind the stage's register, if there is one."""
        values = later | values
        if stage not in self.params.stages:
            return SimpleNamespace(**values)
        q = {name: Signal(Value.cast(value).shape(), name=f"{stage}_{name}", reset_less=True)
             for name, value in values.items()}
        with m.If(getattr(self, f"{stage}_go")):
            m.d.sync += [q[name].eq(value) for name, value in values.items()]
        return SimpleNamespace(**q)

    def multiply(self, m, word):
        """total * factor: two products, and their sum."""
        p = self.params
        later = {name: getattr(word, name) for name in ("shift", "raw", "relu", "zero_point")}
        if p.sum.width <= LOW + 1:
            parts = self.held(m, "partial", later, low=word.total * word.factor)
            product = parts.low
        else:
            # total = high 2^LOW + low, low without a sign: both products fit DSP blocks
            low, high = word.total[:LOW], word.total[LOW:].as_signed()
            parts = self.held(m, "partial", later, low=low * word.factor, high=high * word.factor)
            # the low LOW bits are the low product's own
            product = Cat(parts.low[:LOW], parts.high + parts.low[LOW:])
        later = {name: getattr(parts, name) for name in later}
        return self.held(m, "product", later, value=product[: p.product.width].as_signed())

    def shifted(self, m, word):
        """value / 2^shift in halves, by eights and then by ones, and the sticky bit below the halves.

        With s = 8 steps + fine: halves = floor(2 value / 2^s), beyond = (2 value mod 2^s != 0). Step i of
        the eights cuts bits 8 i to 8 i + 7 of 2 value off: bits 8 i - 1 to 8 i + 6 of value, `groups[i]`.
        """
        p = self.params
        later = {name: getattr(word, name) for name in ("raw", "relu", "zero_point")}
        steps = word.shift[FINE:]
        halves = (word.value << 1) >> (steps << FINE)
        places = range(0, p.max_shift >> FINE << FINE, 1 << FINE)  # of the bits that a step cuts off
        groups = [word.value[max(0, place - 1) : place + (1 << FINE) - 1].any() for place in places]
        beyond = Cat(Const(0, 1), (group & (steps > index) for index, group in enumerate(groups))).any()
        word = self.held(
            m, "coarse", later | {"fine": word.shift[:FINE], "negative": word.value[-1]},
            halves=halves[: p.product.width + 1].as_signed(), beyond=beyond,
        )
        # of the bits that the ones cut off, bit b goes where fine > b
        cut = min((1 << len(word.fine)) - 1, len(word.halves))
        below = Cat(word.halves[bit] & (word.fine > bit) for bit in range(cut)).any()
        halves = (word.halves >> word.fine)[: p.product.width]
        later = {name: getattr(word, name) for name in (*later, "negative")}
        return self.held(m, "shifted", later, halves=halves, beyond=word.beyond | below)

    def rounded(self, m, word):
        """To the nearest, with the zero point. far: four times over the range of a code without its sign."""
        p = self.params
        width = p.product.width
        whole, tie = word.halves[1:].as_signed(), word.halves[0]
        up = {
            Rounding.HALF_UP: tie,
            Rounding.HALF_EVEN: tie & (word.beyond | whole[0]),
            Rounding.HALF_AWAY: tie & (word.beyond | ~word.negative),
        }[p.rounding]
        later = {name: getattr(word, name) for name in ("raw", "relu", "zero_point")}
        # half up adds the half; half even adds it if anything lies below or the whole is odd; half away
        # from zero adds it if anything lies below or the value is not negative
        word = self.held(m, "rounded", later, value=(whole + up)[:width].as_signed())
        negative = word.value[-1]
        far = (word.value[p.out.width + 1 :] ^ negative.replicate(max(0, width - p.out.width - 1))).any()
        # |value| <= 2^(w-2) and zero_point + 1 <= 2^acc <= 2^(w-2): w bits, which `+` does not know
        kept = min(width, max(p.acc.width, p.out.width + NEAR))
        return self.held(
            m, "placed", {"raw": word.raw, "zero_point": word.zero_point},
            value=(word.value + word.zero_point)[:kept].as_signed(), zero=word.relu & negative,
            negative=negative, far=far,
        )

    def clipped(self, m, word):
        """The code, extended to acc's width as p.out is: a value in p.out's range is so already."""
        p = self.params
        code = Signal(p.acc.width, name="clipped")
        near = word.value[: p.out.width + NEAR]
        negative = Mux(word.far, word.negative, near[-1])
        above = near[p.out.width - p.out.signed :]  # a code's are all alike, and zero if it has no sign
        fits = ~word.far & ~(above ^ (near[-1] & p.out.signed).replicate(len(above))).any()
        limit = Signal(shape_of(p.out))
        m.d.comb += fit(limit, Mux(negative, p.out.min, p.out.max))
        with m.If(word.zero):
            m.d.comb += code.eq(word.zero_point)
        with m.Elif(fits | word.raw):
            m.d.comb += code.eq(word.value[: p.acc.width])
        with m.Else():
            m.d.comb += code.eq(limit)
        return code

