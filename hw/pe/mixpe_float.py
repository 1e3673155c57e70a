"""MixPE with floating activations. Golden: golden.pe.mixpe_float."""

from amaranth.hdl import Cat, Const, Module, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.pe.mixpe_float import MixPeFloatParams
from hw.fit import fit
from hw.float.add import Adder, add_terms, term
from hw.float.product import product
from hw.float.unpack import unpack, unpack_integer
from hw.formats import shape_of
from hw.lanes import delayed, tree


class Pe(wiring.Component):
    """weight, activation  the integer, and the code of the float
    acc_in, acc_out        codes of the sum of the operands `registers` cycles before; combinational

    Registers: the first holds the product, the second the operands, the third the product again.
    """

    def __init__(self, params: MixPeFloatParams):
        self.params = p = params
        self.clocked = p.registers > 0
        super().__init__({
            "weight": In(shape_of(p.weight)),
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

        def shift_add(w: Value, significand: Value) -> Value:
            """sum_i w_i (significand << i)"""
            rows = [Cat(Const(0, i), significand & w[i].replicate(len(significand))) for i in range(len(w))]
            # from the top row: 5 % less area than from the lowest
            return tree(m, rows[::-1], lambda a, b: a + b, "rows")[: len(w) + len(significand)]

        exact = product(
            m,
            unpack_integer(m, p.weight, weight, mode.subnormals, "w"),
            unpack(m, p.activation, activation, mode.subnormals, "a"),
            out,
            mode,
            multiply=shift_add,
        )
        entering = exact.held(lambda value, name: delayed(m, value, behind, name), "product_q")
        acc = term(m, out, self.acc_in, mode, "acc", entering.offset)
        m.d.comb += fit(self.acc_out, add_terms(m, out, mode, entering, acc))
        return m


class Combine(Adder):
    """o = a + b, codes of two running sums; combinational."""

    def __init__(self, params: MixPeFloatParams):
        super().__init__(params.accumulator, params.mode)
