"""The group dequantiser's golden against exact fractions, and within float32 of float64."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import BF16, FP16, FP32, Int
from golden.vector.dequantise import GroupScalingParams, cycles, dequantise, step

DTYPES = {FP16: np.float16, BF16: ml_dtypes.bfloat16}


def nearest(exact):
    """The float32 nearest to a fraction, ties to even, by its neighbours."""
    guess = np.float32(float(exact))
    near = [np.nextafter(guess, np.float32(way * np.inf)) for way in (-1, 1)]
    return min([guess, *near], key=lambda x: (abs(Fraction(float(x)) - exact), int(x.view(np.uint32)) & 1))


@pytest.mark.parametrize("scale", [FP16, BF16], ids=str)
def test_each_group_rounds_the_exact_total_once(scale):
    p = GroupScalingParams(scale=scale)
    rng = np.random.default_rng(1)
    rows, groups = 200, 6
    acc, row = (
        rng.integers(p.acc.min, p.acc.max + 1, (rows, groups)),
        rng.integers(-16384, 16384, (rows, groups)),
    )
    zero = rng.integers(0, 16, (rows, groups))
    codes = rng.integers(0, 1 << 16, (rows, groups)) & 0x83FF | scale.bias - 3 << scale.mantissa_bits
    scales = codes.astype(np.uint16).view(DTYPES[scale]).astype(np.float64)
    found = dequantise(p, acc, row, zero, scales)
    for index in range(rows):
        total = np.float32(0)
        for a, r, z, s in zip(acc[index], row[index], zero[index], scales[index], strict=True):
            total = nearest(Fraction(float(total)) + (int(a) - int(z) * int(r)) * Fraction(float(s)))
        assert found[index] == total


def test_float64_is_as_near_as_the_roundings_allow():
    p = GroupScalingParams()
    rng = np.random.default_rng(2)
    acc, zero = rng.integers(-20000, 20000, (500, 12)), rng.integers(0, 16, (500, 12))
    row, scale = rng.integers(-2000, 2000, (500, 12)), FP16.quantise(rng.uniform(0.001, 0.1, (500, 12)))
    terms = scale * (acc - zero * row)
    found, wanted = dequantise(p, acc, row, zero, scale), terms.sum(-1)
    bound = 12 * 2.0**-24 * np.abs(terms).sum(-1)
    assert (np.abs(found - wanted) <= bound).all()
    print(f"worst {np.max(np.abs(found - wanted) / bound):.3f} of the bound")


def test_an_exponent_of_the_group_is_a_power_of_two_of_its_scale():
    """As the aligner gives it: FP16's exponent field, bias 15 and 12 bits."""
    p = GroupScalingParams(acc=Int(25), exponent_bits=5, exponent_bias=27)
    rng = np.random.default_rng(3)
    acc, e = rng.integers(p.acc.min, p.acc.max + 1, (300, 1)), rng.integers(0, 32, (300, 1))
    scale, none = FP16.decode(rng.integers(0, 0x7C00, (300, 1))), np.zeros((300, 1), int)
    found = dequantise(p, acc, none, none, scale, e)
    terms = zip(acc[:, 0], scale[:, 0], e[:, 0], strict=True)
    assert found.tolist() == [
        nearest(int(a) * Fraction(s) * Fraction(2) ** (int(x) - 27)) for a, s, x in terms
    ]


def test_infinity_and_nan_are_ieee_754s():
    p = GroupScalingParams()
    inf = np.array([np.inf])
    one, none = np.array([1]), np.array([0])
    assert step(p, np.zeros(1), one, none, none, inf).tolist() == [np.inf]
    assert np.isnan(step(p, np.zeros(1), none, none, none, inf)).all()  # 0 times infinity
    assert np.isnan(step(p, -inf, one, none, none, inf)).all()
    assert FP32.encode(step(p, np.zeros(1), none, none, none, np.array([-0.5]))).tolist() == [0]  # +0 + -0


def test_the_difference_holds_its_ends():
    p = GroupScalingParams()
    assert p.difference == Int(20)
    assert (p.acc.max + 15 * (1 << 14), p.acc.min - 15 * ((1 << 14) - 1)) == (507903, -507889)


def test_a_product_that_would_round_before_its_sum_is_refused():
    with pytest.raises(BadValue, match="products of 48 bits or fewer"):
        GroupScalingParams(acc=Int(40))


def test_cycles():
    assert [cycles(groups) for groups in (0, 1, 12)] == [0, 4, 15]
