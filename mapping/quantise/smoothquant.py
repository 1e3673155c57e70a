"""SmoothQuant: the scale of left factors of products by constant weights, after equalisation of their
channels.

    Y = A W = (A / e) (e W)

A few channels of A are often far larger than the others, and one scale for the tensor wastes its codes on
them. Dividing channel c by e[c] and multiplying its weights costs the array nothing; the host divides as it
quantises.

    e[c] = (max |A[:, c]|)^s / (max |W[c, :]|)^(1 - s)      0 < s < 1, or e = 1

We try e = 1 and a few s, and keep the one with the least error on held-out samples: an e that is made from
one half of the samples is tried on rows of the other half, all factors quantised. (Chosen on their own
samples, the e of strong s won and then clipped others: magika's error grew threefold.) A channel that is 0 in
all samples is taken to be as large as the largest. The codes have a zero point, whose share of a sum is known
beforehand.

Source: Xiao et al., SmoothQuant, ICML 2023, equation 4.
"""

from collections.abc import Callable

import numpy as np

from golden.formats import Int, Scale
from mapping.layers import ProductLayer
from mapping.quantise.calibrate import Observer

STRENGTHS = (0.5, 0.65)
LEAST = 1 / 256  # of the largest channel: a smaller one is taken to be this large
KEPT = 32  # rows of each sample

Rounded = Callable[[np.ndarray], np.ndarray]  # weights [k, n] as their codes represent them


class Channels:
    """Observations of the left factor of `layer` in each sample: extremes of its channels, and some rows of
    A."""

    def __init__(self, layer: ProductLayer) -> None:
        self.layer = layer
        self.lows: list[np.ndarray] = []
        self.highs: list[np.ndarray] = []
        self.rows: list[np.ndarray] = []

    def see(self, x: np.ndarray) -> None:
        """Observe a sample. x: the tensor, finite."""
        others = tuple(i for i in range(x.ndim) if i != self.layer.channel_axis % x.ndim)
        self.lows.append(np.minimum(x.min(axis=others), 0))
        self.highs.append(np.maximum(x.max(axis=others), 0))
        a = self.layer.left(x)[0]
        self.rows.append(a[:: max(1, len(a) // KEPT)][:KEPT].astype(np.float64))

    def spread(self, evened: np.ndarray) -> np.ndarray:
        """A factor for each channel, [channels], as one for each k, [k]: a convolution's k is channel by
        kernel."""
        return np.repeat(evened, self.layer.gemm.k // len(evened))

    def scale(self, evened: np.ndarray, fmt: Int, method: str, samples: slice) -> Scale:
        """The scale, with a zero point, of A / evened over some samples."""
        seen = Observer()
        seen.see(np.concatenate(self.rows[samples]) / self.spread(evened))
        seen.low = float((np.min(self.lows[samples], axis=0) / evened).min())
        seen.high = float((np.max(self.highs[samples], axis=0) / evened).max())
        return seen.scale(fmt, method, symmetric=False)

    def evened(self, strength: float, weights: np.ndarray, samples: slice) -> np.ndarray:
        """The factors e [channels] of a strength s. weights: [k, n]."""
        a = np.maximum(-np.min(self.lows[samples], axis=0), np.max(self.highs[samples], axis=0))
        w = np.abs(weights).reshape(self.layer.channels, -1).max(axis=1)
        if not strength or not a.any() or not w.any():
            return np.ones(self.layer.channels)
        a, w = (np.maximum(np.where(x > 0, x, x.max()), LEAST * x.max()) for x in (a, w))
        return np.asarray(a**strength / w ** (1 - strength))

    def error(
        self, strength: float, weights: np.ndarray, rounded: Rounded, fmt: Int, method: str, parity: int
    ) -> float:
        """Squared error of the product on every second sample, with e and scale from the others."""
        a = np.concatenate(self.rows[parity::2])
        others = slice(1 - parity, None, 2)
        evened = self.evened(strength, weights, others)
        scale, e = self.scale(evened, fmt, method, others), self.spread(evened)
        found = scale.dequantise(scale.quantise(a / e)) @ rounded(weights * e[:, None])
        return float(((found - a @ weights) ** 2).sum())

    def choose(
        self, weights: np.ndarray, rounded: Rounded, fmt: Int, method: str
    ) -> tuple[np.ndarray, Scale]:
        """e [channels] and the scale of the codes of A / e. weights: real, [k, n]."""
        strength = 0.0
        if len(self.rows) > 1:
            strength = min(
                (0.0, *STRENGTHS),
                key=lambda s: sum(self.error(s, weights, rounded, fmt, method, parity) for parity in (0, 1)),
            )
        every = slice(None)
        evened = self.evened(strength, weights, every)
        return evened, self.scale(evened, fmt, method, every)
