"""The real functions that a piecewise unit approximates, in float64.

    gelu     x (1 + erf(x / sqrt 2)) / 2       Hendrycks and Gimpel, 2016 (the exact form, not tanh's)
    silu     x sigmoid(x)                      Elfwing et al., 2018
    exp2     2^x                               with x in [0, 1): the mantissa of every power of two
    power    the same, rising: exactly 1 at 0, and no code's value falls below the one before it
    inverse  1 / (1 + x)                       with x in [0, 1): that of every reciprocal
    root_1, root_2  1 / sqrt(1 + x), 1 / sqrt(2 + 2 x)  with x in [0, 1): those of inverse square roots
    relu, relu6, leaky_relu (slope 0.01 below 0, ONNX's default): straight lines, broken at `breaks`
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from golden.operators.error_function import erf

Real = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Function:
    """A real function. breaks: where its derivative jumps; unit: it is one of x in [0, 1) alone; rising: what
    approximates it begins exactly, at a whole value, and never falls from one segment to the next."""

    of: Real
    breaks: tuple[float, ...] = ()
    unit: bool = False
    rising: bool = False

    def largest(self, x: float) -> float:
        """No smaller than the function's magnitude anywhere from -x to x."""
        return 2.0 if self.unit else max(1.0, x)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), by tanh: nothing overflows."""
    return np.asarray((1 + np.tanh(x / 2)) / 2)


FUNCTIONS = {
    "gelu": Function(lambda x: np.asarray(x * (1 + erf(x / np.sqrt(2.0))) / 2)),
    "silu": Function(lambda x: np.asarray(x * sigmoid(x))),
    "sigmoid": Function(sigmoid),
    "tanh": Function(lambda x: np.asarray(np.tanh(x))),
    "exp2": Function(lambda x: np.asarray(np.exp2(x)), unit=True),
    "power": Function(lambda x: np.asarray(np.exp2(x)), unit=True, rising=True),
    "inverse": Function(lambda x: np.asarray(1 / (1 + x)), unit=True),
    "root_1": Function(lambda x: np.asarray(1 / np.sqrt(1 + x)), unit=True),
    "root_2": Function(lambda x: np.asarray(1 / np.sqrt(2 + 2 * x)), unit=True),
    "relu": Function(lambda x: np.asarray(np.maximum(x, 0.0)), (0.0,)),
    "relu6": Function(lambda x: np.asarray(np.clip(x, 0.0, 6.0)), (0.0, 6.0)),
    "leaky_relu": Function(lambda x: np.asarray(np.maximum(x, 0.01 * x)), (0.0,)),
}
