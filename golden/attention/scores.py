"""Scores: products of a query and its keys, in fixed point, as octaves.

    product = q k of integers; of FP16  sign(q k) min(floor(|q k| 2^dot_fraction), product_limit)
    D       = sum of products, exact
    s       = clip(floor(D multiplier / 2^shift + 1/2), score.min, score.max)
    capped, where cap > 0:
    u       = clip(floor(D multiplier / 2^shift + 1/2), 20 bits with 16 below 1), which is s / cap
    s       = floor(cap tanh(u) + 1/2)

A product that saturates, and a score that is clipped, raise the flag `saturated`; u, beyond which tanh is 1,
does not. Cutting each product makes D independent of the order of its elements, with one shifter an element
and no normaliser; D is off by less than head_dim units.

Source: softcap of scores: Gemma 2 (arXiv 2408.00118), section 2; ONNX's Attention, opset 23.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.attention.arithmetic import (
    CAP_FRACTION,
    CAP_INPUT,
    CAP_OUT_FRACTION,
    MAX_SHIFT,
    MULTIPLIER,
    Arithmetic,
)
from golden.formats import Int, Rounding, round_shift
from golden.vector.piecewise import piecewise
from golden.vector.requantise import multiplier_and_shift

BLOCK = 1 << 22  # products of FP16 numbers at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """What makes scores of sums of products; of a job, not of the hardware.

    multiplier, shift  MULTIPLIER's, and 1 to MAX_SHIFT
    cap                in units of scores; 0: none
    """

    multiplier: int
    shift: int
    cap: int = 0

    def __post_init__(self) -> None:
        check.in_range("multiplier", self.multiplier, 0, MULTIPLIER.max)
        check.in_range("shift", self.shift, 1, MAX_SHIFT)

    def check(self, p: Arithmetic) -> None:
        """BadValue, unless `p` can apply it."""
        most = p.score.max if p.softcap else 0
        check.in_range("cap", self.cap, 0, most, "" if p.softcap else "the engine has no softcap")


def scaling(p: Arithmetic, scale: float, softcap: float = 0.0) -> Scaling:
    """For logits scale q k, in units of e as they are published.

    scale    of a product of values of query and key: 1 / sqrt(head_dim), with the scales of integer codes
    softcap  logits c become c tanh(logit / c); 0: none
    raises   BadValue, naming what 16 bits and a shift do not hold
    """
    unit = scale * 2.0**-p.dot_fraction if p.floating else scale
    cap = round(softcap * math.log2(math.e) * 2**p.fraction)
    real = unit / softcap * 2**CAP_FRACTION if cap else unit * math.log2(math.e) * 2**p.fraction
    multiplier, shift = multiplier_and_shift(real, MULTIPLIER, MAX_SHIFT)
    found = Scaling(multiplier=int(multiplier), shift=int(shift), cap=cap)
    found.check(p)
    return found


def operand(fmt: object, where: str, values: ArrayLike) -> np.ndarray:
    """Values of `fmt`, int64 or float64; BadValue for what it does not hold, infinities and NaN."""
    if isinstance(fmt, Int):
        return fmt.check(where, values)
    given = np.asarray(values, np.float64)
    with np.errstate(over="ignore"):
        held = np.isfinite(given) & (given.astype(np.float16) == given)
    if not held.all():
        index = [int(i) for i in np.argwhere(~held)[0]]
        raise check.fail(f"{where}{index or ''}", float(given[tuple(index)]), "finite numbers of fp16")
    return given


def products(p: Arithmetic, q: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(q k in units of p.product, int64; whether each saturated); of arrays that broadcast, values of p."""
    if not p.floating:
        exact: np.ndarray = np.multiply(q, k, dtype=np.int64)
        return exact, np.zeros(exact.shape, bool)
    size = np.floor(np.ldexp(np.abs(q * k), p.dot_fraction))  # exact: significands of 22 bits
    saturated = size > p.product_limit
    held = np.minimum(size, p.product_limit).astype(np.int64)
    return np.where(np.signbit(q) ^ np.signbit(k), -held, held), np.asarray(saturated)


def dots(p: Arithmetic, q: ArrayLike, k: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(D, int64 [..., rows, keys]; whether a product of it saturated).

    q       [..., rows, d], values of p.query, d at most p.head_dim
    k       [..., keys, d], values of p.key
    raises  BadValue, naming the argument
    """
    q, k = operand(p.query, "q", q), operand(p.key, "k", k)
    check.in_range("q.shape[-1]", q.shape[-1], 1, p.head_dim, "head_dim")
    check.in_range("k.shape[-1]", k.shape[-1], q.shape[-1], q.shape[-1], "q's")
    if not p.floating:  # float64 holds head_dim products of 2^14, in any order
        exact = np.matmul(q.astype(np.float64), np.swapaxes(k, -1, -2).astype(np.float64)).astype(np.int64)
        return exact, np.zeros(exact.shape, bool)
    rows = max(1, BLOCK // max(1, k.size))
    parts = [_dots(p, q[..., start : start + rows, :], k) for start in range(0, q.shape[-2], rows)]
    if not parts:
        parts = [_dots(p, q, k)]
    return np.concatenate([d for d, _ in parts], axis=-2), np.concatenate([s for _, s in parts], axis=-2)


def _dots(p: Arithmetic, q: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    each, saturated = products(p, q[..., :, None, :], k[..., None, :, :])
    return np.asarray(each.sum(-1)), np.asarray(saturated.any(-1))


def scores(p: Arithmetic, dot: ArrayLike, by: Scaling) -> tuple[np.ndarray, np.ndarray]:
    """(s, int64 of dot's shape, values of p.score; whether each was clipped).

    dot     integers, values of p.dot
    raises  BadValue, naming dot or the cap
    """
    by.check(p)
    dot = p.dot.check("dot", dot)
    exact = round_shift(dot * by.multiplier, by.shift, Rounding.HALF_UP)
    if by.cap:
        u = CAP_INPUT.saturate(exact)
        raised = piecewise(p.tanh, "tanh", u) * by.cap
        return round_shift(raised, CAP_OUT_FRACTION, Rounding.HALF_UP), np.zeros(dot.shape, bool)
    s = p.score.saturate(exact)
    return s, np.asarray(s != exact)
