"""Floating addition, multiplication and fused multiply-add, to the bit, in any `Float` of the "ieee" kind.

    add(f, a, b)              = R_f(a + b)
    multiply(f, a, b)         = R_f(a * b)
    multiply_add(f, a, b, c)  = R_f(a * b + c), one rounding

    R_f, "nearest"   nearest number of f, ties to even; beyond the largest number: infinity
         "truncate"  next number of f towards zero; beyond the largest number: the largest number

Source: IEEE 754-2019, sections 4.3 (roundTiesToEven, roundTowardZero), 6.1 (infinity), 6.3 (sign of zero:
x - x is +0, -0 + -0 is -0). Choices: every NaN is the one positive quiet NaN of `Float.encode`. Without
subnormals they read as zeros, and what lies between zero and the least normal number before rounding becomes
zero, both with their sign (Arm's flush-to-zero; the standard leaves before or after rounding open, 7.5).

Values are float64 arrays that hold the format's numbers. Float64 does the work, and exactly: a product of two
24-bit significands has 48 bits and no exponent below -554. A sum is rounded to odd in 53 bits, from its exact
error (Moller and Knuth's two-sum), which no rounding to 51 bits or fewer can tell from the exact sum
(Boldo and Melquiond, IEEE Trans. Computers 57(4), 2008, theorem 3).
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import numpy as np

from golden import check
from golden.formats.floating import Float

RoundingMode = Literal["nearest", "truncate"]
SIGNIFICAND = 52  # bits below the leading one in float64


@dataclass(frozen=True, slots=True)
class Mode:
    """How results round, and whether subnormal numbers are kept or flushed to zero."""

    rounding: RoundingMode = "nearest"
    subnormals: bool = True

    def __post_init__(self) -> None:
        check.one_of("rounding", self.rounding, get_args(RoundingMode))
        check.one_of("subnormals", self.subnormals, (True, False))


IEEE = Mode()


def check_result(where: str, fmt: object) -> None:
    """Raise BadValue unless results can be rounded into `fmt`."""
    if not isinstance(fmt, Float) or fmt.specials != "ieee" or fmt.saturating:
        raise check.fail(where, fmt, "a floating format with infinities: fp32, fp16, bf16, fp8_e5m2")


def least_normal(fmt: Float) -> float:
    """The smallest positive number with a full significand."""
    return 2.0 ** (1 - fmt.bias)


def flushed(fmt: Float, values: np.ndarray, mode: Mode) -> np.ndarray:
    """Numbers of `fmt` as an operand reads them: subnormals are zeros of their sign, unless they are kept."""
    values = np.asarray(values, np.float64)
    if mode.subnormals:
        return values
    tiny = np.abs(values) < least_normal(fmt)
    return np.where(tiny, np.copysign(0.0, values), values) if tiny.any() else values


def round_once(fmt: Float, values: np.ndarray, mode: Mode = IEEE) -> np.ndarray:
    """The number of `fmt` that each float64 rounds to.

    The significand is cut in float64's own bits; numbers below the least normal one, all of one quantum, are
    rounded as multiples of it.
    """
    values = np.asarray(values, np.float64)
    nearest = mode.rounding == "nearest"
    drop = SIGNIFICAND - fmt.mantissa_bits
    bits = values.view(np.int64)
    if nearest:  # a significand that rounds up to 2.0 carries into the exponent
        bits = bits + (bits >> drop & 1) + ((1 << drop - 1) - 1)
    cut = (bits & np.int64(-1 << drop)).view(np.float64)
    size = np.abs(values)
    small = size < least_normal(fmt)
    if small.any():
        quantum = least_normal(fmt) / (1 << fmt.mantissa_bits)
        units = (np.rint if nearest else np.trunc)(size[small] / quantum)
        cut[small] = np.copysign(units * quantum if mode.subnormals else 0.0, values[small])
    beyond = ~(np.abs(cut) <= fmt.max) | np.isnan(values)
    if beyond.any():
        ends = np.inf if nearest else np.where(np.isinf(values[beyond]), np.inf, fmt.max)
        cut[beyond] = np.where(np.isnan(values[beyond]), np.nan, np.copysign(ends, values[beyond]))
    return cut


def sum_to_odd(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a + b in float64: exact, or the neighbour of the exact sum whose significand is odd."""
    a, b = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64))
    with np.errstate(invalid="ignore"):  # infinity - infinity is NaN; its error, NaN too, is no error
        total = np.asarray(a + b)
        part = total - a
        error = (a - (total - part)) + (b - part)
    inexact = (error != 0) & np.isfinite(total)
    if not inexact.any():
        return total
    overshot = inexact & (np.signbit(error) != np.signbit(total))
    return np.asarray(total.view(np.int64) - overshot | inexact).view(np.float64)


def to_odd(exact: Fraction) -> np.ndarray:
    """A fraction whose denominator is a power of two as float64 [1]: itself, or the neighbour whose
    significand is odd, which rounds to 51 bits or fewer as the fraction does."""
    size, places = abs(exact.numerator), exact.denominator.bit_length() - 1
    if exact.denominator != 1 << places:
        raise check.fail("fraction", exact, "denominators that are powers of two")
    cut = max(size.bit_length() - SIGNIFICAND - 1, 0)
    significand = size >> cut | (size & (1 << cut) - 1 > 0)
    return np.array([math.ldexp(math.copysign(significand, exact), cut - places)])


def exact_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a * b in float64, which is exact for numbers of any `Float`."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.multiply(a, b, dtype=np.float64))


def add_exact(fmt: Float, a: np.ndarray, exact: np.ndarray, mode: Mode = IEEE) -> np.ndarray:
    """a, of `fmt`, plus a product of 48 bits or fewer: one rounding."""
    return round_once(fmt, sum_to_odd(flushed(fmt, a, mode), exact), mode)


def add(fmt: Float, a: np.ndarray, b: np.ndarray, mode: Mode = IEEE) -> np.ndarray:
    """a + b, all of `fmt`."""
    return add_exact(fmt, a, flushed(fmt, b, mode), mode)


def multiply(
    fmt: Float, operands: tuple[Float, Float], a: np.ndarray, b: np.ndarray, mode: Mode = IEEE
) -> np.ndarray:
    """a * b, numbers of `operands`, rounded into `fmt`."""
    a, b = (flushed(of, values, mode) for of, values in zip(operands, (a, b), strict=True))
    return round_once(fmt, exact_product(a, b), mode)


def multiply_add(
    fmt: Float,
    operands: tuple[Float, Float],
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    mode: Mode = IEEE,
) -> np.ndarray:
    """a * b + c, numbers of `operands` and of `fmt`, rounded once into `fmt`."""
    a, b = (flushed(of, values, mode) for of, values in zip(operands, (a, b), strict=True))
    return add_exact(fmt, c, exact_product(a, b), mode)
