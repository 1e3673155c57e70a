"""The one shape of error: where, what it is, what is allowed.

Every rejected parameter, array or file raises `BadValue` (or a subclass), so the command line
needs one handler and a user never meets a stack trace for a mistake of their own.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


class BadValue(ValueError):
    """A value that a user gave and that cannot be used; str() is the whole message."""


def fail(where: str, what: object, allowed: str) -> BadValue:
    """The error itself: `raise check.fail("array.rows", 0, "1 to 128")`."""
    return BadValue(f"{where} is {what}; allowed: {allowed}")


def in_range(where: str, value: int, low: int, high: int, why: str = "") -> None:
    """Raise BadValue unless low <= value <= high; `why` says where the bound comes from."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise fail(where, repr(value), f"{low} to {high}" + (f" ({why})" if why else ""))


def one_of(where: str, value: Any, allowed: Iterable[Any]) -> None:
    """Raise BadValue unless `value` is one of `allowed`."""
    choices = list(allowed)
    if value not in choices:
        raise fail(where, repr(value), ", ".join(str(c) for c in choices))


def array(where: str, values: ArrayLike, low: int, high: int) -> np.ndarray:
    """`values` as int64, or BadValue naming the first element outside [low, high]."""
    given = np.asarray(values)
    if given.dtype.kind not in "iub":
        raise fail(f"{where}.dtype", given.dtype, "integers")
    if given.size and (int(given.min()) < low or int(given.max()) > high):
        flat = given.ravel()
        index = int(np.flatnonzero((flat < low) | (flat > high))[0])
        place = list(np.unravel_index(index, given.shape)) if given.ndim else []
        raise fail(f"{where}{[int(i) for i in place] or ''}", int(flat[index]), f"{low} to {high}")
    return given.astype(np.int64)


def shape(where: str, values: np.ndarray, wanted: tuple[int, ...]) -> None:
    """Raise BadValue unless `values` has exactly the shape `wanted`."""
    if values.shape != wanted:
        raise fail(f"{where}.shape", list(values.shape), str(list(wanted)))
