"""MixPE with floating activations: golden against fractions and numpy's floats."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import BF16, FP16, FP32, Int
from golden.pe import mixpe_float as pe
from golden.pe.mixpe_float import Params, accumulate, combine

WEIGHTS = [Int(2), Int(2, False), Int(4), Int(4, False), Int(8), Int(8, False)]


@pytest.mark.parametrize("weight", WEIGHTS, ids=str)
def test_every_weight_by_fp16_is_numpys_float32(weight):
    """An 8-bit weight by 11 bits is exact in float32, so numpy's product and sum round once as well."""
    p, rng = Params(weight=weight), np.random.default_rng(1)
    a = FP16.decode(np.arange(1 << 16))
    for w in range(weight.min, weight.max + 1):
        acc = FP32.decode(rng.integers(0, 1 << 32, len(a)))
        with np.errstate(all="ignore"):
            wanted = acc.astype(np.float32) + np.float32(w) * a.astype(np.float32)
        assert np.array_equal(accumulate(p, acc, np.full(len(a), w), a), wanted, equal_nan=True)


def test_shift_and_add_of_the_significand_is_the_product():
    codes = np.arange(1 << 15)[: FP16.max_code + 1]
    a = FP16.decode(codes)
    for q in range(16):
        shifted = sum((q >> i & 1) * a * 2.0**i for i in range(4))  # exact in float64
        assert np.array_equal(pe.product(Params(weight=Int(4, False)), np.full(len(a), q), a), shifted)


def test_flushed_activations_are_zeros():
    p = Params(subnormals=False)
    assert accumulate(p, np.zeros(1), np.array([7]), np.array([2.0**-15])) == 0


def test_zero_times_infinity_is_nan_and_zero_keeps_the_activations_sign():
    sums = accumulate(Params(), np.array([1.0, -0.0]), np.zeros(2, np.int64), np.array([np.inf, -1.0]))
    assert np.isnan(sums[0]) and sums[1] == 0 and np.signbit(sums[1])


def test_running_sums_combine_in_the_accumulators_format():
    p = Params(accumulator=FP16, rounding="truncate")
    assert combine(p, np.array([1.0]), np.array([2.0**-11 * 3])) == 1 + 2.0**-10


@pytest.mark.parametrize(
    "given, message",
    [
        ({"weight": FP16}, "pe.weight is fp16; allowed: int2 to int8, uint2 to uint8"),
        ({"weight": Int(9)}, "pe.weight.width is 9; allowed: 2 to 8"),
        ({"activation": FP32}, "pe.activation is fp32; allowed: fp16, bf16"),
        ({"activation": Int(8)}, "pe.activation is int8; allowed: fp16, bf16"),
        ({"accumulator": Int(32)}, "pe.accumulator is int32; allowed: a floating format"),
        ({"registers": 4}, "pe.registers is 4; allowed: 0 to 3"),
    ],
)
def test_a_wrong_parameter_is_named(given, message):
    with pytest.raises(BadValue, match=message):
        Params(**given)


def test_the_name_says_everything():
    p = Params(activation=BF16, rounding="truncate", subnormals=False, registers=2)
    assert (pe.name(p), pe.latency(p)) == ("mixpe_float_int4_bf16_fp32_truncate_flush_r2", 2)
