"""The matrix unit through the compiled driver: sizes and products that a bench in Python is too slow for."""

import numpy as np
import pytest

from golden.pe.multiplier import MultiplierParams
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.matrix_unit import Scaling, compute, cycles, longest_stream
from golden.systolic.params import MatrixUnitParams
from sim.engine import RtlEngine

ENGINES = {}


def unit(dataflow, rows, cols, **more):
    return MatrixUnitParams(rows=rows, cols=cols, dataflow=dataflow, pe=MultiplierParams(depth=4096), **more)


def operands(p, gemm, seed=7):
    rng = np.random.default_rng(seed)
    a, w = p.pe.activation, p.pe.weight
    return (
        rng.integers(a.min, a.max + 1, (gemm.batch, gemm.m, gemm.k)),
        rng.integers(w.min, w.max + 1, (gemm.batch, gemm.k, gemm.n)),
    )


def some_scaling(n, seed=3):
    rng = np.random.default_rng(seed)
    return Scaling(
        bias=rng.integers(-5000, 5000, n),
        multiplier=rng.integers(1 << 15, 1 << 16, n),
        shift=rng.integers(22, 28, n),
        zero_point=-3,
        relu=True,
    )


def check(p, gemm, stream, scaling=None, stalls=0.0):
    """One product on the RTL: golden's values, and golden's cycles where nothing stalls."""
    engine = ENGINES.setdefault(p, RtlEngine())
    engine.stalls = stalls
    a, w = operands(p, gemm)
    schedule = Schedule(p, gemm, Tiling(stream=stream))
    product = engine.product("product", schedule, a, w, scaling)
    assert (product.values == compute(p, a, w, scaling)).all()
    if not stalls:
        assert product.cycles == cycles(schedule)


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_a_large_product_is_golden_in_values_and_cycles(dataflow):
    p = unit(dataflow, 16, 16)
    check(p, Gemm(m=200, n=120, k=333), 200, some_scaling(120))
    check(p, Gemm(m=16, n=40, k=64, batch=12), min(16, longest_stream(p)))


@pytest.mark.parametrize("stalls", [0.0, 0.3])
@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_registers_for_a_faster_clock_change_no_value(dataflow, stalls):
    pe = MultiplierParams(depth=4096, registers=2, logic=True)
    p = MatrixUnitParams(dataflow=dataflow, pe=pe, accumulator_registers=1, requantise_registers=5)
    check(p, Gemm(m=64, n=48, k=80), 33, some_scaling(48), stalls)


@pytest.mark.parametrize("stalls", [0.001, 0.1, 0.5])
@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_stalls_on_every_stream_change_no_value(dataflow, stalls):
    check(unit(dataflow, 16, 16), Gemm(m=64, n=48, k=80), 33, some_scaling(48), stalls)


@pytest.mark.slow
@pytest.mark.parametrize(
    "dataflow,rows,cols",
    [("weight", 128, 128), ("output", 128, 128), ("input", 128, 128), ("output", 1, 128), ("weight", 128, 1)],
)
def test_the_largest_arrays(dataflow, rows, cols):
    check(unit(dataflow, rows, cols, accumulator_rows=2048), Gemm(m=150, n=140, k=300), 64, some_scaling(140))
