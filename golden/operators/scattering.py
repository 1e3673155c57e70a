"""Operators that gather and scatter by lists of indices, sort, and add up along an axis."""

from collections.abc import Callable
from typing import Any

import numpy as np

from golden import check
from golden.operators.shape import DTYPES

REDUCTIONS: dict[str, Callable[..., Any]] = {
    "none": lambda old, new: new, "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum,
}  # fmt: skip


def gather_nd(data: np.ndarray, indices: np.ndarray, *, batch_dims: int = 0) -> np.ndarray:
    """Slices of data at the index tuples in indices' last axis; the first batch_dims axes go side by side."""
    depth = indices.shape[-1]
    places = tuple(
        check.array("GatherND.indices", indices[..., i], -n, n - 1)
        for i, n in enumerate(data.shape[batch_dims : batch_dims + depth])
    )
    width = indices.ndim - 1
    batch = tuple(
        np.arange(n).reshape([-1 if j == i else 1 for j in range(width)])
        for i, n in enumerate(data.shape[:batch_dims])
    )
    return np.asarray(data[(*batch, *places)])


def scatter_nd(
    data: np.ndarray, indices: np.ndarray, updates: np.ndarray, *, reduction: str = "none"
) -> np.ndarray:  # fmt: skip
    """data with updates put, or reduced, at the index tuples in indices' last axis, one after the other."""
    check.one_of("ScatterND.reduction", reduction, REDUCTIONS)
    depth, y, f = indices.shape[-1], data.copy(), REDUCTIONS[reduction]
    for i in range(depth):
        check.array("ScatterND.indices", indices[..., i], -data.shape[i], data.shape[i] - 1)
    rows = updates.reshape(-1, *data.shape[depth:])
    for index, update in zip(indices.reshape(-1, depth), rows, strict=True):
        at = tuple(int(i) for i in index)
        y[at] = f(y[at], update)
    return y


def scatter_elements(
    data: np.ndarray, indices: np.ndarray, updates: np.ndarray, *, axis: int = 0, reduction: str = "none"
) -> np.ndarray:  # fmt: skip
    """data with each of updates put, or reduced, at its own place but for the index along `axis`."""
    check.one_of("ScatterElements.reduction", reduction, REDUCTIONS)
    size, y, f = data.shape[axis], data.copy(), REDUCTIONS[reduction]
    along = check.array("ScatterElements.indices", indices, -size, size - 1) % size
    axis %= data.ndim
    for place in np.ndindex(*indices.shape):
        at = (*place[:axis], int(along[place]), *place[axis + 1 :])
        y[at] = f(y[at], updates[place])
    return y


def top_k(
    x: np.ndarray, k: np.ndarray, *, axis: int = -1, largest: int = 1, sorted: int = 1
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The k greatest (or least) along `axis` and their places; of equals, the first.

    sorted  0 asks for no order, which this one is
    """
    count = int(np.asarray(k).ravel()[0])
    check.in_range("TopK.k", count, 0, x.shape[axis])
    ranked = np.argsort(x, axis, kind="stable")
    if largest:  # equals in the order of their places
        ranked = x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    places = np.take(ranked, np.arange(count), axis)
    return np.take_along_axis(x, places, axis), places.astype(np.int64)


def running(f: Any, start: int) -> Callable[..., np.ndarray]:
    """CumSum and CumProd. exclusive: without the element itself; reverse: from the end."""

    def accumulated(x: np.ndarray, axis: np.ndarray, *, exclusive: int = 0, reverse: int = 0) -> np.ndarray:
        along = int(np.asarray(axis).ravel()[0])
        check.in_range("axis of a running sum", along, -x.ndim, x.ndim - 1)
        turned = np.flip(x, along) if reverse else x
        y = f(turned, axis=along, dtype=x.dtype)
        if exclusive:
            y = np.roll(y, 1, along)
            y[tuple(slice(0, 1) if i == along % x.ndim else slice(None) for i in range(x.ndim))] = start
        return np.asarray(np.flip(y, along) if reverse else y)

    return accumulated


def eye_like(x: np.ndarray, *, dtype: int | None = None, k: int = 0) -> np.ndarray:
    """Ones on the k-th diagonal, in x's shape, and its type unless another is asked for."""
    if dtype is not None:
        check.one_of("EyeLike.dtype", dtype, DTYPES)
    kind = x.dtype if dtype is None else DTYPES[dtype]
    rows, columns = x.shape
    return np.asarray(np.eye(rows, columns, k), kind)


def reverse_sequence(
    x: np.ndarray, sequence_lens: np.ndarray, *, batch_axis: int = 1, time_axis: int = 0
) -> np.ndarray:  # fmt: skip
    """The first sequence_lens[b] elements along the time axis of each b in reverse order."""
    check.one_of("ReverseSequence: axes", (batch_axis, time_axis), ((0, 1), (1, 0)))
    y = np.moveaxis(x.copy(), batch_axis, 0)
    for row, length in zip(y, sequence_lens, strict=True):
        row[:length] = row[:length][::-1].copy()
    return np.moveaxis(y, 0, batch_axis)


OPERATORS: dict[str, Callable[..., Any]] = {
    "GatherND": gather_nd, "ScatterND": scatter_nd, "ScatterElements": scatter_elements, "TopK": top_k,
    "CumSum": running(np.cumsum, 0), "CumProd": running(np.cumprod, 1), "EyeLike": eye_like,
    "ReverseSequence": reverse_sequence,
}  # fmt: skip
