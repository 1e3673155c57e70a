"""Resize: an image at other coordinates, axis by axis.

    coordinate of an output x, in the input's elements       L, R: sizes of input and output; s = R / L, real

    half_pixel              (x + 0.5) / s - 0.5
    half_pixel_symmetric    L / 2 (1 - R / (s L)) + (x + 0.5) / s - 0.5
    pytorch_half_pixel      (x + 0.5) / s - 0.5, or -0.5 if s L = 1
    align_corners           x (L - 1) / (s L - 1), or 0 if s L = 1
    asymmetric              x / s
    tf_crop_and_resize      (L - 1) (first + x (last - first) / (s L - 1)), or the middle if s L = 1

An element beyond the edge is the edge's. With antialias a filter is 1 / s times as wide where s < 1.
Source: ONNX, Resize, opset 19. The cubic filter: Keys, IEEE Trans. ASSP 29 (1981).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from golden import check
from golden.operators.shape import ints

COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_crop_and_resize",
)  # fmt: skip
ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5), "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor, "ceil": np.ceil,
}  # fmt: skip
POLICIES = ("stretch", "not_larger", "not_smaller")


def resize(
    x: np.ndarray, roi: np.ndarray | None = None, scales: np.ndarray | None = None,
    sizes: np.ndarray | None = None, *, mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel", nearest_mode: str = "round_prefer_floor",
    cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0.0,
    antialias: int = 0, axes: Sequence[int] | None = None, keep_aspect_ratio_policy: str = "stretch",
) -> np.ndarray:  # fmt: skip
    """x at the sizes, or at the scales, of `axes` (all of them if left out), in x's type."""
    check.one_of("Resize.mode", mode, ("nearest", "linear", "cubic"))
    check.one_of("Resize.nearest_mode", nearest_mode, ROUNDINGS)
    check.one_of("Resize.coordinate_transformation_mode", coordinate_transformation_mode, COORDINATES)
    check.one_of("Resize.keep_aspect_ratio_policy", keep_aspect_ratio_policy, POLICIES)
    chosen = [axis % x.ndim for axis in (range(x.ndim) if axes is None else axes)]
    lengths = [x.shape[axis] for axis in chosen]
    real, whole = factors(lengths, scales, sizes, keep_aspect_ratio_policy)
    limits = np.zeros(2 * len(chosen)) if roi is None or not roi.size else np.asarray(roi, np.float64)
    y, outside = x.astype(np.float64), np.zeros((1,) * x.ndim, bool)
    for i, axis in enumerate(chosen):
        region = (float(limits[i]), float(limits[len(chosen) + i]))
        at = coordinates(lengths[i], whole[i], real[i], coordinate_transformation_mode, region)
        if coordinate_transformation_mode == "tf_crop_and_resize":
            beyond = (at < 0) | (at > lengths[i] - 1)
            outside = outside | beyond.reshape([-1 if j == axis else 1 for j in range(x.ndim)])
        if whole[i] == lengths[i] and real[i] == 1 and coordinate_transformation_mode != COORDINATES[-1]:
            continue  # nothing moves
        if mode == "nearest":
            y = np.take(y, np.clip(ROUNDINGS[nearest_mode](at), 0, lengths[i] - 1).astype(np.int64), axis)
            continue
        narrow = min(real[i], 1.0) if antialias else 1.0
        weights = filters(at, lengths[i], narrow, mode, cubic_coeff_a, bool(exclude_outside))
        y = np.moveaxis(np.tensordot(weights, y, (1, axis)), 0, axis)
    y = np.where(outside, extrapolation_value, y)
    return rounded(y, x.dtype)


def rounded(y: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """y in a type; integers by truncation within their range."""
    if dtype.kind in "iu":
        y = np.clip(np.trunc(y), np.iinfo(dtype).min, np.iinfo(dtype).max)
    return y.astype(dtype)


def factors(
    lengths: Sequence[int], scales: np.ndarray | None, sizes: np.ndarray | None, policy: str
) -> tuple[list[float], list[int]]:
    """(scale, size) of each axis. not_larger, not_smaller: one scale for all, within or beyond the sizes."""
    if sizes is None or not sizes.size:
        if scales is None or not scales.size:
            raise check.fail("Resize: scales and sizes", "left out", "one of them")
        real = [float(s) for s in np.asarray(scales, np.float64).ravel()]
        return real, [int(np.floor(n * s)) for n, s in zip(lengths, real, strict=True)]
    whole = list(ints(sizes))
    real = [size / n for n, size in zip(lengths, whole, strict=True)]
    if policy != "stretch":
        one = min(real) if policy == "not_larger" else max(real)
        return [one] * len(real), [int(np.floor(one * n + 0.5)) for n in lengths]
    return real, whole


def coordinates(
    length: int, out: int, scale: float, mode: str, region: tuple[float, float]
) -> np.ndarray:  # fmt: skip
    """Where in the input each of `out` elements lies, float64."""
    x = np.arange(out, dtype=np.float64)
    last = scale * length - 1
    if mode == "align_corners":
        return x * (length - 1) / last if last else np.zeros(out)
    if mode == "asymmetric":
        return x / scale
    if mode == "tf_crop_and_resize":
        first, end = region
        share = x / last if last else np.full(out, 0.5)
        return (length - 1) * (first + share * (end - first)) if last else np.full(
            out, (end - first) * (length - 1) / 2 + first * (length - 1))
    if mode == "pytorch_half_pixel" and last == 0:
        return np.full(out, -0.5)
    shift = length / 2 * (1 - out / (scale * length)) if mode == "half_pixel_symmetric" else 0.0
    return shift + (x + 0.5) / scale - 0.5


def filters(
    at: np.ndarray, length: int, narrow: float, mode: str, a: float, inside: bool
) -> np.ndarray:  # fmt: skip
    """Weights [out, length] of the input's elements; elements beyond an edge are the edge's, or left out.

    narrow  the filter is 1 / narrow times as wide
    """
    reach = int(np.ceil((1 if mode == "linear" else 2) / narrow)) + 1
    base = np.ceil(at).astype(np.int64) - 1  # the neighbour on the left, of a whole coordinate too
    found = np.zeros((len(at), length))
    for offset in range(1 - reach, reach + 1):
        place = base + offset
        distance = np.abs(place - at) * narrow
        weight = np.maximum(1 - distance, 0) if mode == "linear" else cubic(distance, a)
        if inside:
            weight = np.where((place >= 0) & (place < length), weight, 0.0)
        np.add.at(found, (np.arange(len(at)), np.clip(place, 0, length - 1)), weight)
    if inside or narrow < 1:
        found /= found.sum(axis=1, keepdims=True)
    return found


def cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """Keys' filter of a distance from 0 on."""
    d = distance
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


OPERATORS: dict[str, Callable[..., Any]] = {"Resize": resize}
