"""The integer attention of ITA, to the bit: an accelerator whose softmax sees scores in octaves and shifts.

    m rises by groups of 16 scores      sum = (sum >> (m' - m)) + sum over the group of (2^8 >> (m' - x))
    inverse = floor((2^8 - 1) 2^8 / sum)                p = inverse >> (m - x)            uint8, 255 is 1
    requantised = clip(floor(x multiplier / 2^shift + add + 1/2), int8)
    q = x Wq + Bq, k, v likewise     scores = q k^T     o = p v     out = o Wo + Bo       each requantised
    gelu = x (sign(x) ((min(|x|, -b) + b)^2 + c) + q1)                                     requantised

A score's last bit is an octave, so a weight is a power of two, and nine octaves below the maximum it is 0.
The inverse has eight bits at most, and fewer the longer the row: a row of 256 equal scores sums to 2^16,
whose inverse is 0, and gives 0 for every key. golden.attention.row gives such rows their mean.

Source: Islamoglu et al., ITA, ISLPED 2023 (arXiv 2307.03493), section IV; the order of groups, the widths and
the rounding are those of its published simulation, at commit ba96519 (Apache-2.0), whose results these are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.formats import Int, Rounding, round_shift

CODE, PROBABILITY = Int(8), Int(8, signed=False)
GROUP = 16  # scores that come at once
ONE = 8  # bits of a weight below the largest
INVERSE = ((1 << ONE) - 1) << ONE
BIAS = Int(32)
STEPS = ("q", "k", "v", "scores", "o", "out", "sum")  # what is requantised, in the order of the factors


def softmax(scores: ArrayLike) -> np.ndarray:
    """Probabilities of rows, int64 [..., n], 0 to 255.

    scores  integers [..., n], int8, in octaves
    raises  BadValue, naming the element
    """
    x = CODE.check("scores", scores)
    top, total = np.full(x.shape[:-1], CODE.min), np.zeros(x.shape[:-1], np.int64)
    for start in range(0, x.shape[-1], GROUP):
        group = x[..., start : start + GROUP]
        new = np.maximum(top, group.max(-1))
        total = _halved(total, new - top) + _halved(1 << ONE, new[..., None] - group).sum(-1)
        top = new
    return np.asarray(_halved((INVERSE // total)[..., None], top[..., None] - x))


def _halved(values: ArrayLike, times: np.ndarray) -> np.ndarray:
    """values >> times, of any number of times from 0 up."""
    return np.asarray(np.asarray(values) >> np.minimum(times, 62))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItaFactor:
    """Of a requantisation. multiplier: 0 to 255; shift: 1 to 31; add: a code."""

    multiplier: int
    shift: int
    add: int = 0

    def __post_init__(self) -> None:
        check.in_range("multiplier", self.multiplier, 0, PROBABILITY.max)
        check.in_range("shift", self.shift, 1, 31)
        check.in_range("add", self.add, CODE.min, CODE.max)


def requantised(sums: np.ndarray, by: ItaFactor) -> np.ndarray:
    """Sums as codes, ties up."""
    return CODE.saturate(round_shift(sums * by.multiplier, by.shift, Rounding.HALF_UP) + by.add)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItaWeights:
    """Of one head. wq, wk, wv: int8 [embedding, projection]; wo: [projection, embedding]; bq, bk, bv, bo:
    int32; factors: one of each of STEPS."""

    wq: np.ndarray
    wk: np.ndarray
    wv: np.ndarray
    wo: np.ndarray
    bq: np.ndarray
    bk: np.ndarray
    bv: np.ndarray
    bo: np.ndarray
    factors: tuple[ItaFactor, ...]

    def __post_init__(self) -> None:
        for name in ("wq", "wk", "wv", "wo"):
            CODE.check(name, getattr(self, name))
        for name in ("bq", "bk", "bv", "bo"):
            BIAS.check(name, getattr(self, name))
        check.in_range("len(factors)", len(self.factors), len(STEPS), len(STEPS))


def attention(given: ItaWeights, query: ArrayLike, key: ArrayLike, value: ArrayLike) -> dict[str, np.ndarray]:
    """Every intermediate by name, those of STEPS and "probabilities", int64; of one head, whose sum it is.

    query, key, value  int8 [tokens, embedding]
    """
    factors = dict(zip(STEPS, given.factors, strict=True))
    found: dict[str, np.ndarray] = {}
    for name, x in (("q", query), ("k", key), ("v", value)):
        weight, bias = (np.int64(getattr(given, f"{kind}{name}")) for kind in "wb")
        found[name] = requantised(CODE.check(name, x) @ weight + bias, factors[name])
    found["scores"] = requantised(found["q"] @ found["k"].T, factors["scores"])
    found["probabilities"] = softmax(found["scores"])
    found["o"] = requantised(found["probabilities"] @ found["v"], factors["o"])
    found["out"] = requantised(found["o"] @ np.int64(given.wo) + np.int64(given.bo), factors["out"])
    found["sum"] = requantised(found["out"], factors["sum"])
    return found


def gelu(x: ArrayLike, q1: int, b: int, c: int) -> np.ndarray:
    """The integer GELU, before its requantisation; q1, b, c: its polynomial's numbers, in x's scale."""
    x = CODE.check("x", x)
    size = np.minimum(np.abs(x), -b) + b
    return np.asarray(x * (np.sign(x) * (size * size + c) + q1))
