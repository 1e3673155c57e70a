"""Convolution as a matrix product (im2col), over any number of spatial axes and of any number type.

    Y[g, p, o] = sum over k of patches[g, p, k] weights[g, o, k]
    p = (sample, *stop), k = (channel, *kernel), both in C order
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from golden.operators.window import OperatorWindow


def im2col(x: np.ndarray, window: OperatorWindow, *, groups: int = 1, padding: float = 0) -> np.ndarray:
    """One row for each stop of the window.

    x        [N, C, *spatial], any type
    padding  value of the elements outside x: 0, or the zero point of x's codes
    returns  [groups, N * stops, C/groups * kernel], x's type; k as in weights.reshape(groups, O/groups, -1)
    """
    n, channels, axes = x.shape[0], x.shape[1], len(window.kernel)
    view = window.view(x, padding)
    grouped = view.reshape(n, groups, channels // groups, *view.shape[2:])
    order = (1, 0, *range(3, 3 + axes), 2, *range(3 + axes, 3 + 2 * axes))
    rows = n * prod(window.out(x.shape[2:]))
    return grouped.transpose(order).reshape(groups, rows, channels // groups * prod(window.kernel))


def col2im(y: np.ndarray, samples: int, out: Sequence[int]) -> np.ndarray:
    """The product [groups, N * stops, O/groups], any type, as the convolution's output [N, O, *out]."""
    apart = y.reshape(len(y), samples, prod(out), y.shape[-1])
    return apart.transpose(1, 0, 3, 2).reshape(samples, -1, *out)


def conv_window(
    x_shape: Sequence[int], weights_shape: Sequence[int], *, auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None, group: int = 1, kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None, strides: Sequence[int] | None = None,
) -> OperatorWindow:
    """The window of an ONNX Conv with these attributes. The kernel's size is the weights' own."""
    return OperatorWindow.resolve(x_shape[2:], tuple(weights_shape[2:]), strides, pads, dilations, auto_pad)


def conv(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray | None = None, *, auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None, group: int = 1, kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None, strides: Sequence[int] | None = None,
) -> np.ndarray:
    """x [N, C, *spatial], weights [O, C/group, *kernel], bias [O] -> [N, O, *out]."""
    window = OperatorWindow.resolve(x.shape[2:], weights.shape[2:], strides, pads, dilations, auto_pad)
    out = window.out(x.shape[2:])
    per_group = weights.reshape(group, len(weights) // group, -1).swapaxes(1, 2)
    y = col2im(np.matmul(im2col(x, window, groups=group), per_group), len(x), out)
    return y if bias is None else y + bias.reshape(-1, *(1,) * len(out))


OPERATORS: dict[str, Callable[..., Any]] = {"Conv": conv}
