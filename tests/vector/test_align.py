"""The aligner's golden against NumPy's own floats and exact fractions."""

from fractions import Fraction
from math import trunc

import ml_dtypes
import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import BF16, FP8_E4M3, FP16
from golden.vector.align import AlignParams, align, cycles, unit

DTYPES = {FP16: np.float16, BF16: ml_dtypes.bfloat16}


def groups(fmt, count, group, seed=1):
    """Codes of groups: all exponents, then few of them; no infinity, no NaN."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 1 << fmt.width, (count, group))
    narrow = rng.integers(0, 1 << fmt.exponent_bits, (count, 1)) - rng.integers(0, 15, (count, group))
    fields = np.where(np.arange(count)[:, None] % 2, codes >> fmt.mantissa_bits, narrow)
    fields = np.clip(fields & (1 << fmt.exponent_bits) - 1 | 0, 0, (1 << fmt.exponent_bits) - 2)
    return (codes & ~(fmt.max_code + 1) | fields << fmt.mantissa_bits).astype(np.uint64)


@pytest.mark.parametrize("fmt, bits", [(FP16, 12), (FP16, 14), (FP16, 16), (BF16, 9), (BF16, 12)], ids=str)
def test_each_number_is_cut_off_at_the_unit_of_its_group(fmt, bits):
    p = AlignParams(format=fmt, bits=bits, group=8, lanes=2)
    codes = groups(fmt, 300, 8)
    values = codes.astype(np.uint16).view(DTYPES[fmt]).astype(np.float64)
    integers, exponents, specials = align(p, codes)
    assert not specials.any()
    for row, found, exponent in zip(values.tolist(), integers.tolist(), exponents.tolist(), strict=True):
        least = 1 - fmt.bias
        greatest = max([least, *(int(np.frexp(x)[1]) - 1 for x in row if x)])
        assert exponent == greatest + fmt.bias
        worth = Fraction(2) ** (greatest - bits + 2)
        assert found == [trunc(Fraction(x) / worth) for x in row]
        assert Fraction(float(unit(p, np.array(exponent)))) == worth


def test_the_greatest_number_is_exact_and_no_error_reaches_the_unit():
    p = AlignParams(group=16, lanes=4)
    codes = groups(FP16, 500, 16)
    integers, exponents, _ = align(p, codes)
    values, worth = FP16.decode(codes), unit(p, exponents)[:, None]
    error = np.abs(integers * worth - values)
    assert (error < worth).all()
    assert (np.take_along_axis(error, np.abs(values).argmax(1)[:, None], 1) == 0).all()
    assert np.abs(integers).max() < 1 << 13


def test_zeros_and_subnormals_have_the_least_exponent():
    p = AlignParams(group=4, lanes=2)
    integers, exponents, _ = align(p, np.array([[0, 0x8000, 1, 0x83FF], [0, 0, 0x8000, 0]], np.uint64))
    assert integers.tolist() == [[0, 0, 1 << 2, -0x3FF << 2], [0, 0, 0, 0]]
    assert exponents.tolist() == [1, 1]


@pytest.mark.parametrize("code", [0x7C00, 0x7E00, 0x7FFF], ids=["infinity", "nan", "last nan"])
def test_infinity_and_nan_are_the_largest_number_and_flag_their_group(code):
    p = AlignParams(group=2, lanes=1)
    largest = 0x7FF << 2
    integers, exponents, specials = align(
        p, np.array([[code, 0x7BFF], [code | 0x8000, 0], [0x7BFF, 0]], np.uint64)
    )
    assert integers.tolist() == [[largest, largest], [-largest, 0], [largest, 0]]
    assert (exponents.tolist(), specials.tolist()) == ([30, 30, 30], [True, True, False])


def test_a_group_takes_its_words_twice_and_the_next_overlaps():
    p = AlignParams(group=128, lanes=8)
    assert [cycles(p, groups) for groups in (0, 1, 2)] == [0, 34, 50]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"bits": 11}, "bits is 11; allowed: 12 to 32"),
        ({"lanes": 7}, r"lanes is 7; allowed: divisors of 128 \(group\)"),
        ({"lanes": 128}, "lanes is 128; allowed: 1 to 64"),
        ({"format": FP8_E4M3}, "format.specials is 'nan'; allowed: ieee"),
    ],
)
def test_a_wrong_parameter_is_named(given, message):
    with pytest.raises(BadValue, match=message):
        AlignParams(**given)


def test_a_group_of_another_size_is_refused():
    with pytest.raises(BadValue, match=r"codes.shape is \[3, 4\]; allowed: \[3, 8\]"):
        align(AlignParams(group=8, lanes=2), np.zeros((3, 4), np.uint64))
