"""A row of attention, exactly: what every engine whose rows wait for their maximum gives, in whatever order.

    l = sum of w, the sink's too        o = sum of w v        both exact
    integers   out = floor(z R / 2^(r + GUARD) + 1/2), z = floor(o 2^(out_fraction + GUARD) / 2^e)
    FP16       out = round(n R 2^(b - r - e - 24)), n 2^b = |o| cut to 24 bits; to nearest, ties to even
    with R 2^-(r + e) ~ 1 / l, e = floor(log2 l) (golden.vector.reciprocal)

The one division stands behind P V; weights are used as they were summed up, so that values that are all alike
come out as they are: an integer v as v 2^out_fraction exactly, in rows of any length, whatever the scores.
o is in units of a value's last bit, of FP16 2^-24: every FP16 value is a whole number of these, below 2^40.
Such a sum may have 83 bits; it is kept as high 2^20 + low.

A row without a valid key is 0 and raises `empty`, also if it has a sink, whose mass gives nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.attention.arithmetic import FP16_FRACTION, GUARD, LIMB, NORMAL, Arithmetic, bits_of
from golden.attention.scores import Scaling, dots, operand, scores
from golden.attention.weights import check_sink, check_valid, tops, weights
from golden.formats import FP16, Rounding, round_shift
from golden.formats.arithmetic import round_once
from golden.vector.reciprocal import reciprocal

FLAGS = ("empty", "saturated")
FLOAT64 = 53  # bits of a significand


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Results of rows, and their flags.

    out        [..., rows, d]: int64 values of p.out, or FP16's in float64
    empty      [..., rows]: no key was valid
    saturated  [..., rows]: a valid key's product or score was clipped
    """

    out: np.ndarray
    empty: np.ndarray
    saturated: np.ndarray


def attend(
    p: Arithmetic,
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    valid: ArrayLike,
    by: Scaling,
    sink: ArrayLike | None = None,
) -> Rows:
    """Rows of queries against keys.

    q       [..., rows, d]; k [..., keys, d]; v [..., keys, e]: values of p.query, p.key, p.value
    valid   booleans that broadcast to [..., rows, keys]; of each row at most p.keys
    sink    scores of p, one or [..., rows]: mass that gives nothing
    raises  BadValue, naming the argument
    """
    dot, clipped = dots(p, q, k)
    s, beyond = scores(p, dot, by)
    return weigh(p, s, clipped | beyond, v, valid, sink)


def weigh(
    p: Arithmetic,
    s: np.ndarray,
    saturated: np.ndarray,
    v: ArrayLike,
    valid: ArrayLike,
    sink: ArrayLike | None = None,
) -> Rows:
    """Rows whose scores are known, int64 [..., rows, keys], and which saturated; the rest is as attend's."""
    mask = check_valid(valid, s.shape)
    values = operand(p.value, "v", v)
    check.in_range("v.shape[-2]", values.shape[-2], s.shape[-1], s.shape[-1], "k's")
    count = mask.sum(-1)
    if count.size:
        check.in_range("keys of a row", int(count.max()), 0, p.keys)
    sink = check_sink(p, sink)
    top = tops(p, s, mask, sink)
    w = np.where(mask, weights(p, s, np.maximum(top, s >> p.fraction)), 0)
    total = w.sum(-1)
    if sink is not None:
        total = total + weights(p, np.asarray(sink), top[..., 0])
    out = divided(p, total, sums(p, w, values))
    return Rows(out, count == 0, (saturated & mask).any(-1))


def sums(p: Arithmetic, w: np.ndarray, v: np.ndarray) -> np.ndarray:
    """o = sum of w v, int64 [..., rows, e]; of FP16 [2, ..., rows, e], high and low: 0 <= low < 2^20.

    w  int64 [..., rows, keys], values of p.weight, at most p.keys of a row not 0
    v  [..., keys, e], values of p.value
    """
    if not p.floating:
        return _matmul(p, w, v, p.value_width - 1)
    fixed = np.ldexp(v, FP16_FRACTION).astype(np.int64)
    low = _matmul(p, w, fixed & (1 << LIMB) - 1, LIMB)
    high = _matmul(p, w, fixed >> LIMB, LIMB)
    return np.stack([high + (low >> LIMB), low & (1 << LIMB) - 1])


def _matmul(p: Arithmetic, w: np.ndarray, v: np.ndarray, bits: int) -> np.ndarray:
    """w v, int64, |v| <= 2^bits: the weights in parts whose sums of p.keys products float64 holds exactly."""
    part = FLOAT64 - bits - bits_of(p.keys)
    total = np.zeros((*w.shape[:-1], v.shape[-1]), np.int64)
    for start in range(0, p.weight.width, part):
        each = (w >> start & (1 << part) - 1).astype(np.float64)
        total = total + (np.matmul(each, v.astype(np.float64)).astype(np.int64) << start)
    return total


def divided(p: Arithmetic, total: np.ndarray, weighted: np.ndarray) -> np.ndarray:
    """o / l, of sums as `sums` gives them; 0 where l is 0.

    total     int64 [..., rows], values of p.total
    returns   int64 of p.out, or FP16's numbers in float64, [..., rows, e]
    """
    mantissa, zeros = reciprocal(p.reciprocal, p.total.check("total", total)[..., None])
    place = np.maximum(p.reciprocal.width - 1 - zeros, 0)  # e
    if p.floating:
        return _fp16(p, weighted, mantissa, place)
    z = weighted << p.out_fraction + GUARD >> place
    return round_shift(z * mantissa, p.reciprocal.bits + GUARD, Rounding.HALF_UP)


def _fp16(p: Arithmetic, weighted: np.ndarray, mantissa: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The quotient of two-limb sums in FP16."""
    negative, first, exponent = normal(weighted[0], weighted[1])
    scale = exponent - p.reciprocal.bits - place - FP16_FRACTION
    exact = np.ldexp((first * mantissa).astype(np.float64), scale)  # 24 + 19 bits
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
