"""Operators that normalise over an axis or by stored statistics.

Source: ONNX; LayerNormalization: Ba et al., 2016; RMSNormalization: Zhang and Sennrich, 2019;
BatchNormalization: Ioffe and Szegedy, 2015.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from golden import check


def softmax(x: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """exp(x) over its sum along the axis, from the maximum down so that nothing overflows."""
    e = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(e / e.sum(axis, keepdims=True))


def log_softmax(x: np.ndarray, *, axis: int = -1) -> np.ndarray:
    low = x - x.max(axis, keepdims=True)
    return np.asarray(low - np.log(np.exp(low).sum(axis, keepdims=True)))


def hardmax(x: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """1 at the first greatest element along the axis, 0 elsewhere."""
    places = np.expand_dims(x.argmax(axis), axis)
    y = np.zeros_like(x)
    np.put_along_axis(y, places, 1, axis)
    return y


def layer_normalisation(
    x: np.ndarray, scale: np.ndarray, bias: np.ndarray | None = None, *, axis: int = -1,
    epsilon: float = 1e-5, stash_type: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x - mean) / sqrt(variance + epsilon) over the axes from `axis` on, scaled, biased.

    returns     the result, the means, and 1 / the standard deviations
    stash_type  the type of mean and variance in ONNX's numbering; only float32 is supported
    """
    check.one_of("LayerNormalization.stash_type", stash_type, [1])
    axes = tuple(range(axis % x.ndim, x.ndim))
    wide = x.astype(np.float32)
    mean = wide.mean(axes, keepdims=True)
    centred = wide - mean
    variance = np.mean(centred * centred, axes, keepdims=True)
    deviation = np.sqrt(variance + np.float32(epsilon))
    scaled = np.asarray((centred / deviation).astype(x.dtype) * scale)
    y = scaled if bias is None else scaled + bias
    return y.astype(x.dtype), mean, np.asarray(1 / deviation)


def rms_normalisation(
    x: np.ndarray, scale: np.ndarray, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> np.ndarray:
    """x / sqrt(mean of x^2 + epsilon), the mean over the axes from `axis` on; times the scale, whose type it
    gets.

    stash_type  the type of the division in ONNX's numbering; only float32 is supported
    """
    check.one_of("RMSNormalization.stash_type", stash_type, [1])
    check.in_range("RMSNormalization.axis", axis, -x.ndim, x.ndim - 1)
    wide = x.astype(np.float32)
    square = np.mean(wide * wide, tuple(range(axis % x.ndim, x.ndim)), keepdims=True)
    normal = (wide / np.sqrt(square + np.float32(epsilon))).astype(x.dtype)
    return np.asarray(normal * scale).astype(scale.dtype)


def batch_normalisation(
    x: np.ndarray, scale: np.ndarray, bias: np.ndarray, mean: np.ndarray, variance: np.ndarray, *,
    epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0,
) -> tuple[np.ndarray, ...]:
    """x [N, C, ...] by the channel's stored statistics; with training_mode by x's own.

    returns  the result, and the statistics to be stored
    """
    running: tuple[np.ndarray, ...] = (mean, variance)
    if training_mode:
        axes = (0, *range(2, x.ndim))
        own = (x.mean(axes), x.var(axes))
        running = tuple(
            (old * np.float32(momentum) + new * np.float32(1 - momentum)).astype(old.dtype)
            for old, new in zip((mean, variance), own, strict=True)
        )
        mean, variance = own
    per_channel = (-1,) + (1,) * (x.ndim - 2)
    factor = scale / np.sqrt(variance + np.float32(epsilon))
    scaled = (x - mean.reshape(per_channel)) * factor.reshape(per_channel)
    return np.asarray(scaled + bias.reshape(per_channel)).astype(x.dtype), *running


def instance_normalisation(
    x: np.ndarray, scale: np.ndarray, bias: np.ndarray, *, epsilon: float = 1e-5
) -> np.ndarray:
    """x [N, C, ...] by the mean and the variance of each sample's channel."""
    axes, per_channel = tuple(range(2, x.ndim)), (-1,) + (1,) * (x.ndim - 2)
    centred = x - x.mean(axes, keepdims=True)
    deviation = np.sqrt(np.mean(centred * centred, axes, keepdims=True) + np.float32(epsilon))
    scaled = centred / deviation * scale.reshape(per_channel)
    return np.asarray(scaled + bias.reshape(per_channel), x.dtype)


def lrn(
    x: np.ndarray, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> np.ndarray:  # fmt: skip
    """x / (bias + alpha / size * the squares of `size` neighbouring channels) ^ beta (Krizhevsky, 2012)."""
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2
    squares = np.pad(x * x, [(0, 0), (before, after), *[(0, 0)] * (x.ndim - 2)])
    total = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    divisor = (np.float32(bias) + np.float32(alpha / size) * total) ** np.float32(beta)
    return np.asarray(x / divisor).astype(x.dtype)


def lp_normalisation(x: np.ndarray, *, axis: int = -1, p: int = 2) -> np.ndarray:
    """x over its p-norm along the axis; 0 where the norm is 0."""
    check.one_of("LpNormalization.p", p, (1, 2))
    norm = np.abs(x).sum(axis, keepdims=True) if p == 1 else np.sqrt((x * x).sum(axis, keepdims=True))
    return np.asarray(np.where(norm == 0, 0, x / norm)).astype(x.dtype)


OPERATORS: dict[str, Callable[..., Any]] = {
    "Softmax": softmax, "LogSoftmax": log_softmax, "LayerNormalization": layer_normalisation,
    "BatchNormalization": batch_normalisation, "Hardmax": hardmax, "LRN": lrn,
    "InstanceNormalization": instance_normalisation, "LpNormalization": lp_normalisation,
    "RMSNormalization": rms_normalisation,
}  # fmt: skip
