"""Operators that pick elements by index."""

from collections.abc import Callable
from typing import Any

import numpy as np

from golden import check
from golden.operators.shape import ints, one


def gather(data: np.ndarray, indices: np.ndarray, *, axis: int = 0) -> np.ndarray:
    """Slices of `data` along `axis`, in the place of each index; a negative one counts from the end.

    raises  BadValue naming the index that is outside
    """
    size = data.shape[axis]
    indices = np.where(check.array("Gather.indices", indices, -size, size - 1) < 0, indices + size, indices)
    return np.take(data, indices, axis)


def gather_elements(data: np.ndarray, indices: np.ndarray, *, axis: int = 0) -> np.ndarray:
    size = data.shape[axis]
    return np.take_along_axis(data, check.array("GatherElements.indices", indices, -size, size - 1), axis)


def slice_of(
    x: np.ndarray, starts: np.ndarray, ends: np.ndarray, axes: np.ndarray | None = None,
    steps: np.ndarray | None = None,
) -> np.ndarray:
    """Python's slices, one for each of `axes`; a limit beyond an axis stops at its end."""
    first, last = ints(starts), ints(ends)
    chosen = range(len(first)) if axes is None else ints(axes)
    stride = (1,) * len(first) if steps is None else ints(steps)
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(chosen, first, last, stride, strict=True):
        # from the last element down to the first, an end below -size is before the first
        index[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(index)]


def one_hot(indices: np.ndarray, depth: np.ndarray, values: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """values[1] where the new axis' place is the index, values[0] elsewhere; an index outside gives none."""
    size = int(one("OneHot.depth", depth))
    wide = np.expand_dims(indices.astype(np.int64), axis)
    places = np.arange(size).reshape([size if i == axis % wide.ndim else 1 for i in range(wide.ndim)])
    inside = (wide >= -size) & (wide < size)
    return np.asarray(np.where(inside & (wide % size == places), values[1], values[0]))


def trilu(x: np.ndarray, k: np.ndarray | None = None, *, upper: int = 1) -> np.ndarray:
    """The upper or lower triangle of each matrix, zero elsewhere; k: the diagonal it starts from."""
    diagonal = 0 if k is None else int(one("Trilu.k", k))
    return np.asarray(np.triu(x, diagonal) if upper else np.tril(x, diagonal))


OPERATORS: dict[str, Callable[..., Any]] = {
    "Gather": gather, "GatherElements": gather_elements, "Slice": slice_of, "OneHot": one_hot, "Trilu": trilu,
}  # fmt: skip
