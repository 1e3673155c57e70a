"""A row of attention, exactly: what every engine whose rows wait for their maximum gives, in whatever order.

    l = sum of w, the sink's too        o = sum of w v        out = round(o / l)

Weights are used as they were summed up, and the one division stands behind P V: values that are all alike
come out as they are, in rows of any length, whatever the scores. A row without a valid key is 0 and raises
`empty`, also if it has a sink, whose mass gives nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.attention.arithmetic import Arithmetic
from golden.attention.products import check_batch, dots, operand, sums
from golden.attention.quotients import divided
from golden.attention.scores import Scaling, scores
from golden.attention.weights import check_sink, check_valid, tops, weights

FLAGS = ("empty", "saturated")


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
    check_batch("v", values, "scores", s.shape)
    check.in_range("v.shape[-2]", values.shape[-2], s.shape[-1], s.shape[-1], "k's")
    count = mask.sum(-1)
    if count.size:
        check.in_range("keys of a row", int(count.max()), 0, p.keys)
    sink = check_sink(p, sink, s.shape[:-1])
    top = tops(p, s, mask, sink)
    w = np.where(mask, weights(p, s, np.maximum(top, s >> p.fraction)), 0)
    total = w.sum(-1)
    if sink is not None:
        total = total + weights(p, np.asarray(sink), top[..., 0])
    out = divided(p, total, sums(p, w, values))
    return Rows(out, count == 0, (saturated & mask).any(-1))
