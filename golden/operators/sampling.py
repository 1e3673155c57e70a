"""GridSample: an image at stated coordinates, of any number of spatial axes.

A coordinate of -1 to 1 spans the image, from centre to centre of its corner elements (align_corners) or from
edge to edge. Source: ONNX, GridSample, opset 22; Jaderberg et al., Spatial transformer networks, 2015.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from golden import check
from golden.operators.resizing import cubic

MODES = {"linear": 1, "bilinear": 1, "cubic": 2, "bicubic": 2, "nearest": 0}
CUBIC = -0.75


def grid_sample(
    x: np.ndarray, grid: np.ndarray, *, mode: str = "linear", padding_mode: str = "zeros",
    align_corners: int = 0,
) -> np.ndarray:  # fmt: skip
    """x [N, C, *spatial], grid [N, *out, axes], its last axis the last spatial axis first -> [N, C, *out]."""
    check.one_of("GridSample.mode", mode, MODES)
    check.one_of("GridSample.padding_mode", padding_mode, ("zeros", "border", "reflection"))
    spatial = x.shape[2:]
    at = []
    for axis, length in enumerate(spatial):
        n = grid[..., len(spatial) - 1 - axis].astype(np.float64)
        at.append((n + 1) / 2 * (length - 1) if align_corners else ((n + 1) * length - 1) / 2)
    reach = MODES[mode]
    y = np.zeros((x.shape[0], *grid.shape[1:-1], x.shape[1]))
    for offsets in product(range(1 - reach, reach + 1) if reach else (0,), repeat=len(spatial)):
        places, weight = [], np.ones(grid.shape[:-1])
        for c, offset in zip(at, offsets, strict=True):
            place = np.rint(c) if not reach else np.floor(c) + offset
            if reach:
                distance = np.abs(place - c)
                weight = weight * (np.maximum(1 - distance, 0) if reach == 1 else cubic(distance, CUBIC))
            places.append(place)
        y += weight[..., None] * pixels(x, places, padding_mode, bool(align_corners))
    return np.moveaxis(y, -1, 1).astype(x.dtype)


def pixels(x: np.ndarray, places: list[np.ndarray], padding: str, corners: bool) -> np.ndarray:
    """Elements of x at whole coordinates [N, *out], float64 [N, *out, C]."""
    known = np.ones(places[0].shape, bool)
    index = []
    for place, length in zip(places, x.shape[2:], strict=True):
        if padding == "reflection":
            low, high = (0.0, length - 1.0) if corners else (-0.5, length - 0.5)
            place = np.trunc(reflected(place, low, high))
        elif padding == "zeros":
            known &= (place >= 0) & (place <= length - 1)
        index.append(np.clip(place, 0, length - 1).astype(np.int64))
    samples = np.arange(len(x)).reshape(-1, *(1,) * (places[0].ndim - 1))
    last = np.moveaxis(x, 1, -1).astype(np.float64)
    return np.asarray(last[(samples, *index)] * known[..., None])


def reflected(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """x folded at both borders until it lies between them."""
    span = high - low
    if span == 0:
        return np.full_like(x, low)
    folded = np.mod(x - low, 2 * span)
    return low + np.minimum(folded, 2 * span - folded)


OPERATORS: dict[str, Callable[..., Any]] = {"GridSample": grid_sample}
