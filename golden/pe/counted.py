"""The numbers that a PE's weights stand for in its sums, and the weights that stand for numbers.

Weights of most PEs are those numbers themselves. Of others, which an accelerator takes where a weight has at
most 8 bits, the PE makes a number of each weight: golden.pe.dequantise of the word {q, z, s} the int8
(q - z) s / 2^shift. So the scale of a group is in its weights, and several weights can stand for one number.
"""

from functools import cache
from typing import Any

import numpy as np

from golden import check, pe
from golden.pe import integers


def plain(p: Any) -> bool:
    """Whether a weight of the exact PE of `p` is the number by which an activation is multiplied."""
    return pe.module_of(p).dot is integers.dot


@cache
def numbers(p: Any) -> np.ndarray:
    """The number of every weight, int64 [2^width], in the order of the weights' bit patterns."""
    weights = p.weight.decode(np.arange(1 << p.weight.width))
    return np.asarray(pe.module_of(p).dot(p, np.ones((1, 1), np.int64), weights[None])[0])


@cache
def distinct(p: Any) -> tuple[np.ndarray, np.ndarray]:
    """The numbers in rising order, each once, and the first bit pattern that stands for each."""
    found, first = np.unique(numbers(p), return_index=True)
    return found, first.astype(np.uint64)


def ends(p: Any) -> tuple[int, int]:
    """The least and the largest number of a weight."""
    if plain(p):
        return p.weight.min, p.weight.max
    found, _ = distinct(p)
    return int(found[0]), int(found[-1])


def check_numbers(p: Any, where: str, values: np.ndarray) -> None:
    """BadValue, naming `where` and the first of `values` that is no weight's number."""
    check.array(where, values, *ends(p))
    if plain(p):
        return
    found, _ = distinct(p)
    lacking = np.setdiff1d(values, found)
    if lacking.size:
        allowed = f"the {len(found)} numbers that weights of {pe.kind_of(p)} stand for"
        raise check.fail(where, int(lacking[0]), allowed)


def encode(p: Any, values: np.ndarray) -> np.ndarray:
    """Bit patterns, uint64, of weights that stand for `values`; BadValue as check_numbers."""
    if plain(p):
        return np.asarray(p.weight.encode(values))
    check_numbers(p, "weights", values)
    found, patterns = distinct(p)
    return np.asarray(patterns[np.searchsorted(found, values)])


def nearest(p: Any, reals: np.ndarray) -> np.ndarray:
    """The nearest number of a weight, int64, of two equally near ones the lesser. p: of a PE not plain."""
    found, _ = distinct(p)
    return np.asarray(found[np.searchsorted((found[1:] + found[:-1]) / 2, reals)])
