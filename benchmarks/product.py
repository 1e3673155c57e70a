"""The product that several benchmarks run: 512 x 512 x 512, int8, seeded random operands."""

import numpy as np

from golden.blocks import Job
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.operands import Operands
from golden.systolic.params import MatrixUnitParams
from golden.systolic.sums import matrix_product
from sim.device import Rtl

SIDE = 512
GEMM = Gemm(m=SIDE, n=SIDE, k=SIDE)


def operands() -> tuple[np.ndarray, np.ndarray]:
    """activations [1, m, k], weights [1, k, n]."""
    rng = np.random.default_rng(512)
    draw = lambda: rng.integers(-128, 128, (1, SIDE, SIDE))  # noqa: E731
    return draw(), draw()


def schedule(size: int, dataflow: str = "weight") -> Schedule:
    """The product on a size x size array, whole columns of activations streamed."""
    return Schedule(MatrixUnitParams(rows=size, cols=size, dataflow=dataflow), GEMM, Tiling(stream=SIDE))


def rtl_cycles(size: int) -> int:
    """Cycles counted in the RTL; its values are compared with golden's."""
    a, w = operands()
    plan = schedule(size)
    product = Rtl().run(Job(name="product", p=plan.unit, shape=plan, operands=Operands(a, w)))
    assert (product.values == matrix_product(plan.unit, a, w)).all(), "RTL differs from golden"
    assert product.cycles is not None
    return product.cycles
