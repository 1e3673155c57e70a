"""Weights: powers of two of scores, below a row's integer maximum.

    s = octave + f, octave = floor(s), 0 <= f < 1        T(f) ~ 2^(f + weight_bits), T(0) = 2^weight_bits
    m = ceil(max of the valid scores and the sink)
    w = floor(T(f) / 2^(m - octave))                     0 <= w <= 2^weight_bits

T is a table or a piecewise polynomial that never falls (golden.vector.piecewise, "power"); 2^(m - octave) is
exact, so w never falls with s, and adding whole octaves to all scores of a row changes nothing. Without the
maximum, T(f) 2^(octave - weight_bits) is a number with a significand of weight_bits + 1 bits: `power_of`.

Source: Stevens et al., Softermax, DAC 2021.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.attention.arithmetic import Arithmetic
from golden.vector.piecewise import piecewise


def mantissas(p: Arithmetic, scores: np.ndarray) -> np.ndarray:
    """T of the fraction of each score, int64, 2^weight_bits to 2^(weight_bits + 1) - 1."""
    return piecewise(p.power, "power", scores & (1 << p.fraction) - 1)


def tops(p: Arithmetic, scores: np.ndarray, valid: np.ndarray, sink: np.ndarray | None = None) -> np.ndarray:
    """m of each row, int64 [..., 1], in octaves; of a row of which nothing counts, that of the least score.

    scores, valid  int64 and bool [..., keys]
    sink           a score, for all rows or [...]: one each; None: none
    """
    largest = np.where(valid, scores, p.score.min).max(axis=-1, initial=p.score.min, keepdims=True)
    if sink is not None:
        largest = np.maximum(largest, np.asarray(sink)[..., None])
    return np.asarray(-(-largest >> p.fraction))


def weights(p: Arithmetic, scores: np.ndarray, top: np.ndarray) -> np.ndarray:
    """w, int64, values of p.weight; of scores up to top octaves, which broadcast."""
    return np.asarray(mantissas(p, scores) >> np.minimum(top - (scores >> p.fraction), 63))


def power_of(p: Arithmetic, scores: ArrayLike) -> np.ndarray:
    """2^s as T(f) 2^(octave - weight_bits), float64 and exact: weight_bits bits below the first one."""
    scores = p.score.check("scores", scores)
    mantissa = mantissas(p, scores).astype(np.float64)
    return np.asarray(np.ldexp(mantissa, (scores >> p.fraction) - p.weight_bits))


@dataclass(frozen=True, slots=True)
class Errors:
    """Of weights against 2^x in float64, over every score.

    relative  largest |T - 2^f| / 2^f: of a float, and of a weight within the first octaves
    absolute  largest |w - 2^(s - m)|, in units of the largest weight
    """

    relative: float
    absolute: float


def worst_errors(p: Arithmetic) -> Errors:
    """Over all fractions, and all distances to the maximum that a score's format has."""
    codes = np.arange(1 << p.fraction)
    real = np.exp2(codes / 2.0**p.fraction)
    relative = np.abs(mantissas(p, codes) / 2.0**p.weight_bits / real - 1).max()
    below = np.arange(0, -(1 << min(p.score.width, 22)), -1)
    found = weights(p, below, np.zeros(1, np.int64)) / 2.0**p.weight_bits
    return Errors(float(relative), float(np.abs(found - np.exp2(below / 2.0**p.fraction)).max()))


def check_sink(p: Arithmetic, sink: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """A sink as int64, broadcast to `shape`, that of the rows, or None; BadValue unless it is a score."""
    return None if sink is None else broadcast("sink", p.score.check("sink", sink), shape)


def check_valid(valid: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """`valid` as bool, broadcast to `shape`; BadValue naming it."""
    return broadcast("valid", check.array("valid", valid, 0, 1).astype(bool), shape)


def broadcast(where: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`values`, broadcast to `shape`; BadValue naming them."""
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise check.fail(f"{where}.shape", list(values.shape), f"what broadcasts to {list(shape)}") from None


def stages(p: Arithmetic) -> tuple[str, ...]:
    """Registers from a score to its weight, named after what they hold: those of 2^f, and the weight."""
    polynomial = {0: (), 1: ("product",), 2: ("inner", "product")}[p.degree]
    return ("entry", *polynomial, "power", "weight")


def cycles(p: Arithmetic, count: int) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled."""
    return count + len(stages(p)) if count else 0
