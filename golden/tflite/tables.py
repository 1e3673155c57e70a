"""Logistic, tanh and softmax of 8-bit codes: a table of 256 entries, as the built-in kernels make it.

A table is filled in float32; `exp` and `tanh` are rounded once from float64.
"""

from collections.abc import Callable

import numpy as np

from golden.tflite.fixed_point import half_away
from golden.tflite.quantisation import Quantisation


def by_table(x: np.ndarray, q: tuple[Quantisation, ...], f: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """f of every code, looked up. q: of x and result. f: float32 to float32."""
    codes = np.arange(q[0].low, q[0].high + 1)
    reals = q[0].one_scale * (codes - q[0].zero).astype(np.float32)
    inverse = np.float32(1) / q[1].one_scale
    table = q[1].codes(half_away(f(reals) * inverse) + np.float32(q[1].zero))
    return table[x.astype(np.int64) - q[0].low]


def logistic(x: np.ndarray, q: tuple[Quantisation, ...]) -> np.ndarray:
    """1 / (1 + exp(-x)). q: of x and result."""
    return by_table(x, q, lambda real: np.float32(1) / (np.float32(1) + exp(-real)))


def tanh(x: np.ndarray, q: tuple[Quantisation, ...]) -> np.ndarray:
    return by_table(x, q, lambda real: np.tanh(real.astype(np.float64)).astype(np.float32))


def softmax(x: np.ndarray, q: tuple[Quantisation, ...], *, beta: float) -> np.ndarray:
    """exp(beta (x - max)) over its sum along the last axis. q: of x and result.

    The table holds exp of every distance to the maximum; a row's sum is added up in order, in float32.
    """
    step = -q[0].one_scale * np.float32(beta)
    table = exp(step * np.arange(256, dtype=np.float32))
    codes = x.astype(np.int64)
    powers = table[codes.max(-1, keepdims=True) - codes]
    total = np.add.accumulate(powers, -1, dtype=np.float32)[..., -1:]
    inverse = np.float32(1) / (total * q[1].one_scale)
    return q[1].codes((powers * inverse + np.float32(0.5)).astype(np.int64) + q[1].zero)


def exp(x: np.ndarray) -> np.ndarray:
    """float32, rounded once; infinite where it must be."""
    with np.errstate(over="ignore"):
        return np.exp(x.astype(np.float64)).astype(np.float32)
