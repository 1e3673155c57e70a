"""Operators that move, copy or retype elements without computing."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from golden import check
from golden.division import ceil_div

Axes = np.ndarray | Sequence[int] | None  # an attribute or an input

# ONNX TensorProto.DataType, the members that numpy holds
DTYPES: dict[int, type[np.generic]] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_,
    10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64,
}  # fmt: skip


def ints(values: Any) -> tuple[int, ...]:
    """An attribute or an input that lists integers, as Python integers."""
    return tuple(int(v) for v in np.asarray(values).ravel())


def reshape(x: np.ndarray, shape: np.ndarray, *, allowzero: int = 0) -> np.ndarray:
    """x in `shape`: -1 is what remains, 0 keeps the axis unless allowzero."""
    wanted = ints(shape)
    return x.reshape([x.shape[i] if d == 0 and not allowzero else d for i, d in enumerate(wanted)])


def transpose(x: np.ndarray, *, perm: Sequence[int] | None = None) -> np.ndarray:
    return np.transpose(x, perm)


def flatten(x: np.ndarray, *, axis: int = 1) -> np.ndarray:
    """A matrix whose rows are the axes before `axis`."""
    rows = int(np.prod(x.shape[: axis + x.ndim if axis < 0 else axis]))
    return x.reshape(rows, -1)


def squeeze(x: np.ndarray, axes: Axes = None) -> np.ndarray:
    return np.squeeze(x) if axes is None else np.squeeze(x, ints(axes))


def unsqueeze(x: np.ndarray, axes: Axes) -> np.ndarray:
    return np.expand_dims(x, ints(axes))


def expand(x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """x broadcast with `shape`, which may be smaller than x: a view, not to be written to."""
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, ints(shape)))


def tile(x: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    return np.tile(x, ints(repeats))


def concat(*values: np.ndarray, axis: int) -> np.ndarray:
    return np.concatenate(values, axis)


def split(
    x: np.ndarray, split: Axes = None, *, axis: int = 0, num_outputs: int | None = None
) -> tuple[np.ndarray, ...]:
    """Pieces of the given sizes, or num_outputs pieces of which the last may be smaller."""
    if split is None:
        assert num_outputs is not None
        size = ceil_div(x.shape[axis], num_outputs)
        cuts = [size * i for i in range(1, num_outputs)]
    else:
        cuts = np.cumsum(ints(split))[:-1].tolist()
    return tuple(np.split(x, cuts, axis))


def pad(
    x: np.ndarray, pads: np.ndarray, constant_value: np.ndarray | None = None, axes: Axes = None, *,
    mode: str = "constant",
) -> np.ndarray:
    """x widened by pads (all the befores, then all the afters) along `axes`; negative ones crop."""
    check.one_of("Pad.mode", mode, ["constant", "edge", "reflect", "wrap"])
    chosen = range(x.ndim) if axes is None else ints(axes)
    widths = [(0, 0)] * x.ndim
    for axis, before, after in zip(chosen, *np.split(np.asarray(pads), 2), strict=True):
        widths[axis] = (int(before), int(after))
    x = x[tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, widths, strict=True))]
    grow = [(max(b, 0), max(a, 0)) for b, a in widths]
    if mode == "constant":
        filler = 0 if constant_value is None else one("Pad.constant_value", constant_value)
        return np.pad(x, grow, constant_values=filler)
    padded: np.ndarray = np.pad(x, grow, mode=mode)  # type: ignore[call-overload]
    return padded


def cast(x: np.ndarray, *, to: int, saturate: int = 1, round_mode: str = "up") -> np.ndarray:
    """x in the type of that ONNX number; float to integer truncates.

    saturate, round_mode  of types of 8 bits and fewer, which are not held here
    """
    check.one_of("Cast.to", to, DTYPES)
    return x.astype(DTYPES[to])


def cast_like(x: np.ndarray, like: np.ndarray, *, saturate: int = 1, round_mode: str = "up") -> np.ndarray:
    """Cast to the type of `like`."""
    return x.astype(like.dtype)


def shape_of(x: np.ndarray, *, start: int = 0, end: int | None = None) -> np.ndarray:
    return np.array(x.shape[start:end], np.int64)


def constant(
    *, value: np.ndarray | None = None, value_float: float | None = None, value_int: int | None = None,
    value_floats: Sequence[float] | None = None, value_ints: Sequence[int] | None = None,
) -> np.ndarray:
    """The one attribute that is given."""
    if value is not None:
        return value
    if value_float is not None or value_floats is not None:
        return np.array(value_float if value_floats is None else value_floats, np.float32)
    return np.array(value_int if value_ints is None else value_ints, np.int64)


def constant_of_shape(shape: np.ndarray, *, value: np.ndarray | None = None) -> np.ndarray:
    filler = np.zeros(1, np.float32) if value is None else value
    return np.full(ints(shape), one("ConstantOfShape.value", filler), filler.dtype)


def one(where: str, values: Any) -> Any:
    """The one number of an input; BadValue if it has several or none."""
    found = np.asarray(values)
    if found.size != 1:
        raise check.fail(where, f"{found.size} numbers", "one")
    return found.item()


def range_of(
    start: np.ndarray, limit: np.ndarray, delta: np.ndarray, *, stash_type: int = 1
) -> np.ndarray:  # fmt: skip
    """From start to before limit. stash_type: what half precision is computed in, float32 here."""
    check.one_of("Range.stash_type", stash_type, [1])
    if one("Range.delta", delta) == 0:
        raise check.fail("Range.delta", 0, "any other number")
    return np.arange(one("Range.start", start), one("Range.limit", limit), delta.item(), dtype=start.dtype)


def dropout(
    x: np.ndarray, ratio: np.ndarray | None = None, training_mode: np.ndarray | None = None, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Inference, or a training that drops nothing: x, and a mask that keeps all."""
    if training_mode is not None and training_mode.any() and (ratio is None or ratio.any()):
        raise check.fail("Dropout.training_mode", "true", "false, or a ratio of 0: this is inference")
    return x, np.ones(x.shape, np.bool_)


OPERATORS: dict[str, Callable[..., Any]] = {
    "Reshape": reshape, "Transpose": transpose, "Flatten": flatten, "Squeeze": squeeze,
    "Unsqueeze": unsqueeze, "Expand": expand, "Tile": tile, "Concat": concat, "Split": split, "Pad": pad,
    "Cast": cast, "CastLike": cast_like, "Shape": shape_of,
    "Size": lambda x: np.array(x.size, np.int64), "Constant": constant, "ConstantOfShape": constant_of_shape,
    "Range": range_of, "Identity": lambda x: x, "Dropout": dropout,
}  # fmt: skip
