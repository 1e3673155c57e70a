"""Operators that act element by element, with numpy's broadcasting (which is ONNX's).

A scalar attribute does not widen a float32 array; integer division truncates towards zero.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from golden.operators.error_function import erf


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b; of integers, rounded towards zero."""
    if a.dtype.kind == "f":
        return np.asarray(np.divide(a, b))
    return np.asarray(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)))


def power(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x to the y, in the type of x."""
    return np.asarray(np.power(x, y), x.dtype)


def modulo(a: np.ndarray, b: np.ndarray, *, fmod: int = 0) -> np.ndarray:
    """Remainder with the sign of b, or of a where fmod is 1."""
    return np.asarray(np.fmod(a, b) if fmod else np.mod(a, b))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), by the exponential that cannot overflow."""
    e = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1 / (1 + e), e / (1 + e)))


def gelu(x: np.ndarray, *, approximate: str = "none") -> np.ndarray:
    """x times the normal distribution's integral up to x; or the tanh form (Hendrycks and Gimpel, 2016)."""
    if approximate == "tanh":
        inner = np.tanh(np.float32(np.sqrt(2 / np.pi)) * (x + 0.044715 * x * x * x))
    else:
        inner = erf(x * np.float32(np.sqrt(0.5)))
    return np.asarray(0.5 * x * (1 + inner))


def leaky_relu(x: np.ndarray, *, alpha: float = 0.01) -> np.ndarray:
    return np.where(x >= 0, x, alpha * x)


def prelu(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, x, slope * x)


def elu(x: np.ndarray, *, alpha: float = 1.0) -> np.ndarray:
    return np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0)))


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + exp(x))."""
    return np.asarray(np.logaddexp(x, np.zeros((), x.dtype)))


def hard_sigmoid(x: np.ndarray, *, alpha: float = 0.2, beta: float = 0.5) -> np.ndarray:
    return np.clip(alpha * x + beta, 0, 1)


def hard_swish(x: np.ndarray) -> np.ndarray:
    return np.asarray(x * hard_sigmoid(x, alpha=1 / 6))


def clip(x: np.ndarray, min: np.ndarray | None = None, max: np.ndarray | None = None) -> np.ndarray:
    """x limited to [min, max]; max wins where they cross, an absent bound is none."""
    above = x if min is None else np.maximum(x, min)
    return above if max is None else np.minimum(above, max)


def where(condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where(condition, x, y)


def mean(*values: np.ndarray) -> np.ndarray:
    return np.asarray(reduce(np.add, values) / len(values)).astype(values[0].dtype)


def is_inf(x: np.ndarray, *, detect_negative: int = 1, detect_positive: int = 1) -> np.ndarray:
    found: np.ndarray = np.isinf(x) & np.where(x > 0, bool(detect_positive), bool(detect_negative))
    return found


def shrink(x: np.ndarray, *, bias: float = 0.0, lambd: float = 0.5) -> np.ndarray:
    """x nearer to 0 by bias where it is further off than lambd, else 0."""
    away = np.where(x > lambd, x - np.float64(bias), np.where(x < -lambd, x + np.float64(bias), 0))
    return away.astype(x.dtype)


def unary(f: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """f as a function of one array: a numpy ufunc's own options are not ONNX attributes."""
    return lambda x: f(x)


def binary(f: Callable[..., Any]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda a, b: np.asarray(f(a, b))


def variadic(f: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """f folded over any number of inputs."""
    return lambda *values: np.asarray(reduce(f, values))


OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": binary(np.add), "Sub": binary(np.subtract), "Mul": binary(np.multiply),
    "Div": binary(divide), "Pow": binary(power), "Mod": modulo,
    "Min": variadic(np.minimum), "Max": variadic(np.maximum), "Sum": variadic(np.add), "Mean": mean,
    "Equal": binary(np.equal), "Less": binary(np.less), "LessOrEqual": binary(np.less_equal),
    "Greater": binary(np.greater), "GreaterOrEqual": binary(np.greater_equal),
    "And": binary(np.logical_and), "Or": binary(np.logical_or), "Xor": binary(np.logical_xor),
    "Not": unary(np.logical_not), "Where": where,
    "Neg": unary(np.negative), "Abs": unary(np.abs), "Sign": unary(np.sign), "Exp": unary(np.exp),
    "Log": unary(np.log), "Sqrt": unary(np.sqrt), "Reciprocal": unary(np.reciprocal), "Erf": unary(erf),
    "Floor": unary(np.floor), "Ceil": unary(np.ceil), "Round": unary(np.rint),
    "Sin": unary(np.sin), "Cos": unary(np.cos), "Tan": unary(np.tan), "Tanh": unary(np.tanh),
    "Sinh": unary(np.sinh), "Cosh": unary(np.cosh), "Asin": unary(np.arcsin), "Acos": unary(np.arccos),
    "Atan": unary(np.arctan), "Asinh": unary(np.arcsinh), "Acosh": unary(np.arccosh),
    "Atanh": unary(np.arctanh), "IsNaN": unary(np.isnan), "IsInf": is_inf, "Shrink": shrink,
    "Relu": lambda x: np.maximum(x, 0), "LeakyRelu": leaky_relu, "PRelu": prelu, "Elu": elu,
    "Softplus": softplus, "Sigmoid": sigmoid, "HardSigmoid": hard_sigmoid, "HardSwish": hard_swish,
    "Gelu": gelu, "Clip": clip,
}  # fmt: skip
