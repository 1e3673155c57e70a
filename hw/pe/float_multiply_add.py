"""The floating multiply-add PE. Golden: golden.pe.float_multiply_add."""

from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.pe.float_multiply_add import FloatMultiplyAddParams
from hw.fit import fit
from hw.float.add import Adder, add_terms, term
from hw.float.multiply import rounded
from hw.float.product import product
from hw.float.unpack import unpack
from hw.lanes import delayed


class Pe(wiring.Component):
    """weight, activation  codes of the operands
    acc_in, acc_out        codes of the sum of the operands `registers` cycles before; combinational

    Registers: the first holds the product, taken apart or rounded to a code, the second the operands, the
    third the product again.
    """

    def __init__(self, params: FloatMultiplyAddParams):
        self.params = p = params
        self.clocked = p.registers > 0
        super().__init__({
            "weight": In(unsigned(p.weight.width)),
            "activation": In(unsigned(p.activation.width)),
            "acc_in": In(unsigned(p.accumulator.width)),
            "acc_out": Out(unsigned(p.accumulator.width)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self.params
        out, mode, before, behind = p.accumulator, p.mode, p.registers // 2, (p.registers + 1) // 2
        weight = delayed(m, self.weight, before, "weight_q")
        activation = delayed(m, self.activation, before, "activation_q")
        exact = product(
            m,
            unpack(m, p.weight, weight, mode.subnormals, "w"),
            unpack(m, p.activation, activation, mode.subnormals, "a"),
            out,
            mode,
        )
        if p.structure == "separate":
            code = delayed(m, rounded(m, out, mode, exact), behind, "product_q")
            entering = term(m, out, code, mode, "p")
        else:
            entering = exact.held(lambda value, name: delayed(m, value, behind, name), "product_q")
        acc = term(m, out, self.acc_in, mode, "acc", entering.offset)
        m.d.comb += fit(self.acc_out, add_terms(m, out, mode, entering, acc))
        return m


class Combine(Adder):
    """o = a + b, codes of two running sums; combinational."""

    def __init__(self, params: FloatMultiplyAddParams):
        super().__init__(params.accumulator, params.mode)
