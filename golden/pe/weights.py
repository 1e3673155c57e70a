"""Weights as a PE takes them, and the reals that they stand for: the result of every PE's `quantise`.

A PE's weights are codes; the weights of a group of `group` along K may share a scale, a zero point and a
selector of a datatype. Scales are rounded to fp16 when the codes are made, unless the PE has scales of its
own.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from golden import check
from golden.formats import FP16, Float, Int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeWeights:
    """Weights of a product.

    codes      int64 [K, N] (float64 of a floating format): the operands of the PE
    scales     float64 [groups, N]: values of fp16, or whole numbers where the PE's scale is one
    zeros      int64 [groups, N], or None: in the unit in which the PE's sums count a weight
    selectors  int64 [groups, N], or None
    """

    codes: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray | None = None
    selectors: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantisedWeights:
    """A quantised weight matrix.

    weights  as the PE takes them
    values   float64 [K, N], the reals that they stand for
    channel  float64 [N] or [1], the factor of each channel's final results
    """

    weights: PeWeights
    values: np.ndarray
    channel: np.ndarray = field(default_factory=lambda: np.ones(1))


def scaled(
    p: Any, codes: np.ndarray, counted: np.ndarray, scales: np.ndarray, zeros: np.ndarray | None = None
) -> QuantisedWeights:
    """Quantised weights from their parts.

    codes, zeros  as in PeWeights
    counted       the numbers that the codes stand for in the PE's sums
    scales        not yet rounded to fp16
    raises        BadValue where a scale has no finite fp16
    """
    scales = in_range(FP16.quantise(scales), scales, "scales", FP16)
    values = counted if zeros is None else counted - spread(p, zeros)
    weights = PeWeights(codes=codes, scales=scales, zeros=zeros)
    return QuantisedWeights(weights=weights, values=values * spread(p, scales))


def spread(p: Any, shared: np.ndarray) -> np.ndarray:
    """A parameter that groups share, [groups, N], repeated for each weight: [K, N]."""
    return np.repeat(shared, p.group, 0)


def in_range(values: np.ndarray, given: np.ndarray, where: str, fmt: Float) -> np.ndarray:
    """`values`, rounded from `given`; BadValue where one has become infinite."""
    beyond = np.argwhere(~np.isfinite(values))
    if len(beyond):
        index = [int(i) for i in beyond[0]]
        raise check.fail(f"{where}{index}", float(given[tuple(index)]), f"numbers to {fmt.max:g} ({fmt})")
    return values


def has_zeros(p: Any) -> bool:
    """Whether groups can have a zero point: where weights times activations add up to integers."""
    return isinstance(p.accumulator, Int) and isinstance(p.activation, Int)
