"""Calibration: ranges of tensors, observed on samples, and the scales that follow.

Each observed tensor leaves its extremes and a histogram. The range to quantise is then

    max          from the least to the greatest observed value
    percentile   the same, shrunk until 0.01 % of the values lie outside
    mse          the same, shrunk to where the mean squared error of quantisation is least
"""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, Protocol

import numpy as np

from golden import check
from golden.formats import Int, Scale
from golden.formats.rounding import finite
from mapping.network import Network
from mapping.run.floating import run_float

METHODS = ("max", "mse", "percentile")
HALF = 2048  # bins on either side of 0
SHRINKS = 2.0 ** (-np.arange(32) / 8)  # of the range: 1 down to 1/15
OUTSIDE = 1e-4


class Observer:
    """The observations of a tensor: extremes, a histogram of 2 * HALF bins over [-reach, reach], and the
    type."""

    def __init__(self) -> None:
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.low, self.high, self.reach = 0.0, 0.0, 0.0
        self.least, self.most = np.inf, -np.inf  # without the 0 that low and high are never beyond
        self.counts = np.zeros(2 * HALF, np.int64)

    def see(self, values: np.ndarray) -> None:
        """Observe finite values; the reach doubles until it holds them, and bins merge in pairs."""
        self.dtype = values.dtype
        values = values.astype(np.float32) if values.dtype == np.float16 else values
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.least, self.most = min(self.least, low), max(self.most, high)
        largest = max(-low, high)
        if largest > self.reach:
            self._stretch(2.0 ** np.ceil(np.log2(largest)))
        if not self.reach:
            self.counts[HALF] += values.size
            return
        bins = np.floor(values.ravel() * (HALF / self.reach)).astype(np.int64) + HALF
        self.counts += np.bincount(np.minimum(bins, 2 * HALF - 1), minlength=2 * HALF)

    def _stretch(self, reach: float) -> None:
        while self.reach and self.reach < reach:
            self.counts = np.pad(self.counts.reshape(-1, 2).sum(axis=1), HALF // 2)
            self.reach *= 2
        self.reach = reach

    @property
    def span(self) -> tuple[float, float]:
        """The least and the greatest observed value; 0, 0 if there was none."""
        return (self.least, self.most) if self.least <= self.most else (0.0, 0.0)

    @property
    def centres(self) -> np.ndarray:
        return (np.arange(2 * HALF) - HALF + 0.5) * (self.reach / HALF)

    def saw(self, values: np.ndarray) -> np.ndarray:
        """Whether each value falls into a bin of the histogram that is not empty: bool of values' shape."""
        bins = np.floor(values * (HALF / (self.reach or 1.0))).astype(np.int64) + HALF
        return np.asarray(self.counts[np.clip(bins, 0, 2 * HALF - 1)] > 0)

    def scale(self, fmt: Int, method: str, *, symmetric: bool) -> Scale:
        """The tensor's scale by a calibration method."""
        scales = (self.shrunk(by, fmt, symmetric) for by in SHRINKS)
        if method == "mse":
            return min(scales, key=self._error)
        if method == "percentile":
            return [next(scales), *takewhile(self._holds_most, scales)][-1]
        return next(scales)

    def shrunk(self, by: float, fmt: Int, symmetric: bool) -> Scale:
        return Scale.from_range(self.low * by, self.high * by, fmt, symmetric=symmetric)

    def _holds_most(self, scale: Scale) -> bool:
        """Whether at most the share OUTSIDE of the values lies outside the range of the scale's codes."""
        least, most = scale.dequantise([scale.format.min, scale.format.max])
        beyond = (self.centres < least) | (self.centres > most)
        return bool(self.counts[beyond].sum() <= OUTSIDE * self.counts.sum())

    def _error(self, scale: Scale) -> float:
        """Sum of squared errors of quantisation by `scale`."""
        used = np.flatnonzero(self.counts)
        real = self.centres[used]
        return float(self.counts[used] @ (scale.dequantise(scale.quantise(real)) - real) ** 2)


class Seer(Protocol):
    def see(self, values: np.ndarray) -> None: ...


def observe(
    network: Network, samples: Iterable[Mapping[str, np.ndarray]], seers: Iterable[tuple[str, Seer]]
) -> None:
    """Show each observer its tensor, as the float network computes it from each of `samples`.

    raises  BadValue if there is no sample, or a tensor is not finite (naming it)
    """
    seers, samples = list(seers), list(samples)
    if not samples:
        raise check.fail(f"{network.name}: calibration samples", "none", "one or more")
    for sample in samples:
        values = {**sample, **run_float(network, sample, all_tensors=True)}
        for tensor, seer in seers:
            seer.see(finite_tensor(tensor, values[tensor]))


def finite_tensor(tensor: str, values: np.ndarray) -> np.ndarray:
    """`values`, or BadValue naming the tensor and its first NaN or infinity."""
    finite(f"tensor {tensor}", values)
    return values
