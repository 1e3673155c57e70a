"""Operators that move codes: pad, strided slice, split and concatenation."""

from collections.abc import Sequence

import numpy as np

from golden import check


def pad(x: np.ndarray, amounts: np.ndarray, zero: int) -> np.ndarray:
    """x wider by amounts [rank, 2], before and after, of code `zero`."""
    if amounts.shape != (x.ndim, 2) or (amounts < 0).any():
        raise check.fail("paddings", amounts.tolist(), f"[{x.ndim}, 2], none negative")
    return np.pad(x, amounts.tolist(), constant_values=zero)


def slices(
    shape: Sequence[int], begin: Sequence[int], end: Sequence[int], strides: Sequence[int], *,
    begin_mask: int = 0, end_mask: int = 0, shrink_mask: int = 0,
) -> tuple[slice | int, ...]:
    """What a strided slice selects: a slice for each axis, an index where the axis goes.

    masks   a bit for each axis
    """
    given = (len(begin), len(end), len(strides))
    if len(set(given)) != 1 or given[0] > len(shape):
        raise check.fail("lengths of begin, end and strides", list(given), f"equal, at most {len(shape)}")
    firsts = [None if begin_mask >> i & 1 else int(first) for i, first in enumerate(begin)]
    lasts = [None if end_mask >> i & 1 else int(last) for i, last in enumerate(end)]
    shrinks = [bool(shrink_mask >> i & 1) for i in range(len(begin))]
    axes = zip(shape, firsts, lasts, strides, shrinks, strict=False)
    return tuple(one_slice(size, first, last, int(step), shrink) for size, first, last, step, shrink in axes)


def one_slice(size: int, first: int | None, last: int | None, step: int, shrink: bool) -> slice | int:
    """The selection on one axis of `size` elements; numpy's own rules for what is negative or beyond."""
    if step == 0:
        raise check.fail("stride", 0, "another number")
    if not shrink:
        return slice(first, last, step)
    index = 0 if first is None else first
    check.in_range("index", index, -size, size - 1)
    return index


def split(x: np.ndarray, sizes: Sequence[int], axis: int) -> list[np.ndarray]:
    """Pieces of those sizes along `axis`; -1, once, is what remains."""
    check.in_range("axis", axis, -x.ndim, x.ndim - 1)
    rest = x.shape[axis] - sum(size for size in sizes if size >= 0)
    full = [rest if size == -1 else size for size in sizes]
    if min(full, default=-1) < 0 or sum(full) != x.shape[axis] or list(sizes).count(-1) > 1:
        raise check.fail("sizes", list(sizes), f"parts of {x.shape[axis]}")
    return np.split(x, np.cumsum(full)[:-1].tolist(), axis)
