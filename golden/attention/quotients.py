"""The quotient of a row: sums of weighted values over the sum of the weights, rounded once.

    1 / l ~ R 2^-(r + e), e = floor(log2 l)                               golden.vector.reciprocal
    integers   out = floor(z R / 2^(r + GUARD) + 1/2), z = floor(o 2^(out_fraction + GUARD) / 2^e)
    FP16       out = round(n R 2^(b - r - e - 24)), n 2^b = |o| cut to 24 bits; to nearest, ties to even
               (and n R cut to units of 2^-(37 + r), as many bits as it has above FP16's least normal number)

R is off by 2.1 2^-r. With r = out.width + 2 that is at most .27 of an integer's last bit, and the cut of o
.13: values that are all alike, o = v l, come out as v 2^out_fraction exactly. l = 0 comes with o = 0, and
gives 0.
"""

import numpy as np

from golden.attention.arithmetic import FP16_FRACTION, GUARD, LIMB, NORMAL, Arithmetic
from golden.formats import FP16, Rounding, round_shift
from golden.formats.arithmetic import round_once
from golden.vector.reciprocal import reciprocal


def divided(p: Arithmetic, total: np.ndarray, weighted: np.ndarray) -> np.ndarray:
    """o / l, of sums as `sums` gives them; 0 where l is 0.

    total     int64 [..., rows], values of p.total
    returns   int64 of p.out, or FP16's numbers in float64, [..., rows, e]
    """
    mantissa, zeros = reciprocal(p.reciprocal, p.total.check("total", total)[..., None])
    return quotients(p, weighted, mantissa, zeros)


def quotients(p: Arithmetic, weighted: np.ndarray, mantissa: np.ndarray, zeros: np.ndarray) -> np.ndarray:
    """o / l, of l's reciprocal as golden.vector.reciprocal gives it."""
    place = np.maximum(p.reciprocal.width - 1 - zeros, 0)  # e; of l = 0 the zeros are more
    if p.floating:
        return _fp16(p, weighted, mantissa, place)
    z = weighted << p.out_fraction + GUARD >> place
    return round_shift(z * mantissa, p.reciprocal.bits + GUARD, Rounding.HALF_UP)


def _fp16(p: Arithmetic, weighted: np.ndarray, mantissa: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The quotient of two-limb sums in FP16."""
    negative, first, exponent = normal(weighted[0], weighted[1])
    scale = exponent - p.reciprocal.bits - place - FP16_FRACTION
    exact = np.ldexp((first * mantissa).astype(np.float64), scale)  # 24 + 19 bits
    kept = NORMAL + p.reciprocal.bits - 1 + FP16.bias - 1  # places of a product whose first is FP16's 2^-14
    exact = np.ldexp(np.floor(np.ldexp(exact, kept)), -kept)
    return round_once(FP16, np.where(negative, -exact, exact))


def normal(high: np.ndarray, low: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(sign, n, b): |high 2^20 + low| cut to n 2^b, n of NORMAL bits with the first one set; 0 has n = 0."""
    negative = high < 0
    low = np.where(negative, -low, low)
    high = np.where(negative, -high, high) + (low >> LIMB)
    low = low & (1 << LIMB) - 1
    wide = high >> NORMAL > 0  # then low is cut off as a whole, and more
    value = np.where(wide, high, (high << LIMB) + low)
    length = bit_length(value)
    by = length - NORMAL
    first = np.where(by > 0, value >> np.maximum(by, 0), value << np.maximum(-by, 0))
    return negative, first, np.where(wide, by + LIMB, by)


def bit_length(values: np.ndarray) -> np.ndarray:
    """Of integers from 0 to 2^63 - 1; 0 has none."""
    length = np.zeros_like(values)
    for step in (32, 16, 8, 4, 2, 1):
        there = values >> step > 0
        length += step * there
        values = np.where(there, values >> step, values)
    return length + (values > 0)


def stages(p: Arithmetic) -> tuple[str, ...]:
    """Registers from o and l's reciprocal to the quotient, named after what they hold."""
    return ("normal", "product", "placed", "out") if p.floating else ("normal", "product", "out")


def cycles(p: Arithmetic, count: int) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled."""
    return count + len(stages(p)) if count else 0
