"""The multiplier PE: acc_out = acc_in + weight * activation. Golden: golden.pe.multiplier."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.pe.multiplier import MultiplierParams
from hw.fit import fit
from hw.formats import shape_of
from hw.pe import booth


class Pe(wiring.Component):
    """weight, activation  operands
    acc_in, acc_out        the sum of the operands `registers` cycles before; combinational

    One register holds the product, the second the operands, the third the product again: the
    places where a DSP block has its own. In logic cells the product is a tree of additions, and they hold the
    product, the sums of its last level, and those of the level before.
    """

    def __init__(self, params: MultiplierParams):
        self.params = p = params
        self.clocked = p.registers > 0
        super().__init__({
            "weight": In(shape_of(p.weight)),
            "activation": In(shape_of(p.activation)),
            "acc_in": In(shape_of(p.accumulator)),
            "acc_out": Out(shape_of(p.accumulator)),
        })

    def elaborate(self, platform):
        m = Module()
        product = self.added(m) if self.params.logic else self.multiplied(m)
        # depth bounds the sum (golden: accumulator_bits), so the carry out of the accumulator is dropped
        m.d.comb += fit(self.acc_out, (self.acc_in + product)[: self.params.accumulator.width].as_signed())
        return m

    def multiplied(self, m):
        """The product, as a tool likes to make it, or by Booth's digits."""
        weight, activation = self.weight, self.activation
        if self.params.registers >= 2:
            weight = registered(m, weight, "weight_q")
            activation = registered(m, activation, "activation_q")
        if self.params.multiplier == "booth":
            product = booth.multiply(m, weight, activation)
        else:
            product = Signal((weight * activation).shape(), name="product")
            m.d.comb += product.eq(weight * activation)
        for stage in range((self.params.registers + 1) // 2):
            product = registered(m, product, f"product_q{stage}")
        return product

    def added(self, m):
        """The product as a sum over the bits of its narrower operand, neighbours first."""
        few, many = sorted((self.weight, self.activation), key=len)
        # (value, place, sign): the product is the sum of sign * value << place
        terms = [(Mux(bit, many, Const(0, many.shape())), place, 1) for place, bit in enumerate(few)]
        if few.shape().signed:
            terms[-1] = (*terms[-1][:2], -1)
        levels = (len(terms) - 1).bit_length()
        for level in range(levels - 1, -1, -1):
            terms = [self.pair(m, level, *terms[at : at + 2]) for at in range(0, len(terms), 2)]
            if level < self.params.registers:
                terms = [(registered(m, value, f"level_{level}_{place}"), place, sign)
                         for value, place, sign in terms]
        value, _, sign = terms[0]
        for stage in range(self.params.registers - levels):
            value = registered(m, value, f"product_q{stage}")
        return value if sign > 0 else -value

    @staticmethod
    def pair(m, level, low, *high):
        """Two neighbours as one, at the lower one's place; one without a neighbour as it is."""
        if not high:
            return low
        (value, place, _), (more, above, sign) = low, high[0]
        total = value + (more << above - place) if sign > 0 else value - (more << above - place)
        q = Signal(total.shape(), name=f"sum_{level}_{place}")
        m.d.comb += q.eq(total)
        return q, place, 1


def registered(m, value, name):
    """`value` one cycle later."""
    q = Signal.like(value, name=name, reset_less=True)
    m.d.sync += q.eq(value)
    return q
