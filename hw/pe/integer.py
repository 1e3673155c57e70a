"""What the integer PEs share: ports, registers between the operands and the product, the sum."""

from collections.abc import Callable

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.fit import fit
from hw.formats import shape_of


class IntegerPe(wiring.Component):
    """weight, activation  operands
    acc_in, acc_out        the sum of the operands `registers` cycles before; combinational

    A PE of its own gives `product(m)`, what those operands add.
    """

    def __init__(self, params):
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
        product = self.product(m)
        # group bounds the sum (golden: accumulator), so the carry out of the accumulator is dropped
        m.d.comb += fit(self.acc_out, (self.acc_in + product)[: self.params.accumulator.width].as_signed())
        return m

    def multiplied(self, m: Module, weight: Value, activation: Value, multiply: Callable) -> Value:
        """multiply(m, weight, activation): one register behind it, the second before it, the third behind."""
        if self.params.registers >= 2:
            weight = registered(m, weight, "weight_q")
            activation = registered(m, activation, "activation_q")
        product = multiply(m, weight, activation)
        for stage in range((self.params.registers + 1) // 2):
            product = registered(m, product, f"product_q{stage}")
        return product


def exact(m: Module, weight: Value, activation: Value) -> Value:
    """The product, as a tool likes to make it."""
    product = Signal((weight * activation).shape(), name="product")
    m.d.comb += product.eq(weight * activation)
    return product


def registered(m: Module, value: Value, name: str) -> Value:
    """`value` one cycle later."""
    q = Signal.like(value, name=name, reset_less=True)
    m.d.sync += q.eq(value)
    return q
