"""Weights in groups along K that share a scale: round to nearest, and BitMoD's choice of a datatype a group.

    symmetric    q = clip(round(w / s), -(2^(b-1) - 1), 2^(b-1) - 1),   s = max|w| / (2^(b-1) - 1)
    asymmetric   q = clip(round(w / s) + z, 0, 2^b - 1),   s = (max w - min w) / (2^b - 1),
                 z = round(-min w / s)
    datatypes    q = nearest of the values of a datatype to w / s, s = max|w| / the largest value; of several
                 datatypes the one with the least mean square error, the first of equal ones

s is kept within 1e-5 and 1e4; round is to even; a number half way between two values of a datatype goes to
the lower one. Arithmetic "fp16" rounds every step to fp16, as the published code does; "fp64" does not.

Source: RTN as in T-MAC, LUT Tensor Core and MixPE; Chen et al., BitMoD (arXiv 2411.11745), section III, and
its artefact's quantiser (abdelfattah-lab/BitMoD-HPCA-25, quant_weight.py), whose numbers the tests hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from golden import check
from golden.formats.rounding import finite

Arithmetic = Literal["fp16", "fp64"]
LEAST_SCALE, LARGEST_SCALE = 1e-5, 1e4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedWeights:
    """Weights [K, N] as codes, with the parameters that a group shares.

    codes     int64 [K, N]; of a datatype, indices into its values
    scale     float64 [groups, N]
    zero      int64 [groups, N]; None where symmetric
    selector  int64 [groups, N]: which of the datatypes; None where there is one
    values    float64 [K, N]: the reals that the codes stand for
    """

    group: int
    codes: np.ndarray
    scale: np.ndarray
    zero: np.ndarray | None = None
    selector: np.ndarray | None = None
    values: np.ndarray


def in_groups(weights: np.ndarray, group: int) -> np.ndarray:
    """Weights [K, N] as [groups, group, N]; BadValue for weights that are not finite, or a group that does
    not divide K."""
    weights = finite("weights", weights)
    k, n = weights.shape
    if group < 1 or k % group:
        raise check.fail("group", group, f"divisors of K = {k}")
    return weights.reshape(-1, group, n)


def kept(scale: Any) -> Any:
    """A scale within its bounds."""
    return np.clip(scale, scale.dtype.type(LEAST_SCALE), scale.dtype.type(LARGEST_SCALE))


def nearest(
    weights: np.ndarray, bits: int, group: int, *, symmetric: bool = True, arithmetic: Arithmetic = "fp64"
) -> GroupedWeights:
    """Round to nearest, `bits` a weight, 2 to 8 (1 where asymmetric)."""
    check.in_range("bits", bits, 2 if symmetric else 1, 8)
    w = in_groups(weights, group).astype(np.dtype(np.float16 if arithmetic == "fp16" else np.float64))
    if symmetric:
        most = (1 << bits - 1) - 1
        scale = kept(np.abs(w).max(1, keepdims=True) / w.dtype.type(most))
        codes = np.clip(np.rint(w / scale), -most, most)
        values, zero = codes * scale, None
    else:
        most = (1 << bits) - 1
        least = w.min(1, keepdims=True)
        scale = kept((w.max(1, keepdims=True) - least) / w.dtype.type(most))
        zero = np.clip(np.rint(-least / scale), 0, most)
        codes = np.clip(np.rint(w / scale) + zero, 0, most)
        values = (codes - zero) * scale
    shape = np.shape(weights)
    return GroupedWeights(
        group=group,
        codes=codes.reshape(shape).astype(np.int64),
        scale=scale[:, 0].astype(np.float64),
        zero=None if zero is None else zero[:, 0].astype(np.int64),
        values=values.reshape(shape).astype(np.float64),
    )


def choose(
    weights: np.ndarray,
    datatypes: Sequence[Sequence[float]],
    group: int,
    *,
    arithmetic: Arithmetic = "fp64",
) -> GroupedWeights:
    """For each group and column, the datatype of the least mean square error; each lists rising values."""
    w = in_groups(weights, group).astype(np.dtype(np.float16 if arithmetic == "fp16" else np.float64))
    tries = [in_datatype(w, np.array(values, w.dtype)) for values in datatypes]
    errors = np.stack([mean_square(values - w) for _, _, values in tries])
    selector = np.argmin(errors, axis=0)

    def chosen(parts: list[np.ndarray]) -> np.ndarray:
        return np.asarray(np.take_along_axis(np.stack(parts), selector[None, :, None], 0)[0])

    codes, scale, values = (chosen(list(parts)) for parts in zip(*tries, strict=True))
    shape = np.shape(weights)
    return GroupedWeights(
        group=group,
        codes=codes.reshape(shape),
        scale=scale[:, 0].astype(np.float64),
        selector=selector,
        values=values.reshape(shape).astype(np.float64),
    )


def in_datatype(w: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(indices into `values`, scale, represented reals) of groups [groups, group, N] in one datatype."""
    scale = kept(np.abs(w).max(1, keepdims=True) / np.abs(values).max())
    middles = ((values[1:].astype(np.float64) + values[:-1]) / 2).astype(w.dtype)
    codes = np.searchsorted(middles, w / scale, side="left")
    return codes, scale, values[codes] * scale


def mean_square(error: np.ndarray) -> np.ndarray:
    """Mean square of the errors of each group, [groups, N], in the precision of `error`; fp16 is summed in
    float32."""
    squares = error * error
    wide = np.float32 if error.dtype == np.float16 else np.float64
    return np.asarray(squares.mean(1, dtype=wide), error.dtype)
