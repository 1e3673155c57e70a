"""Constant weights as codes: symmetric, a scale for each output channel."""

from dataclasses import dataclass

import numpy as np

from golden import check
from golden.formats import Int
from golden.pe import counted
from golden.systolic.params import MatrixUnitParams
from mapping.layers import ProductLayer
from mapping.quantise.calibrate import SHRINKS

TRIED = 12  # of the shrinks


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightCodes:
    """codes: int64 [batch, k, n], values of the format. scale: float64 [batch or 1, 1, n]."""

    codes: np.ndarray
    scale: np.ndarray


def check_formats(unit: MatrixUnitParams) -> None:
    """BadValue unless factors can be scaled: weights have both signs, activations more than one value."""
    weight, activation = unit.pe.weight, unit.pe.activation
    least, largest = counted.ends(unit.pe)
    if least >= 0 or largest < 1:
        raise check.fail("pe.weight", weight, "int2 and wider: weights have no zero point")
    if activation.max < 1:
        raise check.fail("pe.activation", activation, "int2, uint1 and wider")


def quantise_weights(
    w: np.ndarray, fmt: Int, *, grouped: bool, method: str, least: np.ndarray | float
) -> WeightCodes:
    """Codes of w, float64 [batch, k, n].

    grouped  whether each product of the batch has its own channels: a convolution's groups
    method   "mse" shrinks each channel's range to where its squared error is least; others keep it
    least    the smallest scale of each channel; a channel of zeros takes its largest neighbour's
    """
    shared = (1,) if grouped else (0, 1)
    largest = np.abs(w).max(axis=shared, keepdims=True)
    usual = largest.max() if largest.max() > 0 else 1.0
    scale = np.where(largest > 0, largest, usual) / fmt.max
    if method == "mse":
        scale = scale * least_error(w, scale, fmt, shared)
    scale = np.maximum(scale, least)
    return WeightCodes(codes=rounded(w, scale, fmt), scale=scale)


def rounded(w: np.ndarray, scale: np.ndarray, fmt: Int) -> np.ndarray:
    """Codes from -max to max, int64."""
    codes: np.ndarray = np.clip(np.rint(w / scale), -fmt.max, fmt.max).astype(np.int64)
    return codes


def least_error(w: np.ndarray, scale: np.ndarray, fmt: Int, shared: tuple[int, ...]) -> np.ndarray:
    """Factors, in scale's shape, that shrink each channel's scale to its least squared error."""
    errors = [
        ((rounded(w, scale * by, fmt) * (scale * by) - w) ** 2).sum(axis=shared, keepdims=True)
        for by in SHRINKS[:TRIED]
    ]
    return np.asarray(SHRINKS[np.argmin(errors, axis=0)])


def real_weights(layer: ProductLayer, given: np.ndarray) -> np.ndarray:
    """Real weights of a product, float64 [batch, k, n], a Gemm's alpha multiplied in."""
    return layer.right(given).astype(np.float64) * float(layer.attributes.get("alpha", 1.0))
