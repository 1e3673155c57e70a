"""Operators on the bits of whole numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from golden import check


def bit_shift(x: np.ndarray, y: np.ndarray, *, direction: str) -> np.ndarray:
    """x shifted by y bits, bits shifted out lost; a shift by the type's width or more, or by less than 0,
    leaves none. Of a signed type a right shift keeps the sign.
    """
    check.one_of("BitShift.direction", direction, ("LEFT", "RIGHT"))
    width = 8 * x.dtype.itemsize
    wide = y.astype(np.uint64)  # what is below 0 is far beyond any width
    within = np.minimum(wide, width - 1).astype(x.dtype)
    beyond = wide >= width
    if direction == "RIGHT":
        gone = np.where(x < 0, -1, 0).astype(x.dtype) if x.dtype.kind == "i" else x.dtype.type(0)
        return np.asarray(np.where(beyond, gone, np.right_shift(x, within)))
    return np.asarray(np.where(beyond, x.dtype.type(0), np.left_shift(x, within)))


OPERATORS: dict[str, Callable[..., Any]] = {
    "BitShift": bit_shift,
    "BitwiseAnd": lambda a, b: np.bitwise_and(a, b), "BitwiseOr": lambda a, b: np.bitwise_or(a, b),
    "BitwiseXor": lambda a, b: np.bitwise_xor(a, b), "BitwiseNot": lambda x: np.bitwise_not(x),
}  # fmt: skip
