"""`quantise` and `activations` of a PE whose operands are numbers of their formats.

    weight                  codes of a group of `group` along K                              scales
    int2 to int8            round to nearest, symmetric                                      fp16
    uint1 to uint8          round to nearest about a zero point                              fp16
    fp16, bf16              rounded                                                          1
    fp8_e4m3, fp8_e5m2      rounded, the group's largest made the format's largest           fp16

    activation              values                                                           scale
    int2 to int16           round to nearest, symmetric in each row                          of the row
    fp16, bf16              rounded                                                          1
    fp8                     rounded, the row's largest made the format's largest             of the row

Round to nearest: golden.formats.grouped.
"""

from typing import Any

import numpy as np

from golden import check
from golden.formats import FP16, Float, Int, grouped
from golden.pe.weights import QuantisedWeights, has_zeros, in_range, scaled, spread


def quantise(p: Any, weights: np.ndarray) -> QuantisedWeights:
    """Weights float64 [K, N] as codes of p.weight, K a multiple of the group.

    raises  BadValue: a format that is none of these, or that cannot hold them
    """
    fmt = p.weight
    if isinstance(fmt, Float):
        return floating(p, weights)
    if not isinstance(fmt, Int) or fmt.width > 8 or (fmt.signed and fmt.width < 2):
        raise check.fail("pe.weight", fmt, "int2 to int8, uint1 to uint8, fp16, bf16, fp8_e4m3, fp8_e5m2")
    if not fmt.signed and not has_zeros(p):
        raise check.fail("pe.weight", fmt, f"signed formats: sums of {p.accumulator} have no zero point")
    found = grouped.nearest(weights, fmt.width, p.group, symmetric=fmt.signed)
    return scaled(p, found.codes, found.codes, found.scale, found.zero)


def floating(p: Any, weights: np.ndarray) -> QuantisedWeights:
    """Floating weights; those of 8 bits in groups with a scale."""
    fmt = p.weight
    scale = np.ones((len(weights) // p.group, weights.shape[1]))
    if fmt.width <= 8:
        scale = FP16.quantise(grouped.kept(np.abs(grouped.in_groups(weights, p.group)).max(1) / fmt.max))
        weights = np.clip(weights / spread(p, scale), fmt.min, fmt.max)
    codes = in_range(fmt.quantise(weights), weights, "weights", fmt)
    return scaled(p, codes, codes, scale)


def activations(p: Any, x: np.ndarray, groups: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Values [M, K] of p.activation and their scale, float64 [M, 1], of activations float64 [M, K].

    raises  BadValue: a format that is none of these, or that cannot hold them
    """
    fmt = p.activation
    if isinstance(fmt, Float) and fmt.width > 8:
        return in_range(fmt.quantise(x), x, "activations", fmt), np.ones((len(x), 1))
    if not isinstance(fmt, Float) and not (fmt.signed and 2 <= fmt.width <= 16):
        raise check.fail("pe.activation", fmt, "int2 to int16 and floating formats: they have both signs")
    largest = np.abs(x).max(1, keepdims=True)
    scale = np.where(largest > 0, largest, 1.0) / fmt.max
    if isinstance(fmt, Float):
        return fmt.quantise(np.clip(x / scale, fmt.min, fmt.max)), scale
    return np.clip(np.rint(x / scale), -fmt.max, fmt.max).astype(np.int64), scale
