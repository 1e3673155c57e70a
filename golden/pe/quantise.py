"""A network's weights and activations as a PE takes them: by the `quantise` and `activations` of its module.

y[m, n] ~ scale[m] channel[n] tile(values, weights)[m, n]          tile: golden.tile.tile
"""

from typing import Any

import numpy as np

from golden import pe
from golden.formats import grouped
from golden.formats.rounding import finite
from golden.pe.weights import QuantisedWeights


def quantise(p: Any, weights: np.ndarray) -> QuantisedWeights:
    """Weights float [K, N], K a multiple of the group.

    raises  BadValue: not finite, a group that does not divide K, a format that cannot hold them
    """
    grouped.in_groups(weights, p.group)
    found = pe.module_of(p).quantise(p, np.asarray(weights, np.float64))
    assert isinstance(found, QuantisedWeights)
    return found


def activations(p: Any, x: np.ndarray, groups: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(values [M, K], float64 scale [M, 1], or [M, groups] where groups of a row have scales of their own).

    raises  BadValue: not finite, or a format that cannot hold them
    """
    values, scale = pe.module_of(p).activations(p, np.asarray(finite("activations", x), np.float64), groups)
    return values, scale
