"""The part that the floating PEs share: one rounded addition to the running sum."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from golden.formats import Float
from golden.formats import arithmetic as floats
from golden.formats.arithmetic import Mode


class FloatParams(Protocol):
    """Params of a floating PE."""

    @property
    def weight(self) -> Any: ...
    @property
    def activation(self) -> Any: ...
    @property
    def accumulator(self) -> Float: ...
    @property
    def mode(self) -> Mode: ...


def add_product(p: FloatParams, acc: np.ndarray, entering: np.ndarray) -> np.ndarray:
    """acc plus the result of the PE's `product`, elementwise, unchecked: for loops over K."""
    return floats.add_exact(p.accumulator, acc, entering, p.mode)


def combine(p: FloatParams, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The sum of two running sums: what the accumulator memory adds with."""
    return floats.add(p.accumulator, p.accumulator.check("a", a), p.accumulator.check("b", b), p.mode)


def accumulate(
    p: FloatParams,
    acc: np.ndarray,
    weight: np.ndarray,
    activation: np.ndarray,
    product: Callable[[Any, np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """One step of a PE with this `product`, elementwise: arrays of any one shape, numbers of the formats.

    raises BadValue if a number is not of its format
    """
    weight = p.weight.check("weight", weight)
    activation = p.activation.check("activation", activation)
    return add_product(p, p.accumulator.check("acc", acc), product(p, weight, activation))
