"""A network's weights and activations as a PE takes them: by its formats, unless its module says otherwise.

    y[m, n] ~ scale[m] channel[n] tile(values, weights)[m, n]          tile: golden.tile.tile

    weight                  codes of a group of `depth` along K                              scales
    int2 to int8            round to nearest, symmetric                                      fp16
    uint1 to uint8          round to nearest about a zero point                              fp16
    fp16, bf16              rounded                                                          1
    fp8_e4m3, fp8_e5m2      rounded, the group's largest made the format's largest           fp16
    of the kind lut         q' = 2 q - (2^B - 1), z' = 2 z + 1 - 2^B, half the scale;        fp16
                            a single bit, and with fp16: nearest of the odd q', z' = 0
    of the kind dequantise  about a zero point, {q, z, s}, s of the group in scale_bits      the channel's
    of the kind bitmod      golden.formats.bitmod: the datatype of least error               uint8; channel

    activation              values                                                           scale
    int2 to int16           round to nearest, symmetric in each row                          of the row
    fp16, bf16              rounded                                                          1
    fp8                     rounded, the row's largest made the format's largest             of the row
    of the kind aligned     golden.vector.align of fp16, in groups of the row                their 2^exp

Round to nearest: golden.formats.grouped. Group scales are rounded to fp16 when the codes are made. A single
bit has the scale mean|w|, the best in least squares (Rastegari et al., XNOR-Net, ECCV 2016). A PE's golden
module may have `quantise(p, weights)` and `activations(p, x, groups)` of its own, which then are asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from golden import check, pe
from golden.formats import FP16, Float, Int, bitmod, grouped
from golden.formats.rounding import finite
from golden.pe import dequantise, lut
from golden.tile import pes
from golden.tile.tile import Weights
from golden.vector import align


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantised:
    """weights: as the PE takes them. values: float64 [K, N], what they stand for. channel: [N] or [1]."""

    weights: Weights
    values: np.ndarray
    channel: np.ndarray = field(default_factory=lambda: np.ones(1))


def quantise(p: Any, weights: np.ndarray) -> Quantised:
    """Weights float [K, N], K a multiple of p.depth.

    raises  BadValue: not finite, a group that does not divide K, a format that cannot hold them
    """
    grouped.in_groups(weights, p.depth)
    weights = np.asarray(weights, np.float64)
    module = pe.module_of(p)
    if hasattr(module, "quantise"):
        found = module.quantise(p, weights)
        assert isinstance(found, Quantised)
        return found
    return OF_KIND.get(pe.kind_of(p), by_format)(p, weights)


def activations(p: Any, x: np.ndarray, groups: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(values [M, K], float64 scale [M, 1], or [M, groups] where groups of a row have scales of their own).

    raises  BadValue: not finite, or a format that cannot hold them
    """
    x = np.asarray(finite("activations", x), np.float64)
    module = pe.module_of(p)
    if hasattr(module, "activations"):
        values, scale = module.activations(p, x, groups)
        return values, scale
    if pe.kind_of(p) == "aligned":
        return aligned(p, x, groups)
    fmt = p.activation
    one = np.ones((len(x), 1))
    if isinstance(fmt, Float) and fmt.width > 8:
        return in_range(fmt.quantise(x), x, "activations", fmt), one
    if not isinstance(fmt, Float) and not (fmt.signed and 2 <= fmt.width <= 16):
        raise check.fail("pe.activation", fmt, "int2 to int16 and floating formats: they have both signs")
    largest = np.abs(x).max(1, keepdims=True)
    scale = np.where(largest > 0, largest, 1.0) / fmt.max
    if isinstance(fmt, Float):
        return fmt.quantise(np.clip(x / scale, fmt.min, fmt.max)), scale
    return np.clip(np.rint(x / scale), -fmt.max, fmt.max).astype(np.int64), scale


def aligned(p: Any, x: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in `groups` groups, whose numbers share an exponent each."""
    m, k = x.shape
    params = align.AlignParams(bits=p.activation.width, group=k // groups, lanes=1)
    rounded = in_range(FP16.quantise(x), x, "activations", FP16)
    values, exponent, _ = align.align(params, FP16.encode(rounded).reshape(m, groups, k // groups))
    return values.reshape(m, k), align.unit(params, exponent)


def by_format(p: Any, weights: np.ndarray) -> Quantised:
    """What the weights' format asks for."""
    fmt = p.weight
    if isinstance(fmt, Float):
        return floating(p, weights)
    if not isinstance(fmt, Int) or fmt.width > 8 or (fmt.signed and fmt.width < 2):
        raise check.fail("pe.weight", fmt, "int2 to int8, uint1 to uint8, fp16, bf16, fp8_e4m3, fp8_e5m2")
    if not fmt.signed and not pes.zero_bits(p):
        raise check.fail("pe.weight", fmt, f"signed formats: sums of {p.accumulator} have no zero point")
    return nearest(p, weights, fmt)


def nearest(p: Any, weights: np.ndarray, fmt: Int) -> Quantised:
    """Round to nearest: symmetric, or about a zero point where the format has no sign."""
    found = grouped.nearest(weights, fmt.width, p.depth, symmetric=fmt.signed)
    return scaled(p, found.codes, found.codes, found.scale, found.zero)


def floating(p: Any, weights: np.ndarray) -> Quantised:
    """Floating weights; of 8 bits, in groups with a scale."""
    fmt = p.weight
    scale = np.ones((len(weights) // p.depth, weights.shape[1]))
    if fmt.width <= 8:
        scale = FP16.quantise(grouped.kept(np.abs(grouped.in_groups(weights, p.depth)).max(1) / fmt.max))
        weights = np.clip(weights / spread(p, scale), fmt.min, fmt.max)
    codes = in_range(fmt.quantise(weights), weights, "weights", fmt)
    return scaled(p, codes, codes, scale, None)


def table(p: lut.LutParams, weights: np.ndarray) -> Quantised:
    """Codes of a table's PE."""
    most = p.weight.max
    if p.table == "half" and (p.floating or most == 1):
        w = grouped.in_groups(weights, p.depth)
        scale = np.abs(w).mean(1) if most == 1 else np.abs(w).max(1) / most
        scale = FP16.quantise(grouped.kept(scale))
        codes = np.clip(np.rint((weights / spread(p, scale) + most) / 2), 0, most).astype(np.int64)
        if most == 1:
            codes = (weights >= 0).astype(np.int64)
        return scaled(p, codes, lut.represented(p, codes), scale, None)
    found = grouped.nearest(weights, p.weight.width, p.depth, symmetric=False)
    assert found.zero is not None
    if p.table == "full":
        return scaled(p, found.codes, found.codes, found.scale, found.zero)
    return scaled(p, found.codes, lut.represented(p, found.codes), found.scale / 2, 2 * found.zero - most)


def words(p: dequantise.DequantiseParams, weights: np.ndarray) -> Quantised:
    """{q, z, s}: the greatest scale of a channel takes all bits, unless int8 would not hold the weights."""
    found = grouped.nearest(weights, p.code.width, p.depth, symmetric=p.code.signed)
    zero = np.zeros_like(found.scale, np.int64) if found.zero is None else found.zero
    shifted, most = found.scale * (1 << p.shift), (1 << p.scale_bits) - 1
    reach = np.abs(grouped.in_groups(found.codes - spread(p, zero), p.depth)).max(1)
    unit = np.maximum(shifted.max(0) / most, (reach * found.scale).max(0) / dequantise.INT8.max)
    unit = FP16.quantise(grouped.kept(unit))
    s = np.clip(np.rint(shifted / unit), 0, most).astype(np.int64)
    codes = dequantise.pack(p, found.codes, spread(p, zero), spread(p, s))
    scales = np.broadcast_to(unit, found.scale.shape)
    return scaled(p, codes, dequantise.dequantise(p, codes), scales, None)


def datatypes(p: Any, weights: np.ndarray) -> Quantised:
    """BitMoD's."""
    found = bitmod.quantise(weights, p.weight, p.depth)
    coded = Weights(codes=found.codes, scales=found.scales.astype(np.float64), selectors=found.selectors)
    return Quantised(weights=coded, values=found.values, channel=found.channel)


def scaled(
    p: Any, codes: np.ndarray, counted: np.ndarray, scales: np.ndarray, zeros: np.ndarray | None
) -> Quantised:
    """counted: what the codes count in the PE's sums; the rest as in Weights, scales not yet of fp16."""
    scales = in_range(FP16.quantise(scales), scales, "scales", FP16)
    values = counted if zeros is None else counted - spread(p, zeros)
    return Quantised(
        weights=Weights(codes=codes, scales=scales, zeros=zeros), values=values * spread(p, scales)
    )


def spread(p: Any, shared: np.ndarray) -> np.ndarray:
    """[groups, N] -> [K, N]."""
    return np.repeat(shared, p.depth, 0)


def in_range(values: np.ndarray, given: np.ndarray, where: str, fmt: Float) -> np.ndarray:
    """`values`, rounded from `given`; BadValue where one has become infinite."""
    beyond = np.argwhere(~np.isfinite(values))
    if len(beyond):
        index = [int(i) for i in beyond[0]]
        raise check.fail(f"{where}{index}", float(given[tuple(index)]), f"numbers to {fmt.max:g} ({fmt})")
    return values


OF_KIND: dict[str, Callable[[Any, np.ndarray], Quantised]] = {
    "lut": table,
    "dequantise": words,
    "bitmod": datatypes,
}
