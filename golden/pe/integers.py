"""The part that the integer PEs share: the range of their sums, and whole products."""

from itertools import product
from typing import NamedTuple, Protocol

import numpy as np

from golden import check
from golden.formats import Int


class IntegerParams(Protocol):
    """Params of an integer PE."""

    @property
    def weight(self) -> Int: ...
    @property
    def activation(self) -> Int: ...
    @property
    def group(self) -> int: ...


class Formats(NamedTuple):
    """Formats alone, as IntegerParams of no particular PE."""

    weight: Int
    activation: Int
    group: int


def products(weight: Int, activation: Int) -> tuple[int, int]:
    """The least and the largest weight * activation."""
    ends = [w * a for w, a in product((weight.min, weight.max), (activation.min, activation.max))]
    return min(ends), max(ends)


def narrowest(least: int, largest: int) -> Int:
    """The narrowest signed format that holds both."""
    return Int(max(end.bit_length() for end in (largest, ~least, 0)) + 1)


def dot(p: IntegerParams, activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """activations [..., M, K] by weights [..., K, N] -> int64 [..., M, N], as the array adds them up.

    Integer sums do not depend on their order, so the array's schedule does not enter.
    raises BadValue if K is over `group` or a value outside its format
    """
    check.in_range("K", activations.shape[-1], 1, p.group, "pe.group: more could overflow the accumulator")
    activations = p.activation.check("activations", activations)
    return unchecked(p, activations, p.weight.check("weights", weights))


def unchecked(p: IntegerParams, activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`dot` of values that are known to be of their formats, of any integer dtype.

    BLAS is fast, and exact where no sum exceeds a float's significand, in whatever order it adds.
    """
    largest = activations.shape[-1] * max(map(abs, products(p.weight, p.activation)))
    for dtype, bits in ((np.float32, 24), (np.float64, 53)):
        if largest < 1 << bits:
            return np.asarray(np.matmul(activations.astype(dtype), weights.astype(dtype))).astype(np.int64)
    return np.asarray(np.matmul(activations.astype(np.int64), weights.astype(np.int64)))
