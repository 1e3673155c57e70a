"""The floating multiply-add PE. Golden: golden.pe.float_multiply_add."""

from golden.pe.float_multiply_add import FloatMultiplyAddParams
from hw.float.add import term
from hw.float.multiply import rounded
from hw.float.product import product
from hw.float.unpack import unpack
from hw.lanes import delayed
from hw.pe.floating import Combine, FloatPe

__all__ = ["Combine", "Pe"]


class Pe(FloatPe):
    """Ports: hw.pe.floating. A separate multiplier rounds its product to a code before it is held."""

    params: FloatMultiplyAddParams

    def exact(self, m, weight, activation):
        """weight * activation."""
        p = self.params
        return product(
            m,
            unpack(m, p.weight, weight, p.mode.subnormals, "w"),
            unpack(m, p.activation, activation, p.mode.subnormals, "a"),
            p.accumulator,
            p.mode,
        )

    def entering(self, m, exact, behind):
        """Fused, the exact product; separate, a rounded one."""
        p = self.params
        if p.structure == "fused":
            return super().entering(m, exact, behind)
        code = delayed(m, rounded(m, p.accumulator, p.mode, exact), behind, "product_q")
        return term(m, p.accumulator, code, p.mode, "p")
