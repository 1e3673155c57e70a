"""Products of attention and their sums, in fixed point: q k over head_dim, w v over keys; both exact.

    q k   integers: as it is; FP16: sign(q k) min(floor(|q k| 2^dot_fraction), product_limit)
    w v   integers: as it is; FP16: w (v 2^24), a whole number

Cutting each q k of FP16 makes their sum independent of the order, with one shifter an element and no
normaliser; it is off by less than head_dim units. One that reaches 2^dot_integer saturates, which raises the
flag `saturated`. Every FP16 value is a whole number of 2^-24 below 2^40. A sum of these may have 83 bits: it
is kept as high 2^20 + low.
"""

import numpy as np
from numpy.typing import ArrayLike

from golden import check
from golden.attention.arithmetic import FP16_FRACTION, LIMB, Arithmetic, bits_of
from golden.formats import Int

BLOCK = 1 << 18  # products of FP16 numbers at once, which a cache holds
FLOAT64 = 53  # bits of a significand


def operand(fmt: object, where: str, values: ArrayLike) -> np.ndarray:
    """Values of `fmt`, int64 or float64; BadValue for what it does not hold, infinities and NaN."""
    if isinstance(fmt, Int):
        return fmt.check(where, values)
    given = np.asarray(values)
    if given.dtype.kind not in "fiub":
        raise check.fail(f"{where}.dtype", given.dtype, "real numbers")
    given = given.astype(np.float64)
    with np.errstate(over="ignore"):
        held = np.isfinite(given) & (given.astype(np.float16) == given)
    if not held.all():
        index = [int(i) for i in np.argwhere(~held)[0]]
        raise check.fail(f"{where}{index or ''}", float(given[tuple(index)]), "finite numbers of fp16")
    return given


def check_batch(where: str, array: np.ndarray, other: str, shape: tuple[int, ...]) -> None:
    """BadValue unless both have rows of elements, and the axes before these broadcast."""
    for name, size in ((other, shape), (where, array.shape)):
        if len(size) < 2:
            raise check.fail(f"{name}.shape", list(size), "two axes or more")
    try:
        np.broadcast_shapes(array.shape[:-2], shape[:-2])
    except ValueError:
        allowed = f"what broadcasts with {other}'s, {list(shape)}"
        raise check.fail(f"{where}.shape", list(array.shape), allowed) from None


def products(p: Arithmetic, q: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(q k in units of p.product, int64; whether each saturated); of arrays that broadcast, values of p."""
    if not p.floating:
        exact: np.ndarray = np.multiply(q, k, dtype=np.int64)
        return exact, np.zeros(exact.shape, bool)
    held, saturated = _fixed(p, q, k)
    return held.astype(np.int64), saturated


def _fixed(p: Arithmetic, q: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(products of FP16 numbers in units of 2^-dot_fraction, float64; whether each saturated)."""
    each = np.asarray(np.ldexp(q, p.dot_fraction) * k)  # exact: significands of 22 bits
    np.trunc(each, out=each)
    saturated = np.abs(each) > p.product_limit
    return np.clip(each, -p.product_limit, p.product_limit, out=each), saturated


def dots(p: Arithmetic, q: ArrayLike, k: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(D, int64 [..., rows, keys]; whether a product of it saturated).

    q       [..., rows, d], values of p.query, d at most p.head_dim
    k       [..., keys, d], values of p.key
    raises  BadValue, naming the argument
    """
    q, k = operand(p.query, "q", q), operand(p.key, "k", k)
    check_batch("k", k, "q", q.shape)
    check.in_range("q.shape[-1]", q.shape[-1], 1, p.head_dim, "head_dim")
    check.in_range("k.shape[-1]", k.shape[-1], q.shape[-1], q.shape[-1], "q's")
    if not p.floating:  # float64 holds head_dim products of 2^14, in any order
        exact = np.matmul(q.astype(np.float64), np.swapaxes(k, -1, -2).astype(np.float64)).astype(np.int64)
        return exact, np.zeros(exact.shape, bool)
    rows = max(1, BLOCK // max(1, k.size))
    parts = [_dots(p, q[..., start : start + rows, :], k) for start in range(0, q.shape[-2], rows)]
    if not parts:
        parts = [_dots(p, q, k)]
    return np.concatenate([d for d, _ in parts], axis=-2), np.concatenate([s for _, s in parts], axis=-2)


def _dots(p: Arithmetic, q: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of a block of rows: float64 holds sums of p.dot, which has 46 bits or fewer."""
    each, saturated = _fixed(p, q[..., :, None, :], k[..., None, :, :])
    return each.sum(-1).astype(np.int64), np.asarray(saturated.any(-1))


def sums(p: Arithmetic, w: np.ndarray, v: np.ndarray) -> np.ndarray:
    """o = sum of w v, int64 [..., rows, e]; of FP16 [2, ..., rows, e], high and low: 0 <= low < 2^20.

    w  int64 [..., rows, keys], values of p.weight, at most p.keys of a row not 0
    v  [..., keys, e], values of p.value
    """
    if not p.floating:
        return _matmul(p, w, v, p.value_width - 1)
    fixed = np.ldexp(v, FP16_FRACTION).astype(np.int64)
    low = _matmul(p, w, fixed & (1 << LIMB) - 1, LIMB)
    high = _matmul(p, w, fixed >> LIMB, LIMB)
    return np.stack([high + (low >> LIMB), low & (1 << LIMB) - 1])


def _matmul(p: Arithmetic, w: np.ndarray, v: np.ndarray, bits: int) -> np.ndarray:
    """w v, int64, |v| <= 2^bits: the weights in parts whose sums of p.keys products float64 holds exactly."""
    part = FLOAT64 - bits - bits_of(p.keys)
    total = np.zeros((*w.shape[:-1], v.shape[-1]), np.int64)
    for start in range(0, p.weight.width, part):
        each = (w >> start & (1 << part) - 1).astype(np.float64)
        total = total + (np.matmul(each, v.astype(np.float64)).astype(np.int64) << start)
    return total


def stages(p: Arithmetic) -> tuple[str, ...]:
    """Registers from operands to a product, named after what they hold."""
    return ("product", "aligned") if p.floating else ("product",)


def cycles(p: Arithmetic, count: int) -> int:
    """Cycles from the first word accepted to the last delivered, both counted, unstalled."""
    return count + len(stages(p)) if count else 0
