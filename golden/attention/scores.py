"""Scores: sums of products of a query and a key, as octaves.

    s       = clip(floor(D multiplier / 2^shift + 1/2), score.min, score.max)
    capped, where cap > 0:
    u       = clip(floor(D multiplier / 2^shift + 1/2), 20 bits with 16 below 1), which is s / cap
    s       = floor(cap tanh(u) + 1/2)

A score that is clipped raises the flag `saturated`; u, beyond which tanh is 1, does not.

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
from golden.formats import Rounding, round_shift
from golden.vector.piecewise import piecewise
from golden.vector.requantise import multiplier_and_shift


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
    if not (0 <= scale < math.inf):
        raise check.fail("scale", scale, "finite numbers, 0 or more")
    unit = scale * 2.0**-p.dot_fraction if p.floating else scale
    cap = cap_of(p, softcap)
    real = unit / softcap * 2**CAP_FRACTION if cap else unit * math.log2(math.e) * 2**p.fraction
    multiplier, shift = multiplier_and_shift(real, MULTIPLIER, MAX_SHIFT)
    found = Scaling(multiplier=int(multiplier), shift=int(shift), cap=cap)
    found.check(p)
    return found


def cap_of(p: Arithmetic, softcap: float) -> int:
    """A softcap in units of scores; 0: none. BadValue for one that is none, or would round to none."""
    unit = 2.0**-p.fraction / math.log2(math.e)
    cap = round(softcap / unit) if math.isfinite(softcap) else -1
    if softcap != 0 and not (p.softcap and 1 <= cap <= p.score.max):
        some = f"0, or {unit:.3g} to {p.score.max * unit:.6g}"
        raise check.fail("softcap", softcap, some if p.softcap else "0: the engine has none")
    return cap


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


def stages(p: Arithmetic) -> tuple[str, ...]:
    """Registers from D to s, named after what they hold; with a softcap those of tanh among them."""
    if not p.softcap:
        return ("product", "score")
    return ("product", "scaled", "entry", "inner", "slope", "tanh", "raised", "score")


def cycles(p: Arithmetic, count: int) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled."""
    return count + len(stages(p)) if count else 0
