"""Operators that normalise over an axis or by stored statistics.

Source: ONNX; LayerNormalization: Ba et al., 2016; BatchNormalization: Ioffe and Szegedy, 2015.
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


def layer_normalisation(
    x: np.ndarray, scale: np.ndarray, bias: np.ndarray | None = None, *, axis: int = -1,
    epsilon: float = 1e-5, stash_type: int = 1,
) -> np.ndarray:
    """(x - mean) / sqrt(variance + epsilon) over the axes from `axis` on, scaled, biased.

    stash_type  the type of mean and variance in ONNX's numbering; float32 here, and nothing else
    """
    check.one_of("LayerNormalization.stash_type", stash_type, [1])
    axes = tuple(range(axis % x.ndim, x.ndim))
    centred = x - x.mean(axes, keepdims=True)
    variance = np.mean(centred * centred, axes, keepdims=True)
    scaled = np.asarray(centred / np.sqrt(variance + np.float32(epsilon)) * scale)
    return scaled if bias is None else scaled + bias


def batch_normalisation(
    x: np.ndarray, scale: np.ndarray, bias: np.ndarray, mean: np.ndarray, variance: np.ndarray, *,
    epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0,
) -> np.ndarray:
    """x [N, C, ...] by the channel's stored statistics. momentum: of training, not used."""
    check.one_of("BatchNormalization.training_mode", training_mode, [0])
    per_channel = (-1,) + (1,) * (x.ndim - 2)
    factor = scale / np.sqrt(variance + np.float32(epsilon))
    scaled = (x - mean.reshape(per_channel)) * factor.reshape(per_channel)
    return np.asarray(scaled + bias.reshape(per_channel))


OPERATORS: dict[str, Callable[..., Any]] = {
    "Softmax": softmax, "LogSoftmax": log_softmax, "LayerNormalization": layer_normalisation,
    "BatchNormalization": batch_normalisation,
}  # fmt: skip
