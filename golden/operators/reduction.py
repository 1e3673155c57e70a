"""Operators that reduce axes to one value."""

from collections.abc import Callable
from typing import Any

import numpy as np

from golden.operators.shape import Axes, ints

Reducer = Callable[..., Any]  # (x, axis, keepdims) -> array


def reducer(f: Reducer) -> Callable[..., np.ndarray]:
    """The ONNX form of a numpy reduction: no axes means all, or none with noop_with_empty_axes.

    Even where it reduces no axes, a reduction still squares each element, or takes its magnitude, as the
    standard defines it.
    """

    def reduced(
        x: np.ndarray, axes: Axes = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> np.ndarray:
        chosen = () if axes is None else ints(axes)
        along = chosen if chosen or noop_with_empty_axes else None
        return np.asarray(f(x, axis=along, keepdims=bool(keepdims))).astype(x.dtype)

    return reduced


def norm(x: np.ndarray, **how: Any) -> np.ndarray:
    return np.asarray(np.sqrt(np.sum(x * x, **how)))


def sum_square(x: np.ndarray, **how: Any) -> np.ndarray:
    return np.asarray(np.sum(x * x, **how))


def log_sum_exp(x: np.ndarray, *, axis: Any, keepdims: bool) -> np.ndarray:
    """log of the sum of exp(x), computed from x less its greatest element: the standard's definition
    overflows beyond 709."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(np.float64)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return np.asarray(total if keepdims else np.sum(total, axis=axis))


def argument(f: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """ArgMax and ArgMin: the first of equals, or the last with select_last_index."""

    def found(x: np.ndarray, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> np.ndarray:
        if select_last_index:
            last = x.shape[axis] - 1 - f(np.flip(x, axis), axis=axis, keepdims=bool(keepdims))
            return np.asarray(last, np.int64)
        return np.asarray(f(x, axis=axis, keepdims=bool(keepdims)), np.int64)

    return found


OPERATORS: dict[str, Callable[..., Any]] = {
    "ReduceSum": reducer(np.sum), "ReduceMean": reducer(np.mean), "ReduceMax": reducer(np.max),
    "ReduceMin": reducer(np.min), "ReduceProd": reducer(np.prod), "ReduceL2": reducer(norm),
    "ReduceSumSquare": reducer(sum_square), "ReduceLogSumExp": reducer(log_sum_exp),
    "ArgMax": argument(np.argmax), "ArgMin": argument(np.argmin),
}  # fmt: skip
