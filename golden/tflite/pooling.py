"""Pools and means of codes."""

from collections.abc import Sequence

import numpy as np

from golden import check
from golden.tflite.fixed_point import Rounding, half_away, multiply, quantise_multiplier
from golden.tflite.products import patches
from golden.tflite.quantisation import Quantisation

VECTOR = 16  # channels that the kernel of an image's mean takes at once


def average_pool_2d(
    x: np.ndarray, q: Quantisation, *, kernel: Sequence[int], strides: Sequence[int], padding: str,
    activation: str = "NONE",
) -> np.ndarray:
    """Mean of the codes under the window, never of padding; ties away from zero. q: of x and of the
    result."""
    seen = patches(x, 0, kernel, strides, (1, 1), padding).sum((4, 5)).astype(np.int64)
    ones = np.ones((1, *x.shape[1:3], 1))
    count = patches(ones, 0, kernel, strides, (1, 1), padding).sum((4, 5)).astype(np.int64)
    rounded = (np.abs(seen) + count // 2) // count
    return q.codes(np.sign(seen) * rounded, activation)


def max_pool_2d(
    x: np.ndarray, q: Quantisation, *, kernel: Sequence[int], strides: Sequence[int], padding: str,
    activation: str = "NONE",
) -> np.ndarray:
    """Greatest code under the window, never padding. q: of x and of the result."""
    seen = patches(x, q.low, kernel, strides, (1, 1), padding)  # so that padding, 0, is the least code
    return q.codes(seen.max((4, 5)).astype(np.int64) + q.low, activation)


def mean(
    x: np.ndarray, q: tuple[Quantisation, ...], *, axes: Sequence[int], keep: bool = False,
    rounding: Rounding = "double",
) -> np.ndarray:
    """Mean over `axes`: the multiplier scale_x / scale_y is divided by the count, in integers.

    q   of x and result
    """
    for axis in axes:
        check.in_range("axis", axis, -x.ndim, x.ndim - 1)
    over = tuple(sorted({axis % x.ndim for axis in axes}))
    count = int(np.prod([x.shape[axis] for axis in over], dtype=np.int64))
    check.in_range("elements of a mean", count, 1, 1 << 30)
    total = (x.astype(np.int64) - q[0].zero).sum(over, keepdims=keep)
    significand, shift = quantise_multiplier(np.float64(q[0].one_scale) / np.float64(q[1].one_scale))
    extra = min(count.bit_length() - 1, 32, 31 + int(shift))
    significand = (significand << extra) // count
    return q[1].codes(multiply(total, significand, shift - extra, rounding) + q[1].zero)


def mean_of_image(x: np.ndarray, q: tuple[Quantisation, ...], *, rounding: Rounding = "upward") -> np.ndarray:
    """Mean over height and width, x [N, H, W, C] -> [N, 1, 1, C], as the kernel for that case computes it.

    The multiplier includes the division by the count, and the zero points become an integer bias. q: of x and
    result. "upward" rounds whole vectors of channels; the remaining channels are rounded "double".
    """
    count = np.float32(x.shape[1] * x.shape[2])
    check.in_range("elements of a mean", int(count), 1, 1 << 22)
    bias = q[1].zero - int(half_away(np.float32(q[0].zero) * q[0].one_scale / q[1].one_scale))
    real = np.float64(q[0].one_scale / (count * q[1].one_scale))
    total = x.astype(np.int64).sum((1, 2), keepdims=True)
    scaled = multiply(total, *quantise_multiplier(real), rounding)
    rest = total.shape[3] % VECTOR
    if rounding == "upward" and rest:
        scaled[..., -rest:] = multiply(total[..., -rest:], *quantise_multiplier(real), "double")
    return q[1].codes(scaled + bias)
