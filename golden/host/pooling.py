"""Pools: maximum and mean over a sliding window or over all of space."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from golden import check
from golden.host.window import Window

Sizes = Sequence[int] | None


def kernel_axes(view: np.ndarray) -> tuple[int, ...]:
    """The last half of the axes behind N and C: those of Window.view that a pool reduces."""
    return tuple(range(2 + (view.ndim - 2) // 2, view.ndim))


def max_pool(
    x: np.ndarray, *, kernel_shape: Sequence[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    dilations: Sizes = None, pads: Sizes = None, strides: Sizes = None, storage_order: int = 0,
) -> np.ndarray:
    """The greatest element under the window, never padding. storage_order: of indices, not given."""
    window = Window.resolve(x.shape[2:], kernel_shape, strides, pads, dilations, auto_pad)
    window = window.ceiled(x.shape[2:]) if ceil_mode else window
    least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    view = window.view(x, least)
    return np.asarray(view.max(kernel_axes(view)))


def average_pool(
    x: np.ndarray, *, kernel_shape: Sequence[int], auto_pad: str = "NOTSET", ceil_mode: int = 0,
    count_include_pad: int = 0, dilations: Sizes = None, pads: Sizes = None, strides: Sizes = None,
) -> np.ndarray:
    """The mean under the window, over real elements or, with count_include_pad, over stated padding too.

    Padding that ceil_mode adds counts in neither case.
    """
    given = Window.resolve(x.shape[2:], kernel_shape, strides, pads, dilations, auto_pad)
    window = given.ceiled(x.shape[2:]) if ceil_mode else given
    counted = np.ones((1, 1, *x.shape[2:]), x.dtype)
    if count_include_pad:
        extra = tuple((0, w[1] - g[1]) for w, g in zip(window.pads, given.pads, strict=True))
        counted = np.pad(counted, ((0, 0), (0, 0), *given.pads), constant_values=1)
        counts = Window(window.kernel, window.strides, window.dilations, extra).view(counted)
    else:
        counts = window.view(counted)
    view = window.view(x)
    axes = kernel_axes(view)
    return np.asarray(view.sum(axes) / counts.sum(axes))


def over_space(f: Callable[..., Any]) -> Callable[[np.ndarray], np.ndarray]:
    """f over every axis behind N and C, which stay."""

    def pooled(x: np.ndarray) -> np.ndarray:
        check.in_range("axes of a global pool's input", x.ndim, 3, 8)
        return np.asarray(f(x, axis=tuple(range(2, x.ndim)), keepdims=True))

    return pooled


OPERATORS: dict[str, Callable[..., Any]] = {
    "MaxPool": max_pool, "AveragePool": average_pool, "GlobalMaxPool": over_space(np.max),
    "GlobalAveragePool": over_space(np.mean),
}  # fmt: skip
