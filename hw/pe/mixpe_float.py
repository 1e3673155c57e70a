"""MixPE with floating activations. Golden: golden.pe.mixpe_float."""

from amaranth.hdl import Cat, Const, Value

from golden.pe.mixpe_float import MixPeFloatParams
from hw.float.product import product
from hw.float.unpack import unpack, unpack_integer
from hw.lanes import tree
from hw.pe.floating import Combine, FloatPe

__all__ = ["Combine", "Pe"]


class Pe(FloatPe):
    """Ports: hw.pe.floating."""

    params: MixPeFloatParams

    def exact(self, m, weight, activation):
        """weight * activation, the significands by shift and add."""
        p = self.params

        def shift_add(w: Value, significand: Value) -> Value:
            """sum_i w_i (significand << i)"""
            rows = [Cat(Const(0, i), significand & w[i].replicate(len(significand))) for i in range(len(w))]
            # from the top row: 5 % less area than from the lowest
            return tree(m, rows[::-1], lambda a, b: a + b, "rows")[: len(w) + len(significand)]

        return product(
            m,
            unpack_integer(m, p.weight, weight, p.mode.subnormals, "w"),
            unpack(m, p.activation, activation, p.mode.subnormals, "a"),
            p.accumulator,
            p.mode,
            multiply=shift_add,
        )
