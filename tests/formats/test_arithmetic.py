"""Floating arithmetic against numpy's, ml_dtypes' and exact fractions."""

from fractions import Fraction
from itertools import product

import ml_dtypes
import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32, Float, Int
from golden.formats.arithmetic import Mode, add, check_result, multiply, multiply_add, round_once

TYPES = {FP16: np.float16, FP32: np.float32, BF16: ml_dtypes.bfloat16, FP8_E5M2: ml_dtypes.float8_e5m2}
COUNT = 1 << 20
MODES = [Mode(rounding, kept) for rounding in ("nearest", "truncate") for kept in (True, False)]
RESULTS = [FP32, FP16, BF16, Float("wide", 9, 23)]


def same(found, wanted):
    """Equal, the sign of zero too; NaN is NaN, and positive in what was found."""
    found, wanted = np.asarray(found), np.asarray(wanted, np.float64)
    nan = np.isnan(found)
    assert not np.signbit(found[nan]).any()
    assert np.array_equal(nan, np.isnan(wanted))
    assert np.array_equal(found[~nan], wanted[~nan])
    assert np.array_equal(np.signbit(found[~nan]), np.signbit(wanted[~nan]))


def corners(fmt):
    """Every exponent, both signs, the ends and the middle of the mantissa."""
    m = fmt.mantissa_bits
    mantissas = {0, 1, 2, (1 << m - 1) - 1, 1 << m - 1, (1 << m - 1) + 1, (1 << m) - 2, (1 << m) - 1}
    codes = product(range(2), range(1 << fmt.exponent_bits), sorted(mantissas))
    return fmt.decode(np.array([(s << fmt.exponent_bits | e) << m | f for s, e, f in codes]))


def operands(fmt, rng, count=COUNT):
    """Random codes; a third of the second operands nearly cancel the first."""
    a, b = rng.integers(0, 1 << fmt.width, (2, count))
    nearly = (a ^ 1 << fmt.width - 1) + rng.integers(-5, 6, count) & (1 << fmt.width) - 1
    return fmt.decode(a), fmt.decode(np.where(rng.random(count) < 1 / 3, nearly, b))


def crossed(fmt, rng):
    """Corners with one another (2^18 pairs of fp16's); 600 of those with 8 bits of exponent."""
    ends = corners(fmt)
    if fmt.exponent_bits == 8:
        ends = rng.choice(ends, 600, replace=False)
    a, b = np.meshgrid(ends, ends)
    return a.ravel(), b.ravel()


@pytest.mark.parametrize("pairs", [crossed, operands])
@pytest.mark.parametrize("fmt", TYPES, ids=str)
def test_nearest_with_subnormals_is_what_numpy_computes(fmt, pairs):
    a, b = pairs(fmt, np.random.default_rng(1))
    x, y = a.astype(TYPES[fmt]), b.astype(TYPES[fmt])
    with np.errstate(all="ignore"):
        same(add(fmt, a, b), x + y)
        same(multiply(fmt, (fmt, fmt), a, b), x * y)


@pytest.mark.parametrize("fmt", [FP16, FP8_E4M3, FP8_E5M2], ids=str)
def test_fused_into_fp32_is_numpys_fp32_sum_as_the_product_is_exact_there(fmt):
    rng = np.random.default_rng(2)
    (a, b), (c, _) = operands(fmt, rng), operands(FP32, rng)
    with np.errstate(all="ignore"):
        same(multiply_add(FP32, (fmt, fmt), a, b, c), (a * b).astype(np.float32) + c.astype(np.float32))


def rounded(fmt, exact, mode):
    """The magnitude of the exact fraction in `fmt`, by whole numbers of the last place; None: infinite."""
    if not exact or (not mode.subnormals and abs(exact) < Fraction(2) ** (1 - fmt.bias)):
        return Fraction(0)
    log2 = exact.numerator.bit_length() - exact.denominator.bit_length()  # the denominator is a power of two
    quantum = Fraction(2) ** (max(log2, 1 - fmt.bias) - fmt.mantissa_bits)
    units = abs(exact) / quantum
    whole = round(units) if mode.rounding == "nearest" else int(units)  # round: ties to even
    if whole * quantum > Fraction(fmt.max):
        return None if mode.rounding == "nearest" else Fraction(fmt.max)
    return whole * quantum


@pytest.mark.parametrize("fmt", RESULTS, ids=str)
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_every_mode_is_the_exact_sum_rounded_once(fmt, mode):
    rng = np.random.default_rng(3)
    of = BF16 if fmt is BF16 else FP16
    a, b = (np.append(each, rng.permutation(corners(of))) for each in operands(of, rng, 3000))
    alone = multiply(fmt, (of, of), a, b, mode)
    near = fmt.decode(fmt.encode(-alone).view(np.int64) + rng.integers(-3, 4, len(a)) & (1 << fmt.width) - 1)
    c = np.where(rng.random(len(a)) < 0.5, near, rng.permutation(operands(fmt, rng, len(a))[0]))
    kept = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
    a, b, c = a[kept], b[kept], c[kept]
    found = {"product": multiply(fmt, (of, of), a, b, mode)}
    found["sum"] = multiply_add(fmt, (of, of), a, b, c, mode)

    def fraction(number, given):
        least = 2.0 ** (1 - given.bias)
        return Fraction(0 if not mode.subnormals and abs(number) < least else float(number))

    for i, (x, y, z) in enumerate(zip(a, b, c, strict=True)):
        exact = {"product": fraction(x, of) * fraction(y, of)}
        exact["sum"] = exact["product"] + fraction(z, fmt)
        for what, value in exact.items():
            wanted = rounded(fmt, value, mode)
            result = found[what][i]
            assert abs(result) == (np.inf if wanted is None else float(wanted)), (what, x, y, z)
            assert not value or np.signbit(result) == (value < 0), (what, x, y, z)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_infinities_nans_and_zeros_follow_ieee_in_every_mode(mode):
    inf, nan = np.inf, np.nan
    a = np.array([inf, inf, -inf, nan, 0.0, -0.0, -0.0, 1.5])
    b = np.array([1.0, -inf, -inf, 1.0, -0.0, -0.0, 0.0, -1.5])
    same(add(FP16, a, b, mode), [inf, nan, -inf, nan, 0.0, -0.0, 0.0, 0.0])
    same(multiply(FP16, (FP16, FP16), a, b, mode), [inf, -inf, inf, nan, -0.0, 0.0, -0.0, -2.25])


def test_flushing_keeps_signs_of_operands_and_results():
    mode, tiny = Mode("nearest", False), 2.0**-24
    same(add(FP16, np.array([-tiny, 2.0**-14]), np.array([-tiny, tiny - 2.0**-14]), mode), [-0.0, 2.0**-14])
    same(multiply(FP16, (FP16, FP16), np.array([-(2.0**-10)]), np.array([2.0**-5]), mode), [-0.0])


def test_what_rounds_up_to_the_least_normal_number_is_flushed_as_it_is_below():
    below = np.array([2.0**-14 * (1 - 2.0**-12)])
    assert round_once(FP16, below) == 2.0**-14 and round_once(FP16, below, Mode("nearest", False)) == 0


@pytest.mark.parametrize("fmt", [Int(8), FP8_E4M3], ids=str)
def test_a_result_without_infinities_is_refused(fmt):
    with pytest.raises(BadValue, match="allowed: a floating format with infinities"):
        check_result("accumulator", fmt)


def test_an_unknown_rounding_is_named():
    with pytest.raises(BadValue, match="rounding is 'up'; allowed: nearest, truncate"):
        Mode("up")
