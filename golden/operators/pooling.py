"""Pools: maximum and mean over a sliding window or over all of space."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from golden import check
from golden.operators.window import OperatorWindow

Sizes = Sequence[int] | None


def kernel_axes(view: np.ndarray) -> tuple[int, ...]:
    """The axes of OperatorWindow.view that a pool reduces: the last half of the axes behind N and C."""
    return tuple(range(2 + (view.ndim - 2) // 2, view.ndim))


def max_pool(
    x: np.ndarray, *, kernel_shape: Sequence[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    dilations: Sizes = None, pads: Sizes = None, strides: Sizes = None, storage_order: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The greatest element under the window, never padding, and where in x it lies.

    storage_order  places count an image's elements row by row (0) or column by column (1)
    """
    check.one_of("MaxPool.storage_order", storage_order, (0, 1))
    window = OperatorWindow.resolve(x.shape[2:], kernel_shape, strides, pads, dilations, auto_pad)
    window = window.ceiled(x.shape[2:]) if ceil_mode else window
    least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    view = window.view(x, least)
    return np.asarray(view.max(kernel_axes(view))), places(x, window, view, storage_order)


def places(x: np.ndarray, window: OperatorWindow, view: np.ndarray, storage_order: int) -> np.ndarray:
    """The place, among all elements of x, of each stop's first greatest element; int64."""
    spatial = x.shape[2:]
    every = np.arange(int(np.prod(spatial)), dtype=np.int64)
    flat = every.reshape(spatial[::-1]).T if storage_order else every.reshape(spatial)
    images = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * len(spatial))
    numbers = flat + images * flat.size
    known = window.view(np.ones(x.shape, np.int8), 0)
    under = window.view(numbers, -1).reshape(*view.shape[: 2 + len(spatial)], -1)
    best = (view == view.max(kernel_axes(view), keepdims=True)) & (known == 1)
    first = best.reshape(under.shape).argmax(-1)
    return np.take_along_axis(under, first[..., None], -1)[..., 0]


def lp_pool(
    x: np.ndarray, *, kernel_shape: Sequence[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    dilations: Sizes = None, p: int = 2, pads: Sizes = None, strides: Sizes = None,
) -> np.ndarray:
    """The p-norm of the elements under the window."""
    window = OperatorWindow.resolve(x.shape[2:], kernel_shape, strides, pads, dilations, auto_pad)
    window = window.ceiled(x.shape[2:]) if ceil_mode else window
    view = window.view(np.abs(x) ** p)
    return np.asarray(view.sum(kernel_axes(view)) ** np.float64(1 / p)).astype(x.dtype)


def global_lp_pool(x: np.ndarray, *, p: int = 2) -> np.ndarray:
    axes = tuple(range(2, x.ndim))
    return np.asarray((np.abs(x) ** p).sum(axes, keepdims=True) ** np.float64(1 / p)).astype(x.dtype)


def max_unpool(
    x: np.ndarray, indices: np.ndarray, output_shape: np.ndarray | None = None, *,
    kernel_shape: Sequence[int], pads: Sizes = None, strides: Sizes = None,
) -> np.ndarray:
    """x put back where MaxPool found it (its places count a plain pool's input), 0 elsewhere."""
    axes = len(kernel_shape)
    steps, given = tuple(strides or (1,) * axes), tuple(pads or (0,) * 2 * axes)
    plain = [
        (n - 1) * s - given[i] - given[axes + i] + k
        for i, (n, s, k) in enumerate(zip(x.shape[2:], steps, kernel_shape, strict=True))
    ]
    shape = (*x.shape[:2], *plain)
    y = np.zeros(int(np.prod(shape)), x.dtype)
    y[check.array("MaxUnpool.indices", indices, 0, y.size - 1).ravel()] = x.ravel()
    if output_shape is None:
        return y.reshape(shape)
    wanted = tuple(int(n) for n in output_shape)
    wide = np.zeros(wanted, x.dtype)
    wide[tuple(slice(0, n) for n in shape)] = y.reshape(shape)
    return wide


def windows_of(
    spatial: Sequence[int], *, kernel_shape: Sequence[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    dilations: Sizes = None, pads: Sizes = None, strides: Sizes = None, **others: object,
) -> tuple[OperatorWindow, OperatorWindow]:
    """A pool's window over [*spatial] as stated, and as ceil_mode widens it. others: attributes beside it."""
    stated = OperatorWindow.resolve(tuple(spatial), kernel_shape, strides, pads, dilations, auto_pad)
    return stated, stated.ceiled(tuple(spatial)) if ceil_mode else stated


def elements_under(
    spatial: Sequence[int], stated: OperatorWindow, window: OperatorWindow, *, padding: object
) -> np.ndarray:
    """How many elements each stop's mean is taken over, int64 [1, 1, *stops]: real ones and, with `padding`,
    the stated padding. Padding that ceil_mode adds counts in neither case."""
    there = np.ones((1, 1, *spatial), np.int64)
    if padding:
        extra = tuple((0, w[1] - g[1]) for w, g in zip(window.pads, stated.pads, strict=True))
        there = np.pad(there, ((0, 0), (0, 0), *stated.pads), constant_values=1)
        window = OperatorWindow(window.kernel, window.strides, window.dilations, extra)
    view = window.view(there)
    return np.asarray(view.sum(kernel_axes(view)))


def average_pool(
    x: np.ndarray, *, kernel_shape: Sequence[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    count_include_pad: int = 0, dilations: Sizes = None, pads: Sizes = None, strides: Sizes = None,
) -> np.ndarray:
    """The mean under the window, over real elements or, with count_include_pad, over stated padding too."""
    spatial = x.shape[2:]
    stated, window = windows_of(
        spatial, kernel_shape=kernel_shape, auto_pad=auto_pad, ceil_mode=ceil_mode, dilations=dilations,
        pads=pads, strides=strides,
    )  # fmt: skip
    counts = elements_under(spatial, stated, window, padding=count_include_pad).astype(x.dtype)
    view = window.view(x)
    return np.asarray(view.sum(kernel_axes(view)) / counts)


def over_space(f: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    """f over every axis behind N and C, which stay."""

    def pooled(x: np.ndarray) -> np.ndarray:
        check.in_range("axes of a global pool's input", x.ndim, 3, 8)
        return np.asarray(f(x, axis=tuple(range(2, x.ndim)), keepdims=True))

    return pooled


OPERATORS: dict[str, Callable[..., Any]] = {
    "MaxPool": max_pool, "AveragePool": average_pool, "GlobalMaxPool": over_space(np.max),
    "GlobalAveragePool": over_space(np.mean), "LpPool": lp_pool, "GlobalLpPool": global_lp_pool,
    "MaxUnpool": max_unpool,
}  # fmt: skip
