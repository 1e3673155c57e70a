"""Sums in the array's order against numpy's own floats, added one after the other."""

import numpy as np
import pytest

from golden.blocks import Job
from golden.check import BadValue
from golden.formats import FP16, FP32, Int
from golden.pe import float_multiply_add, lut, mixpe_float
from golden.pe.multiplier import MultiplierParams
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.operands import Operands
from golden.systolic.params import MatrixUnitParams
from golden.systolic.sums import matrix_product
from sim.device import Golden, Model

SINGLE = float_multiply_add.Params(group=64)
HALF = float_multiply_add.Params(group=64, accumulator=FP16, structure="separate", registers=1)
SHIFTED = mixpe_float.Params(group=64, weight=Int(4, False))
PES = {"fp16-fp32": (SINGLE, np.float32), "fp16": (HALF, np.float16), "uint4-fp16": (SHIFTED, np.float32)}
CUTS = [("weight", 3), ("input", 3), ("output", 5)]  # dataflow, k in a pass


def unit(p, dataflow, rows=3):
    return MatrixUnitParams(rows=rows, cols=4, dataflow=dataflow, pe=p, scaled=False)


def operands(p, k, batch=2):
    rng = np.random.default_rng(k)
    a = FP16.quantise(rng.normal(size=(batch, 6, k)) * 2.0 ** rng.integers(-6, 6, (batch, 6, k)))
    w = rng.normal(size=(batch, k, 7))
    return a, np.rint(8 + 3 * w).clip(0, 15).astype(int) if p is SHIFTED else FP16.quantise(w)


def one_after_the_other(a, w, cut, filled, kind):
    """Of one product, by loops over each place and k, in numpy's type `kind`."""
    y = np.empty((len(a), w.shape[1]), kind)
    for place in np.ndindex(y.shape):
        products = [kind(kind(x) * kind(v)) for x, v in zip(a[place[0]], w[:, place[1]], strict=True)]
        passes = []
        for start in range(0, len(products), cut):
            one = products[start : start + cut]
            total = kind(0)
            for product in one + [kind(0)] * (filled * (cut - len(one))):
                total = kind(total + product)
            passes.append(total)
        y[place] = passes[0]
        for total in passes[1:]:
            y[place] = kind(y[place] + total)
    return y


@pytest.mark.parametrize("dataflow,cut", CUTS)
@pytest.mark.parametrize("name", PES)
def test_products_are_added_in_the_order_of_the_array(name, dataflow, cut):
    p, kind = PES[name]
    for k in (1, 3, 11, 30):
        a, w = operands(p, k)
        y = matrix_product(unit(p, dataflow), a, w, None, cut)
        for found, x, v in zip(y, a, w, strict=True):
            assert np.array_equal(found, one_after_the_other(x, v, cut, dataflow != "output", kind))


def test_where_a_pass_ends_is_seen_in_the_sums():
    a, w = operands(HALF, 30)
    one, other = (matrix_product(unit(HALF, "output"), a, w, stream=stream) for stream in (5, 6))
    assert (one != other).any()


def test_a_negative_zero_stays_unless_padding_is_added_to_it():
    p = float_multiply_add.Params(accumulator=FP16, subnormals=False)
    a = w = np.full((1, 1, 1), 2.0**-8)  # -2^-16 is flushed to -0
    signs = [np.signbit(matrix_product(unit(p, "weight", rows), a, -w, None)).item() for rows in (1, 2)]
    assert signs == [True, False]


@pytest.mark.parametrize("dataflow", ["weight", "input", "output"])
def test_the_schedule_tile_by_tile_gives_the_same_bits(dataflow):
    a, w = operands(SINGLE, 30)
    schedule = Schedule(unit(SINGLE, dataflow), Gemm(m=6, n=7, k=30, batch=2), Tiling(stream=4))
    job = Job(name="x", p=schedule.unit, shape=schedule, operands=Operands(a, w))
    one, other = (device.run(job) for device in (Golden(), Model()))
    assert np.array_equal(FP32.encode(one.values), FP32.encode(other.values)) and one.cycles == other.cycles


def test_what_golden_cannot_add_is_refused():
    a, w = operands(SINGLE, 65)
    with pytest.raises(BadValue, match="K is 65; allowed: 1 to 64"):
        matrix_product(unit(SINGLE, "weight"), a, w, None)
    with pytest.raises(BadValue, match="stream is None; allowed: the tiling's"):
        matrix_product(unit(SINGLE, "output"), a[..., :9], w[:, :9], None)
    with pytest.raises(BadValue, match=r"weights.* is 0\.1; allowed: numbers fp16 holds"):
        matrix_product(unit(SINGLE, "weight"), a[..., :9], np.full((2, 9, 7), 0.1), None)


def test_a_requantiser_behind_floats_and_a_tiles_pe_in_an_array_are_refused():
    with pytest.raises(BadValue, match="requantise is given with float_multiply_add with sums in fp32"):
        MatrixUnitParams(pe=SINGLE)
    with pytest.raises(BadValue, match=r"pe\.kind of a systolic array is 'lut'; allowed: multiplier, mixp"):
        MatrixUnitParams(pe=lut.Params())
    assert MatrixUnitParams(pe=MultiplierParams()).scaled
