"""The one shape of error: where, what it is, what is allowed.

Every rejected parameter, array or file raises `BadValue` (or a subclass), so the command line
needs one handler and a user never meets a stack trace for a mistake of their own.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# letters of a part of a message, beyond which its middle is left out: names and values come from files
LONGEST_PLACE, LONGEST_VALUE, LONGEST_CHOICE, LONGEST_MESSAGE = 400, 300, 4000, 6000


class BadValue(ValueError):
    """A value that a user gave and that cannot be used; str() is the whole message, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, LONGEST_MESSAGE))


def printable(text: object, most: int | None = None) -> str:
    """Text from a file, fit to be printed: one line that moves no cursor and hides nothing.

    What is not printable (control, formatting and unassigned characters, lone surrogates, line ends) becomes
    its Python escape; what went through once goes through unchanged. Of more than `most` letters the middle
    is left out.
    """
    whole = str(text)
    if not whole.isprintable():
        whole = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole)
    if most is None or len(whole) <= most:
        return whole
    half = max((most - 5) // 2, 1)
    return f"{whole[:half]} ... {whole[-half:]}"


def fail(where: str, what: object, allowed: str) -> BadValue:
    """The error itself: `raise check.fail("array.rows", 0, "1 to 128")`."""
    place, value = printable(where, LONGEST_PLACE), printable(what, LONGEST_VALUE)
    return BadValue(f"{place} is {value}; allowed: {printable(allowed, LONGEST_CHOICE)}")


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
