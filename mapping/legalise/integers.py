"""Tensors of integers: how they are coded, and functions of them."""

import numpy as np

from mapping.ir.encodings import Affine
from mapping.legalise.fixed import LIMITS
from mapping.patterns.curves import Function
from mapping.patterns.structure import Line

HEADROOM = 1.5  # of 16-bit codes beyond what the samples show


def integers(dtype: np.dtype, low: float, high: float, *, wide: bool) -> Affine:
    """The encoding of integers: of 8 and 16 bits, all values of the type; of wider types, the observed range
    low to high.

    wide  in 16 bits, without a zero point where the values fit
    """
    seen = low, high
    if dtype.kind in "iu" and dtype.itemsize < 4:
        low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    if not wide:
        least, most = LIMITS["int8"]
        if least <= low and high <= most:
            return Affine(dtype="int8", scale=1.0)
        if dtype == np.uint8:
            return Affine(dtype="int8", scale=1.0, zero=least)
    if dtype == np.uint16 and not wide and seen[1] > LIMITS["int16"][1]:
        return Affine(dtype="int16", scale=1.0, zero=-32768, low=-32768, high=32767)
    if max(-seen[0], seen[1]) <= 32767:
        low, high = seen
    room = 1.0 if dtype.itemsize < 4 or max(-low, high) <= 32767 else HEADROOM
    scale = max(1.0, room * max(-low, high) / 32767)
    return Affine(dtype="int16", scale=scale, low=-32768, high=32767)


def of_integers(f: Function, dtype: np.dtype, x: np.ndarray) -> np.ndarray:
    """f applied to integers that are given as reals."""
    if dtype.kind == "b":
        return f(x > 0.5)
    info = np.iinfo(dtype)
    return f(np.clip(np.rint(x.astype(np.float64)), float(info.min), float(info.max)).astype(dtype))


def line_over(f: Function, low: float, high: float) -> Line | None:
    """The line that f is on the whole numbers from low to high, if between two bounds it rises or falls by 1;
    else None.

    A table covers only 256 numbers; a line covers all.
    """
    x = np.arange(int(low), int(high) + 1)
    with np.errstate(all="ignore"):
        y = f(x).astype(np.float64)
    for slope in (1.0, -1.0):
        steps = np.flatnonzero(np.diff(y) == slope)
        if not steps.size:
            continue
        free = slope * x + y[steps[0]] - slope * x[steps[0]]
        if np.array_equal(np.clip(free, y.min(), y.max()), y):
            return Line(
                slope=slope, offset=float(free[0] - slope * x[0]),
                low=float(y.min()) if free.min() < y.min() else -np.inf,
                high=float(y.max()) if free.max() > y.max() else np.inf,
            )  # fmt: skip
    return None
