"""The multiplier PE: acc_out = acc_in + weight * activation. Golden: golden.pe.multiplier."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.pe.multiplier import MultiplierParams
from hw.fit import fit
from hw.formats import shape_of


class Pe(wiring.Component):
    """weight, activation  operands
    acc_in, acc_out        the sum of the operands `registers` cycles before; combinational

    One register holds the product, the second the operands, the third the product again: the
    places where a DSP block has its own.
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
        weight, activation = self.weight, self.activation
        if self.params.registers >= 2:
            weight = registered(m, weight, "weight_q")
            activation = registered(m, activation, "activation_q")
        product = Signal((weight * activation).shape(), name="product")
        m.d.comb += product.eq(weight * activation)
        for stage in range((self.params.registers + 1) // 2):
            product = registered(m, product, f"product_q{stage}")
        # depth bounds the sum (golden: accumulator_bits), so the carry out of the accumulator is dropped
        m.d.comb += fit(self.acc_out, (self.acc_in + product)[: self.params.accumulator.width].as_signed())
        return m


def registered(m, value, name):
    """`value` one cycle later."""
    q = Signal.like(value, name=name, reset_less=True)
    m.d.sync += q.eq(value)
    return q
