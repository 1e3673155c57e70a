"""MixPE in RTL: a row for each bit of the weight, shifted and added. Golden: golden.pe.mixpe."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value

from golden.pe.mixpe import ShiftAddParams
from hw.pe.integer import IntegerPe


class Pe(IntegerPe):
    """Ports: hw.pe.integer. The first register holds the product, the second the operands."""

    params: ShiftAddParams

    def product(self, m):
        """By shift and add."""
        return self.multiplied(m, self.weight, self.activation, shift_and_add)


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
