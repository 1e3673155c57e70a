"""The dot-product tile: its results, to the bit.

    y[m, n] = sum over groups g of s[g, n] (sum_{k in g} w[k, n] a[m, k] - z[g, n] sum_{k in g} a[m, k])

The sum of a group is the PE's own. The zero point's part, if there is one, is subtracted, and the difference
multiplied by the scale, a number of fp16 (or by the PE's own `partial`): this is exact. It is then added to
the total, a number of fp32 that begins at +0, group by group, with one rounding each (nearest, ties to even,
as in golden.vector.dequantise). Float64 holds terms of 48 bits beside a total; wider ones, of long integer
sums, are added as exact fractions.

Source: group-wise dequantisation as in MixPE (arXiv 2411.16158) and BitMoD (arXiv 2411.11745, section IV):
once a group, behind its accumulation. Formats of scale and total are choices made here.
"""

from fractions import Fraction

import numpy as np

from golden import check, pe
from golden.formats import FP16, FP32, Int
from golden.formats.arithmetic import add_exact, exact_product, round_once, to_odd
from golden.pe import tiled
from golden.pe.weights import PeWeights
from golden.tile.params import TileParams

EXACT = 48  # bits of a term that float64 adds to a total with one rounding


def less_zeros(p: TileParams, sums: np.ndarray, zeros: np.ndarray | None, row_sums: np.ndarray) -> np.ndarray:
    """A group's sums [M, N] less zeros [N] times row_sums [M], the sums of the activations; exact where they
    are integers below 2^63."""
    if zeros is None:
        return sums
    bits = tiled.zero_bits(p.pe)
    if not bits:
        raise check.fail("zeros", "given", f"none: sums of {p.pe.accumulator} have no zero point")
    return np.asarray(sums - Int(bits).check("zeros", zeros) * row_sums[:, None])


def added(
    p: TileParams, total: np.ndarray, sums: np.ndarray, scales: np.ndarray, units: np.ndarray | None = None
) -> np.ndarray:
    """The totals [M, N] plus the contribution of one group: its sums, less the zeros' part, times its scales
    [N].

    units  powers of two [M, 1], the value of 1 in the sums of a row; None: 1
    """
    module = pe.module_of(p.pe)
    units = np.ones((len(sums), 1)) if units is None else units
    if hasattr(module, "partial"):
        return add_exact(FP32, total, np.asarray(module.partial(p.pe, sums, scales)) * units)
    scales = FP16.check("scales", scales)
    found = add_exact(FP32, total, exact_product(sums, scales) * units)
    if not isinstance(p.pe.accumulator, Int):
        return found
    wide = np.abs(sums) >> EXACT - FP16.mantissa_bits - 1 > 0
    for m, n in np.argwhere(wide & np.isfinite(scales) & np.isfinite(total)):
        term = int(sums[m, n]) * Fraction(float(scales[n])) * Fraction(float(units[m, 0]))
        found[m, n] = round_once(FP32, to_odd(Fraction(float(total[m, n])) + term))[0]
    return found


def grouped_product(p: TileParams, activations: np.ndarray, weights: PeWeights) -> np.ndarray:
    """activations [M, K] by weights [K, N] -> values of fp32 [M, N]; K a multiple of the group.

    raises  BadValue, naming the array, for a value outside its format, or a K that groups do not divide or
            that has more groups than p.groups
    """
    k = activations.shape[1]
    if k % p.group:
        raise check.fail("K", k, f"multiples of {p.group}, pe.group")
    check.in_range("groups", k // p.group, 1, p.groups, "tile.groups: K / pe.group")
    total = np.zeros((len(activations), weights.codes.shape[1]))
    for g in range(k // p.group):
        place = slice(g * p.group, (g + 1) * p.group)
        a, selectors = activations[:, place], None if weights.selectors is None else weights.selectors[g]
        sums = tiled.group_sum(p.pe, a, weights.codes[place], selectors)
        zeros = None if weights.zeros is None else weights.zeros[g]
        total = added(p, total, less_zeros(p, sums, zeros, a.sum(axis=1)), weights.scales[g])
    return total
