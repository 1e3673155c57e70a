"""Ranges of tensors, observed on samples, and the scales that follow.

Each observed tensor leaves its extremes and a histogram. The range to quantise is then

    max          from the least to the largest value seen
    percentile   that, shrunk until 0.01 % of the values lie outside
    mse          that, shrunk to where the mean squared error of quantisation is least
"""

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from golden import check
from golden.formats import Int, Scale
from mapping.float_run import run_float
from mapping.network import Network

METHODS = ("mse", "max", "percentile")
HALF = 2048  # bins on either side of 0
SHRINKS = 2.0 ** (-np.arange(64) / 16)  # of the range: 1 down to 1/15
OUTSIDE = 1e-4


class Observer:
    """Extremes and a histogram of all values seen, 2 * HALF bins over [-reach, reach]."""

    def __init__(self) -> None:
        self.low, self.high, self.reach = 0.0, 0.0, 0.0
        self.counts = np.zeros(2 * HALF, np.int64)

    def see(self, values: np.ndarray) -> None:
        """Add finite values; the reach doubles until it holds them, so that bins merge in pairs."""
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
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
    def centres(self) -> np.ndarray:
        return (np.arange(2 * HALF) - HALF + 0.5) * (self.reach / HALF)

    def scale(self, fmt: Int, method: str) -> Scale:
        """Per tensor: symmetric if `fmt` is signed, else affine."""
        shrink = {"max": _keep, "percentile": _percentile, "mse": _least_error}[method](self, fmt)
        return self.shrunk(fmt, shrink)

    def shrunk(self, fmt: Int, by: float) -> Scale:
        return Scale.from_range(self.low * by, self.high * by, fmt, symmetric=fmt.signed)


def _keep(seen: Observer, fmt: Int) -> float:
    return 1.0


def _percentile(seen: Observer, fmt: Int) -> float:
    outside = [
        seen.counts[(seen.centres < seen.low * by) | (seen.centres > seen.high * by)].sum() for by in SHRINKS
    ]
    allowed = np.array(outside) <= OUTSIDE * seen.counts.sum()
    return float(SHRINKS[allowed].min(initial=1.0))


def _least_error(seen: Observer, fmt: Int) -> float:
    used = np.flatnonzero(seen.counts)
    real, counts = seen.centres[used], seen.counts[used]
    errors = []
    for by in SHRINKS:
        scale = seen.shrunk(fmt, float(by))
        errors.append(float(counts @ (scale.dequantise(scale.quantise(real)) - real) ** 2))
    return float(SHRINKS[int(np.argmin(errors))])


def observe(
    network: Network, samples: Iterable[Mapping[str, np.ndarray]], tensors: Collection[str]
) -> dict[str, Observer]:
    """What `tensors` hold when the float network runs on each of `samples`.

    raises  BadValue if there is no sample, or a tensor is not finite (naming it)
    """
    seen = {tensor: Observer() for tensor in tensors}
    count = 0
    for count, sample in enumerate(samples, 1):
        values = {**sample, **run_float(network, sample, all_tensors=True)}
        for tensor, observer in seen.items():
            observer.see(finite(tensor, values[tensor]))
    if not count:
        raise check.fail(f"{network.name}: calibration samples", "none", "one or more")
    return seen


def finite(tensor: str, values: np.ndarray) -> np.ndarray:
    """`values`, or BadValue naming the tensor and its first NaN or infinity."""
    good = np.isfinite(values)
    if not good.all():
        index = [int(i) for i in np.argwhere(~good)[0]]
        raise check.fail(f"tensor {tensor}{index or ''}", float(values[tuple(index)]), "finite numbers")
    return values
