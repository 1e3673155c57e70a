"""The numbers that weights stand for in sums, and back."""

import numpy as np
import pytest

from golden import pe
from golden.check import BadValue
from golden.formats import Int
from golden.pe import counted, dequantise, integers, mixpe, quantise

SMALL = dequantise.Params(code=Int(3, False), scale_bits=2, shift=0, group=32)


def test_a_plain_weight_is_its_number():
    p = mixpe.Params(weight=Int(4))
    assert counted.plain(p) and counted.ends(p) == (-8, 7)
    np.testing.assert_array_equal(counted.encode(p, np.arange(-8, 8)), np.arange(16) - 8 & 15)
    np.testing.assert_array_equal(counted.numbers(p), np.arange(16) - 16 * (np.arange(16) > 7))


def test_numbers_are_those_of_the_pe_and_zeros_alone_pad():
    """Against the formula, and one step of the PE; a byte of zeros adds nothing to a sum."""
    words = np.arange(256)
    code, zero, scale = words & 7, words >> 3 & 7, words >> 6
    assert not counted.plain(SMALL) and counted.ends(SMALL) == (-21, 21)
    np.testing.assert_array_equal(counted.numbers(SMALL), (code - zero) * scale)
    step = dequantise.accumulate(SMALL, np.zeros(256, np.int64), words, np.ones(256, np.int64))
    np.testing.assert_array_equal(counted.numbers(SMALL), step)
    assert counted.encode(SMALL, np.zeros(1, np.int64)) == 0


@pytest.mark.parametrize("shift", [0, 1, 3])
@pytest.mark.parametrize("code", ["uint2", "int2", "uint3", "int3"])
def test_what_encodes_a_number_stands_for_it(code, shift):
    signed, width = code[0] == "i", int(code[-1])
    p = dequantise.Params(code=Int(width, signed), scale_bits=8 - 2 * width, shift=shift, group=32)
    numbers = counted.numbers(p)
    np.testing.assert_array_equal(numbers[counted.encode(p, numbers)], numbers)


def test_a_product_of_weights_is_that_of_their_numbers():
    random = np.random.default_rng(3)
    x, w = random.integers(-128, 128, (5, 32)), random.integers(0, 256, (32, 7))
    whole = integers.dot(integers.Formats(Int(8), Int(8), 32), x, counted.numbers(SMALL)[w])
    np.testing.assert_array_equal(pe.module_of(SMALL).dot(SMALL, x, w), whole)


def test_the_nearest_number_is_as_near_as_any():
    reals = np.random.default_rng(4).uniform(-30, 30, 200)
    every = np.abs(counted.numbers(SMALL)[:, None] - reals).min(0)
    np.testing.assert_allclose(np.abs(counted.nearest(SMALL, reals) - reals), every)


def test_a_number_of_no_weight_is_named():
    counted.check_numbers(SMALL, "w", np.array([21, -15]))
    with pytest.raises(BadValue, match="w is 19; allowed: the 31 numbers that weights of dequantise"):
        counted.check_numbers(SMALL, "w", np.array([21, 19]))
    with pytest.raises(BadValue, match="allowed: -21 to 21"):
        counted.encode(SMALL, np.array([22]))


def test_groups_of_scales_are_within_a_group_of_sums():
    """Two groups of sums, each of two groups of scales, are four groups' codes and numbers."""
    weights = np.random.default_rng(5).standard_normal((64, 3)) * np.repeat([1, 3, 0.5, 2], 16)[:, None]
    small, both = (dequantise.Params(code=Int(3, False), scale_bits=2, shift=0, **groups)
                   for groups in ({"group": 16}, {"group": 32, "scale_group": 16}))  # fmt: skip
    wanted, found = quantise.quantise(small, weights), quantise.quantise(both, weights)
    np.testing.assert_array_equal(found.weights.codes, wanted.weights.codes)
    np.testing.assert_array_equal(found.values, wanted.values)
    assert found.weights.scales.shape == (2, 3)
    with pytest.raises(BadValue, match=r"pe.scale_group is 5; allowed: divisors of pe.group, 32, and 0"):
        dequantise.Params(group=32, scale_group=5)
