"""What the floating PEs share: ports, registers, one rounded addition, the sum of two running sums."""

from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Int
from hw.fit import fit
from hw.float.add import Adder, add_terms, term
from hw.float.product import Term
from hw.formats import shape_of
from hw.lanes import delayed


class FloatPe(wiring.Component):
    """weight, activation  codes of the operands; a weight that is an integer as such
    acc_in, acc_out        codes of the sum of the operands `registers` cycles before; combinational

    Registers: the first holds the product, the second the operands, the third the product again. A PE of its
    own gives `exact(m, weight, activation)`, the product as a term, and may change `entering`.
    """

    def __init__(self, params):
        self.params = p = params
        self.clocked = p.registers > 0
        super().__init__(
            {
                "weight": In(shape_of(p.weight) if isinstance(p.weight, Int) else unsigned(p.weight.width)),
                "activation": In(unsigned(p.activation.width)),
                "acc_in": In(unsigned(p.accumulator.width)),
                "acc_out": Out(unsigned(p.accumulator.width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        p = self.params
        # as the docstring deals them out: of n registers, half (rounded down) stand before the multiplier
        before, behind = p.registers // 2, (p.registers + 1) // 2
        weight = delayed(m, self.weight, before, "weight_q")
        activation = delayed(m, self.activation, before, "activation_q")
        entering = self.entering(m, self.exact(m, weight, activation), behind)
        acc = term(m, p.accumulator, self.acc_in, p.mode, "acc", entering.offset)
        m.d.comb += fit(self.acc_out, add_terms(m, p.accumulator, p.mode, entering, acc))
        return m

    def entering(self, m: Module, exact: Term, behind: int) -> Term:
        """The product as it is added, `behind` registers later."""
        return exact.held(lambda value, name: delayed(m, value, behind, name), "product_q")


class Combine(Adder):
    """o = a + b, codes of two running sums; combinational."""

    def __init__(self, params):
        super().__init__(params.accumulator, params.mode)
