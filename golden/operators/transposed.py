"""Transposed convolution: each element of the input adds the kernel, times itself, to the output."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from golden import check
from golden.operators.window import AUTO_PAD

Sizes = Sequence[int] | None


def conv_transpose(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray | None = None, *, auto_pad: str = "NOTSET",
    dilations: Sizes = None, group: int = 1, kernel_shape: Sizes = None, output_padding: Sizes = None,
    output_shape: Sizes = None, pads: Sizes = None, strides: Sizes = None,
) -> np.ndarray:  # fmt: skip
    """x [N, C, *spatial], weights [C, O/group, *kernel], bias [O] -> [N, O, *out]. Padding is cut away."""
    check.one_of("ConvTranspose.auto_pad", auto_pad, AUTO_PAD)
    axes = x.ndim - 2
    kernel, ones = weights.shape[2:], (1,) * axes
    strides, dilations = tuple(strides or ones), tuple(dilations or ones)
    extra = tuple(output_padding or (0,) * axes)
    whole = [
        s * (n - 1) + (k - 1) * d + 1 + e
        for n, k, s, d, e in zip(x.shape[2:], kernel, strides, dilations, extra, strict=True)
    ]
    if auto_pad.startswith("SAME") and output_shape is None:
        output_shape = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    if output_shape is not None:
        cuts = [split_padding(n - o, auto_pad) for n, o in zip(whole, output_shape[-axes:], strict=True)]
    else:
        given = tuple(pads) if pads and auto_pad == "NOTSET" else (0,) * 2 * axes
        cuts = list(zip(given[:axes], given[axes:], strict=True))
    y = np.zeros((len(x), group, weights.shape[1], *whole), np.result_type(x, weights))
    grouped = x.reshape(len(x), group, -1, *x.shape[2:])
    w = weights.reshape(group, -1, *weights.shape[1:])
    for place in product(*map(range, kernel)):
        index: tuple[Any, ...] = (slice(None), slice(None), slice(None), *place)
        part = np.einsum("ngc...,gco->ngo...", grouped, w[index])
        at = tuple(
            slice(p * d, p * d + s * (n - 1) + 1, s)
            for p, d, s, n in zip(place, dilations, strides, x.shape[2:], strict=True)
        )
        y[(slice(None), slice(None), slice(None), *at)] += part
    y = cropped(y.reshape(len(x), -1, *whole), cuts)
    return y if bias is None else y + bias.reshape(-1, *ones)


def split_padding(total: int, auto_pad: str) -> tuple[int, int]:
    """(before, after): the odd element goes behind for SAME_UPPER, else before."""
    half = total // 2
    return (half, total - half) if auto_pad == "SAME_UPPER" else (total - half, half)


def cropped(y: np.ndarray, cuts: Sequence[tuple[int, int]]) -> np.ndarray:
    """y [N, O, *whole] without so many elements before and behind; negative ones add zeros."""
    grow = [(max(-a, 0), max(-b, 0)) for a, b in cuts]
    y = np.pad(y, [(0, 0), (0, 0), *grow])
    kept = tuple(slice(max(a, 0), n - max(b, 0)) for n, (a, b) in zip(y.shape[2:], cuts, strict=True))
    return np.asarray(y[(slice(None), slice(None), *kept)])


def col2im(
    x: np.ndarray, image_shape: np.ndarray, block_shape: np.ndarray, *, dilations: Sizes = None,
    pads: Sizes = None, strides: Sizes = None,
) -> np.ndarray:  # fmt: skip
    """x [N, C * block, stops] -> [N, C, *image]: the blocks put back, overlapping elements added."""
    image, block = (tuple(int(v) for v in shape) for shape in (image_shape, block_shape))
    ones = (1,) * len(image)
    strides, dilations = tuple(strides or ones), tuple(dilations or ones)
    given = tuple(pads or (0,) * 2 * len(image))
    cuts = list(zip(given[: len(image)], given[len(image) :], strict=True))
    whole = [n + a + b for n, (a, b) in zip(image, cuts, strict=True)]
    windows = zip(whole, block, dilations, strides, strict=True)
    stops = [(n - (k - 1) * d - 1) // s + 1 for n, k, d, s in windows]
    parts = x.reshape(len(x), -1, *block, *stops)
    y = np.zeros((len(x), parts.shape[1], *whole), x.dtype)
    for place in product(*map(range, block)):
        at = tuple(
            slice(p * d, p * d + s * (n - 1) + 1, s)
            for p, d, s, n in zip(place, dilations, strides, stops, strict=True)
        )
        index: tuple[Any, ...] = (slice(None), slice(None), *place)
        y[(slice(None), slice(None), *at)] += parts[index]
    return cropped(y, cuts)


OPERATORS: dict[str, Callable[..., Any]] = {"ConvTranspose": conv_transpose, "Col2Im": col2im}
