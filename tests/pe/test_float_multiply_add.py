"""The floating multiply-add PE's golden: numpy's own floats, and what its parameters change."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import BF16, FP8_E4M3, FP16, FP32, Int
from golden.pe import float_multiply_add as pe
from golden.pe.float_multiply_add import Params, accumulate, combine


def drawn(fmt, seed, count=1 << 18):
    return fmt.decode(np.random.default_rng(seed).integers(0, 1 << fmt.width, count))


@pytest.mark.parametrize("structure", ["fused", "separate"])
def test_fp16_into_fp32_is_numpys_float32_in_both_structures(structure):
    p = Params(structure=structure, registers=1)
    w, a, acc = drawn(FP16, 1), drawn(FP16, 2), drawn(FP32, 3)
    with np.errstate(all="ignore"):
        wanted = acc.astype(np.float32) + w.astype(np.float32) * a.astype(np.float32)
    assert np.array_equal(accumulate(p, acc, w, a), wanted, equal_nan=True)


def test_separate_fp16_is_numpys_float16_product_and_sum():
    p = Params(accumulator=FP16, structure="separate", registers=1)
    w, a, acc = (drawn(FP16, seed).astype(np.float16) for seed in range(3))
    with np.errstate(all="ignore"):
        assert np.array_equal(accumulate(p, acc, w, a), acc + w * a, equal_nan=True)
        assert np.array_equal(combine(p, acc, w), acc + w, equal_nan=True)


def test_fused_keeps_what_the_separate_product_rounds_away():
    w = a = np.array([1 + 2.0**-10])
    given = (np.array([-1 - 2.0**-9]), w, a)
    assert accumulate(Params(accumulator=FP16), *given) == 2.0**-20
    assert accumulate(Params(accumulator=FP16, structure="separate", registers=1), *given) == 0


def test_a_running_sum_in_truncation_never_grows_past_the_exact_one():
    p = Params(rounding="truncate", subnormals=False)
    w, a = np.abs(np.random.default_rng(4).normal(size=(2, 1536, 8))).astype(np.float16).astype(float)
    acc = np.zeros(8)
    for k in range(1536):
        acc = pe.add_product(p, acc, pe.product(p, w[k], a[k]))
    exact = (w * a).sum(0)
    print(f"worst relative error of 1536 truncated additions: {((exact - acc) / exact).max():.2e}")
    assert ((acc <= exact) & (acc > exact * (1 - 1536 * 2.0**-23))).all()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"weight": Int(4)}, "pe.weight is int4; allowed: fp16, bf16"),
        ({"activation": FP32}, "pe.activation is fp32; allowed: fp16, bf16"),
        ({"accumulator": FP8_E4M3}, "pe.accumulator is fp8_e4m3; allowed: a floating format with infinities"),
        ({"structure": "split"}, "pe.structure is 'split'; allowed: fused, separate"),
        ({"rounding": "up"}, "pe.rounding is 'up'; allowed: nearest, truncate"),
        ({"structure": "separate"}, "pe.registers is 0; allowed: 1 to 3"),
        ({"registers": 4}, "pe.registers is 4; allowed: 0 to 3"),
        ({"group": 0}, "pe.group is 0"),
    ],
)
def test_a_wrong_parameter_is_named(given, message):
    with pytest.raises(BadValue, match=message):
        Params(**given)


def test_a_number_outside_its_format_is_named():
    with pytest.raises(BadValue, match=r"weight\[0\] is 1e-09"):
        accumulate(Params(), np.zeros(1), np.array([1e-9]), np.ones(1))


def test_the_name_says_everything():
    more = {"structure": "separate", "rounding": "truncate", "subnormals": False, "registers": 2}
    p = Params(weight=BF16, accumulator=FP16, **more)
    assert pe.name(p) == "float_multiply_add_bf16_fp16_fp16_separate_truncate_flush_r2"
    assert pe.latency(p) == 2
