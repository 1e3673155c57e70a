"""Real multipliers in integers: a Q31 significand and a shift, and the ways to round their product.

    x * multiplier * 2^(shift - 31)        multiplier 0 or in [2^30, 2^31)

"double"  rounds twice: the doubled high half of the product, ties up; then the right shift, ties away from
          zero (gemmlowp; every reference kernel by default)
"upward"  the same, but the right shift's ties go up, as vector units round (ruy): what the built-in kernels
          of products do, and with them TFLite's own result of a network; only negative ties differ
"single"  rounds once, ties up (TFLITE_SINGLE_ROUNDING)
"""

from typing import Literal

import numpy as np

from golden import check
from golden.formats import Int

INT32 = Int(32)
Rounding = Literal["double", "upward", "single"]
ROUNDINGS = ("double", "upward", "single")


def half_away(x: np.ndarray | np.floating) -> np.ndarray:
    """Reals rounded to the nearest integer as C's round does it: ties away from zero. x's type."""
    whole = np.trunc(x)
    return np.asarray(whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0).astype(x.dtype))


def quantise_multiplier(real: np.ndarray | np.floating) -> tuple[np.ndarray, np.ndarray]:
    """Significands [n] and shifts [n], int64, of multipliers [n], float64, none negative."""
    fraction, shift = np.frexp(np.asarray(real, np.float64))
    significand = half_away(fraction * 2.0**31).astype(np.int64)
    full = significand == 1 << 31
    significand, shift = np.where(full, 1 << 30, significand), shift.astype(np.int64) + full
    vanishes = shift < -31
    return np.where(vanishes, 0, significand), np.where(vanishes, 0, shift)


def multiply(x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, rounding: Rounding) -> np.ndarray:
    """x times real multipliers. x: int64 [...]; multiplier, shift broadcast with it; int64 [...].

    raises  BadValue for a shift beyond 30: no multiplier of a trained network is that large; for x, also
            shifted left, beyond 32 bits, which is what the kernels hold
    """
    check.one_of("rounding", rounding, ROUNDINGS)
    check.in_range("shift of a multiplier", int(np.max(shift, initial=0)), -64, 30)
    x = INT32.check("codes or sums", x)
    if rounding == "single":
        total = 31 - shift
        return np.asarray(x * multiplier + (np.int64(1) << total - 1) >> total)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    high = high_half(INT32.check("codes or sums, shifted", x << left), multiplier)
    return shift_up(high, right) if rounding == "upward" else divide_by_power(high, right)


def shift_up(x: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """x / 2^exponent, the nearest integer, ties up. exponent: not negative."""
    return np.asarray(x + ((np.int64(1) << exponent) >> 1) >> exponent)


def high_half(a: np.ndarray, b: np.ndarray, bits: int = 32) -> np.ndarray:
    """2 a b / 2^bits, the nearest integer, ties up; saturated where both are the least number."""
    product = a * b
    half = np.int64(1) << bits - 2
    nudged = product + np.where(product >= 0, half, 1 - half)
    return np.asarray(np.minimum(truncate(nudged, bits - 1), (1 << bits - 1) - 1))


def truncate(x: np.ndarray, bits: int) -> np.ndarray:
    """x / 2^bits towards zero, as C divides."""
    return np.asarray(np.where(x >= 0, x >> bits, -(-x >> bits)))


def divide_by_power(x: np.ndarray, exponent: np.ndarray | int) -> np.ndarray:
    """x / 2^exponent, the nearest integer, ties away from zero. exponent: not negative."""
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    threshold = (mask >> 1) + (x < 0)
    return np.asarray((x >> np.asarray(exponent)) + ((x & mask) > threshold))
