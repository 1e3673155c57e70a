"""Running sums of attention in base 2: floating point, oldest key first, memory that no row's length grows.

    w_j = 2^(s_j)        s in octaves, fixed point; a number of significand weight_bits + 1 (weights.power_of)
    l   = R(R(w_1 + w_2) + w_3) ...        o = likewise of R(w_j v_j)        R rounds to `fmt`, ties to even

Three ways to keep these in range, of which all give the same bits, but for the power of two:

    wide      as above: no maximum. The exponent of `fmt` holds every power of two of a score, which is
              clipped to its format; `check_range` says whether it does.
    running   m' = max(m, ceil(s_j)); l' = R(l 2^(m - m') + w_j 2^-m'), o' likewise; and l 2^m is wide's
    two_pass  m of the whole row first, then sums of w_j 2^-m.

They are equal since a product with a power of two is exact and commutes with R, as long as nothing leaves
the exponents' range: R(2^k x) = 2^k R(x). So an integer maximum is nothing but an offset of exponents, which
one more bit of exponent replaces: no comparison, no rescaling, no second loop beside that of the sum. In
fp32 itself, terms 2^-126 below the maximum become subnormal or zero; they are below a half of the last place
of l and change no bit of it, nor of o where its largest terms do not cancel.

Bounds, u = 2^-(mantissa_bits + 1), n keys, e the worst relative error of a weight (weights.worst_errors):

    |l - sum 2^s| <= ((n - 1) u + e) / (1 - n u) sum 2^s
    |o / l - sum p v| <= (2 (n + 1) u + 2 e) / (1 - 2 (n + 1) u - 2 e) max |v|        p = softmax of s

Sums with FP16's significand are refused above `MOST_KEYS` keys, where their error passes 1e-2.

Source: online softmax, Milakov and Gimelshein, arXiv 1805.02867; base 2 and integer maximum, Stevens et al.,
Softermax, DAC 2021; rounding of sums, Higham, Accuracy and Stability, 2nd edition, section 4.2; a sum of
float64 rounded again is the sum rounded once where 53 >= 2 p + 2 (Figueroa, SIGNUM Newsletter 30(3), 1995).
"""

from typing import NamedTuple

import numpy as np

from golden import check
from golden.attention.arithmetic import Arithmetic
from golden.attention.masks import LONGEST
from golden.attention.weights import power_of
from golden.formats import Float, Int
from golden.formats.arithmetic import round_once

MOST_KEYS = 256  # of a row, where sums have FP16's significand: their error is 5.7e-3 at 128, 1.6e-2 at 512
NARROW = 10  # bits of the significand of FP16 below its first


class RunningSums(NamedTuple):
    """total, l of rows, [rows], and weighted, o, [rows, d]: both times 2^octave, [rows]."""

    total: np.ndarray
    weighted: np.ndarray
    octave: np.ndarray


def octaves(p: Arithmetic) -> int:
    """Scores are of [-octaves, octaves)."""
    return 1 << p.score.width - 1 - p.fraction


def check_range(p: Arithmetic, fmt: Float) -> None:
    """Raise BadValue unless sums of `fmt` without a maximum hold every row.

    Largest: LONGEST keys of the largest weight and value. Least: the last place of the product of the least
    weight and value, of which every sum is a whole number; it must be normal.
    """
    most, value, last = octaves(p), (p.value_width - 1), 0
    if p.floating:
        value, last = 16, 24  # FP16's numbers are below 2^16 and whole in units of 2^-24
    above = most + value + (LONGEST - 1).bit_length()
    below = most + last + fmt.mantissa_bits
    allowed = f"scores of less: 2^{most} times values and {LONGEST} keys needs powers of two up to {above}"
    where = f"octaves of a score, without a maximum, in sums of {fmt.exponent_bits} bits of exponent"
    if above > fmt.bias or below > fmt.bias - 1:
        raise check.fail(where, most, f"{allowed} and from -{below}; there are {fmt.bias} and {1 - fmt.bias}")


def check_keys(fmt: Float, keys: int) -> None:
    """Raise BadValue where a row has more keys than sums of a narrow significand may have."""
    if fmt.mantissa_bits <= NARROW:
        check.in_range("keys of a row", keys, 0, MOST_KEYS, f"sums of {fmt.mantissa_bits + 1} bits")


def plus(fmt: Float, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """R(a + b), numbers of `fmt`: golden.formats.arithmetic.add, in one addition of float64."""
    return round_once(fmt, a + b)


def wide(fmt: Float, w: np.ndarray, v: np.ndarray) -> RunningSums:
    """Sums without a maximum.

    w  float64 [rows, keys], weights 2^s; 0 where a key does not count
    v  float64 [keys, d]
    """
    total, weighted = np.zeros(len(w)), np.zeros((len(w), v.shape[1]))
    for key, value in enumerate(v):
        weight = w[:, key]
        total = plus(fmt, total, weight)
        weighted = plus(fmt, weighted, round_once(fmt, weight[:, None] * value))
    return RunningSums(total, weighted, np.zeros(len(w), np.int64))


def running(p: Arithmetic, fmt: Float, s: np.ndarray, v: np.ndarray, valid: np.ndarray) -> RunningSums:
    """Sums below an integer maximum that rises as keys come.

    s, valid  int64 and bool [rows, keys]; v [keys, d]
    """
    rows = len(s)
    top, total, weighted = np.full(rows, -octaves(p)), np.zeros(rows), np.zeros((rows, v.shape[1]))
    power, ceiling = power_of(p, s), -(-s >> p.fraction)
    for key, value in enumerate(v):
        counts = valid[:, key]
        new = np.where(counts, np.maximum(top, ceiling[:, key]), top)
        total = round_once(fmt, np.ldexp(total, top - new))
        weighted = round_once(fmt, np.ldexp(weighted, (top - new)[:, None]))
        w = round_once(fmt, np.ldexp(np.where(counts, power[:, key], 0.0), -new))
        total = plus(fmt, total, w)
        weighted = plus(fmt, weighted, round_once(fmt, w[:, None] * value))
        top = new
    return RunningSums(total, weighted, top)


def two_pass(p: Arithmetic, fmt: Float, s: np.ndarray, v: np.ndarray, valid: np.ndarray) -> RunningSums:
    """Sums below the maximum of the whole row, which was found before."""
    top = np.where(valid, -(-s >> p.fraction), -octaves(p)).max(axis=1)
    w = np.where(valid, np.ldexp(power_of(p, s), -top[:, None]), 0.0)
    return wide(fmt, round_once(fmt, w), v)._replace(octave=top)


def bounds(fmt: Float, keys: int, relative: float) -> tuple[float, float]:
    """(of l, relative; of o / l, relative to max |v|): the module's bounds for `keys` keys, weights off by
    `relative`."""
    u = 2.0 ** -(fmt.mantissa_bits + 1)
    quotient = 2 * (keys + 1) * u + 2 * relative
    return ((keys - 1) * u + relative) / (1 - keys * u), quotient / (1 - quotient)


def values_of(p: Arithmetic, v: np.ndarray) -> np.ndarray:
    """Values of p.value as float64, in which integers are exact."""
    return np.asarray(p.value.check("v", v) if isinstance(p.value, Int) else v, np.float64)
