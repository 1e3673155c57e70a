"""Operators between reals and the codes that a file states, and products of codes.

    QuantizeLinear     y = saturate(round(x / scale) + zero)        ties to even
    DequantizeLinear   y = (x - zero) scale

A scale is one for the tensor, one for each place along `axis`, or one for each `block_size` of them.
Source: ONNX, QuantizeLinear, DequantizeLinear, MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from golden import check
from golden.operators.convolution import conv
from golden.operators.shape import DTYPES

Sizes = Sequence[int] | None
CODES = {n: t for n, t in DTYPES.items() if np.dtype(t).kind in "iu" and np.dtype(t).itemsize <= 2}
REALS = {n: t for n, t in DTYPES.items() if np.dtype(t).kind == "f"}


def along(values: np.ndarray, x: np.ndarray, axis: int, block: int) -> np.ndarray:
    """Scales or zero points, as they broadcast with x."""
    if values.size == 1:
        return values.reshape(())
    check.in_range("axis of scales", axis, -x.ndim, x.ndim - 1)
    if block:
        wide = np.repeat(values, block, axis)
        return wide[tuple(slice(0, n) for n in x.shape)]
    return values.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])


def quantize_linear(
    x: np.ndarray, scale: np.ndarray, zero: np.ndarray | None = None, *, axis: int = 1, block_size: int = 0,
    output_dtype: int = 0, precision: int = 0, saturate: int = 1,
) -> np.ndarray:  # fmt: skip
    """Codes of the zero point's type, else of output_dtype, else uint8. saturate: of float8 alone."""
    if precision:
        check.one_of("QuantizeLinear.precision", precision, REALS)
    if zero is None:
        check.one_of("QuantizeLinear.output_dtype", output_dtype or 2, CODES)
    dtype = np.dtype(CODES[output_dtype or 2]) if zero is None else zero.dtype
    kind = REALS[precision] if precision else scale.dtype if x.dtype.kind == "i" else x.dtype
    wide = np.float32 if np.dtype(kind) == np.float16 else kind
    ratio = (x.astype(wide) / along(scale, x, axis, block_size).astype(wide)).astype(kind)
    offset = 0 if zero is None else along(zero, x, axis, block_size).astype(np.int64)
    codes = np.rint(ratio.astype(np.float64)) + offset
    return np.asarray(np.clip(codes, np.iinfo(dtype).min, np.iinfo(dtype).max), dtype)


def dequantize_linear(
    x: np.ndarray, scale: np.ndarray, zero: np.ndarray | None = None, *, axis: int = 1, block_size: int = 0,
    output_dtype: int = 0,
) -> np.ndarray:  # fmt: skip
    """Reals of the scale's type, or of output_dtype."""
    if output_dtype:
        check.one_of("DequantizeLinear.output_dtype", output_dtype, REALS)
    offset = 0 if zero is None else along(zero, x, axis, block_size).astype(np.int64)
    real = (x.astype(np.int64) - offset) * along(scale, x, axis, block_size).astype(np.float64)
    return real.astype(REALS[output_dtype] if output_dtype else scale.dtype)


def less_zero(x: np.ndarray, zero: np.ndarray | None, axis: int) -> np.ndarray:
    """x - zero, int64. zero: one number, or one for each place along `axis`, or an array with x's number of
    axes."""
    if zero is None:
        return x.astype(np.int64)
    offset = zero.astype(np.int64)
    return x.astype(np.int64) - (along(offset, x, axis, 0) if offset.ndim < 2 else offset)


def matmul_integer(
    a: np.ndarray, b: np.ndarray, a_zero: np.ndarray | None = None, b_zero: np.ndarray | None = None
) -> np.ndarray:
    """Sums of codes less their zero points (of a's rows, of b's columns), int32 as it wraps."""
    return np.asarray(np.matmul(less_zero(a, a_zero, -2), less_zero(b, b_zero, -1)), np.int32)


def conv_integer(
    x: np.ndarray, w: np.ndarray, x_zero: np.ndarray | None = None, w_zero: np.ndarray | None = None, *,
    auto_pad: str = "NOTSET", dilations: Sizes = None, group: int = 1, kernel_shape: Sizes = None,
    pads: Sizes = None, strides: Sizes = None,
) -> np.ndarray:  # fmt: skip
    """Sums of codes less their zero points (one of x, one for each filter of w), int32."""
    centred = (less_zero(x, x_zero, 1), less_zero(w, w_zero, 0))
    sums = conv(
        *centred, auto_pad=auto_pad, dilations=dilations, group=group, pads=pads, strides=strides,
        kernel_shape=kernel_shape,
    )  # fmt: skip
    return sums.astype(np.int32)


def q_linear_matmul(
    a: np.ndarray, a_scale: np.ndarray, a_zero: np.ndarray, b: np.ndarray, b_scale: np.ndarray,
    b_zero: np.ndarray, y_scale: np.ndarray, y_zero: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Codes of the product of the reals that both factors' codes stand for."""
    scales = [s.astype(np.float64) if s.ndim != 1 or s.size == 1 else s.astype(np.float64)[..., None]
              for s in (a_scale,)] + [b_scale.astype(np.float64)]  # fmt: skip
    sums = np.matmul(less_zero(a, a_zero, -2), less_zero(b, b_zero, -1))
    return requantised(sums * scales[0] * scales[1], y_scale, y_zero)


def q_linear_conv(
    x: np.ndarray, x_scale: np.ndarray, x_zero: np.ndarray, w: np.ndarray, w_scale: np.ndarray,
    w_zero: np.ndarray, y_scale: np.ndarray, y_zero: np.ndarray, bias: np.ndarray | None = None, *,
    auto_pad: str = "NOTSET", dilations: Sizes = None, group: int = 1, kernel_shape: Sizes = None,
    pads: Sizes = None, strides: Sizes = None,
) -> np.ndarray:  # fmt: skip
    """Codes of the convolution of the reals that the codes stand for; a bias is in units of both scales'
    product."""
    sums = conv(
        less_zero(x, x_zero, 1), less_zero(w, w_zero, 0), None if bias is None else bias.astype(np.int64),
        auto_pad=auto_pad, dilations=dilations, group=group, kernel_shape=kernel_shape, pads=pads,
        strides=strides,
    )  # fmt: skip
    factor = x_scale.astype(np.float64) * w_scale.astype(np.float64).ravel()
    return requantised(sums * along(factor, sums, 1, 0), y_scale, y_zero)


def requantised(real: np.ndarray, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Codes of one scale, in the zero point's type."""
    codes = np.rint(real / scale.astype(np.float64)) + zero.astype(np.int64)
    limits = np.iinfo(zero.dtype)
    return np.asarray(np.clip(codes, limits.min, limits.max), zero.dtype)


OPERATORS: dict[str, Callable[..., Any]] = {
    "QuantizeLinear": quantize_linear, "DequantizeLinear": dequantize_linear,
    "MatMulInteger": matmul_integer, "ConvInteger": conv_integer, "QLinearMatMul": q_linear_matmul,
    "QLinearConv": q_linear_conv,
}  # fmt: skip
