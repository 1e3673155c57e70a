"""The matrix unit through the compiled driver: sizes and products that a bench in Python is too slow for."""

import numpy as np
import pytest

from golden.blocks import Job
from golden.formats import FP16
from golden.pe import PES, float_multiply_add, standing
from golden.pe.multiplier import MultiplierParams
from golden.systolic.cycles import cycles, longest_stream
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.operands import ChannelScaling, Operands
from golden.systolic.params import MatrixUnitParams
from golden.systolic.sums import matrix_product
from sim.benches.systolic import jobs
from sim.device import Rtl

pytestmark = pytest.mark.rtl

ENGINES = {}


MULTIPLIER = MultiplierParams(group=4096)


def unit(dataflow, rows, cols, pe=MULTIPLIER, **more):
    return MatrixUnitParams(rows=rows, cols=cols, dataflow=dataflow, pe=pe, **more)


def operands(p, gemm, seed=7):
    rng = np.random.default_rng(seed)
    a, w = (gemm.batch, gemm.m, gemm.k), (gemm.batch, gemm.k, gemm.n)
    return jobs.operands(rng, p.pe.activation, a, "random"), jobs.operands(rng, p.pe.weight, w, "random")


def some_scaling(n, seed=3):
    rng = np.random.default_rng(seed)
    return ChannelScaling(
        bias=rng.integers(-5000, 5000, n),
        multiplier=rng.integers(1 << 15, 1 << 16, n),
        shift=rng.integers(22, 28, n),
        zero_point=-3,
        relu=True,
    )


def check(p, gemm, stream, scaling=None, stalls=0.0, given=None):
    """One product on the RTL: golden's values, and golden's cycles where nothing stalls."""
    engine = ENGINES.setdefault(p, Rtl())
    engine.stalls = stalls
    a, w = given or operands(p, gemm)
    schedule = Schedule(p, gemm, Tiling(stream=stream))
    job = Job(name="product", p=p, shape=schedule, operands=Operands(a, w, scaling))
    product = engine.run(job)
    encode = p.pe.accumulator.encode
    assert (encode(product.values) == encode(matrix_product(p, a, w, scaling, stream))).all()
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
    pe = MultiplierParams(group=4096, registers=2, logic=True)
    p = unit(dataflow, 4, 4, pe, accumulator_registers=1, requantise_registers=5)
    check(p, Gemm(m=64, n=48, k=80), 33, some_scaling(48), stalls)


@pytest.mark.parametrize("stalls", [0.001, 0.1, 0.5])
@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_stalls_on_every_stream_change_no_value(dataflow, stalls):
    check(unit(dataflow, 16, 16), Gemm(m=64, n=48, k=80), 33, some_scaling(48), stalls)


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
@pytest.mark.parametrize("kind", standing("array"))
def test_every_pe_is_golden_in_every_array(kind, dataflow):
    p = unit(dataflow, 3, 2, PES[kind].Params(group=64), accumulator_rows=64, scaled=False)
    for stalls in (0.0, 0.3):
        check(p, Gemm(m=13, n=11, k=38, batch=3), 7, stalls=stalls)


@pytest.mark.parametrize("registers", [0, 1])
def test_any_codes_of_floats_pass_the_accumulator_memory(registers):
    pe = float_multiply_add.Params(group=64, accumulator=FP16, subnormals=False)
    p = unit("weight", 1, 2, pe, scaled=False, accumulator_registers=registers)
    rng = np.random.default_rng(registers)
    given = [FP16.decode(rng.integers(0, 1 << 16, shape)) for shape in ((1, 300, 4), (1, 4, 20))]
    y = matrix_product(p, *given, None)
    kinds = [np.isnan(y), np.isinf(y), (y == 0) & np.signbit(y), (y == 0) & ~np.signbit(y), np.isfinite(y)]
    assert all(kind.any() for kind in kinds)
    for stream in (1, 2, 300):
        check(p, Gemm(m=300, n=20, k=4), stream, given=given)


@pytest.mark.parametrize("size", [4, pytest.param(16, marks=pytest.mark.slow)])
def test_a_product_of_floats(size):
    p = unit("weight", size, size, float_multiply_add.Params(group=384), scaled=False)
    check(p, Gemm(m=64, n=64, k=384), 64)


@pytest.mark.slow
@pytest.mark.parametrize(
    "dataflow,rows,cols",
    [("weight", 128, 128), ("output", 128, 128), ("output", 1, 128), ("input", 128, 1)],
)
def test_the_largest_arrays(dataflow, rows, cols):
    check(unit(dataflow, rows, cols, accumulator_rows=2048), Gemm(m=150, n=140, k=300), 64, some_scaling(140))
