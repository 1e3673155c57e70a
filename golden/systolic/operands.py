"""The operands of a matrix unit's product: factors and, where codes leave, their requantisation."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelScaling:
    """Requantisation of a product's channels (golden.vector.requantise).

    bias, multiplier, shift: int64 [n]. zero_point of the codes. relu: codes are no less than zero_point.
    """

    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    zero_point: int = 0
    relu: bool = False


class Operands(NamedTuple):
    """activations [batch, m, k] and weights [batch, k, n], values of the PE's formats; no scaling: sums
    leave."""

    activations: np.ndarray
    weights: np.ndarray
    scaling: ChannelScaling | None = None
