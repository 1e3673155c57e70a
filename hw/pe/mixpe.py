"""MixPE in RTL: a row for each bit of the weight, shifted and added. Golden: golden.pe.mixpe."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.pe.mixpe import ShiftAddParams
from hw.fit import fit
from hw.formats import shape_of
from hw.pe.multiplier import registered


class Pe(wiring.Component):
    """weight, activation  operands
    acc_in, acc_out        the sum of the operands `registers` cycles before; combinational

    The first register holds the product, the second the operands.
    """

    def __init__(self, params: ShiftAddParams):
        self.params = p = params
        self.clocked = p.registers > 0
        super().__init__(
            {
                "weight": In(shape_of(p.weight)),
                "activation": In(shape_of(p.activation)),
                "acc_in": In(shape_of(p.accumulator)),
                "acc_out": Out(shape_of(p.accumulator)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        weight, activation = self.weight, self.activation
        if p.registers == 2:
            weight = registered(m, weight, "weight_q")
            activation = registered(m, activation, "activation_q")
        product = shift_and_add(m, weight, activation)
        if p.registers:
            product = registered(m, product, "product_q")
        # depth bounds the sum (golden: accumulator), so the carry out of the accumulator is dropped
        m.d.comb += fit(self.acc_out, (self.acc_in + product)[: p.accumulator.width].as_signed())
        return m


def shift_and_add(m: Module, weight: Value, activation: Value) -> Value:
    """weight * activation, from the weight's lowest bit up: a row is added at its place and above.

    What is below is done. The sign's row is subtracted. An addition is as wide as the activation: as one sum,
    all would be as wide as the accumulator ($macc of Yosys).
    """
    total = Signal.like(activation, name="sum_0")  # at its bit's place
    m.d.comb += total.eq(Mux(weight[0], activation, 0))
    below = []
    for bit in range(1, len(weight)):
        row = Signal.like(activation, name=f"row_{bit}")
        m.d.comb += row.eq(Mux(weight[bit], activation, 0))
        below.append(total[0])
        above = total[1:].as_signed() if total.shape().signed else total[1:]
        is_sign = weight.shape().signed and bit == len(weight) - 1
        added = above - row if is_sign else above + row
        total = Signal(added.shape(), name=f"sum_{bit}")
        m.d.comb += total.eq(added)
    product = Signal(Shape(len(below) + len(total), total.shape().signed), name="product")
    m.d.comb += product.eq(Cat(*below, total))
    return product
