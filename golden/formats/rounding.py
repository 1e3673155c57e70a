"""Rounding: the modes in use, over powers of two (exact) and over reals.

    round_shift(x, s) = round(x / 2^s)        round_real(x) = round(x)

Source: IEEE 754-2019, section 4.3, for half_even (roundTiesToEven), half_away (roundTiesToAway), floor
(roundTowardNegative) and zero (roundTowardZero). half_up, what an adder before a shift gives, is not in it.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from golden import check


class Rounding(StrEnum):
    """To the nearest, ties as named: half_up (to +infinity), half_even, half_away (from 0); floor; zero."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    HALF_AWAY = "half_away"
    FLOOR = "floor"
    ZERO = "zero"


MAX_SHIFT = 62
LARGEST = 1 << 62  # |x| + 2^shift - 1 <= 2^62 + 2^62 - 1 < 2^63: no sum below overflows


def round_shift(x: ArrayLike, shift: ArrayLike, mode: Rounding) -> np.ndarray:
    """round(x / 2^shift), exact.

    x        integers, at most 2^62 in magnitude
    shift    integers, 0 to 62, of a shape that broadcasts with x
    returns  int64
    raises   BadValue, naming x, shift or mode
    """
    check.one_of("mode", mode, Rounding)
    x = check.array("x", x, -LARGEST, LARGEST)
    shift = check.array("shift", shift, 0, MAX_SHIFT)
    rounded: np.ndarray = x + _before_shift(x, shift, mode) >> shift
    return rounded


def _before_shift(x: np.ndarray, shift: np.ndarray, mode: Rounding) -> np.ndarray | int:
    """The addend of x with which an arithmetic shift, which rounds down, rounds as `mode` says."""
    if mode == Rounding.FLOOR:
        return 0
    all_but_one = (1 << shift) - 1
    if mode == Rounding.ZERO:
        return np.where(x < 0, all_but_one, 0)
    # One less than a half carries what is above a tie, one more the tie too. Shift 0 has no ties.
    if mode == Rounding.HALF_EVEN:
        ties_carry = x >> shift & (shift > 0)
    elif mode == Rounding.HALF_AWAY:
        ties_carry = (x >= 0) & (shift > 0)
    else:
        ties_carry = shift > 0
    return np.asarray((all_but_one >> 1) + ties_carry)


def round_real(x: ArrayLike, mode: Rounding) -> np.ndarray:
    """round(x), int64, of reals below 2^63 in magnitude; BadValue naming x (NaN included) or mode.

    No half is added to x, since that sum is itself rounded: 0.49999999999999994 + 0.5 is 1.0. The differences
    taken here are exact, or on the side of the half that the exact one is on.
    """
    check.one_of("mode", mode, Rounding)
    x = finite("x", x)
    if x.size and float(np.abs(x).max()) >= 2.0**63:
        raise check.fail("x", float(x.flat[np.abs(x).argmax()]), "below 2^63 in magnitude")
    if mode == Rounding.HALF_EVEN:
        whole = np.rint(x)
    elif mode == Rounding.HALF_AWAY:
        whole = np.trunc(x) + np.sign(x) * (np.abs(x - np.trunc(x)) >= 0.5)
    elif mode == Rounding.HALF_UP:
        whole = np.floor(x) + (x - np.floor(x) >= 0.5)
    else:
        whole = np.floor(x) if mode == Rounding.FLOOR else np.trunc(x)
    return np.asarray(whole).astype(np.int64)


def finite(where: str, values: ArrayLike) -> np.ndarray:
    """`values` as float64, or BadValue naming `where` and the first element that is NaN or infinite."""
    given = np.asarray(values)
    if given.dtype.kind not in "iubf" and given.dtype.name != "bfloat16":
        raise check.fail(f"{where}.dtype", given.dtype, "real numbers")
    given = given.astype(np.float64, copy=False)
    good = np.isfinite(given)
    if not good.all():
        index = [int(i) for i in np.argwhere(~good)[0]]
        raise check.fail(f"{where}{index or ''}", float(given[tuple(index)]), "finite numbers")
    return given
