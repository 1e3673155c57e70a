"""A product in groups along K, run on a device.

On a tile a product runs as a whole. On a systolic array each group is a product of its own; its sums leave as
they are, and the host scales and adds them up as the tile does: golden.tile.sums.added, fp32 in the groups'
order. The result is float64(scale * channel * total).
"""

from collections.abc import Callable

import numpy as np

from golden.blocks import OUTPUT, Device, Job, Result
from golden.division import ceil_div
from golden.formats.rounding import finite
from golden.pe import tiled
from golden.pe.quantise import activations
from golden.pe.weights import QuantisedWeights
from golden.systolic.gemm import Gemm
from golden.systolic.operands import Operands
from golden.tile import tile
from golden.tile.params import TileParams
from golden.tile.sums import added, less_zeros
from mapping.cost.tilings import place
from mapping.quantise.groups import GroupedProduct, array_gemm, groups, padded_activations
from mapping.target import Design, Target, TileTarget


def product(
    x: GroupedProduct, design: Design, left: np.ndarray, device: Device
) -> tuple[Result, np.ndarray]:
    """The device's Result, and the product of reals `left` [batch, m, k] by the weights, float64 [batch, m,
    n]."""
    finite(f"layer {x.layer.name}: activations", left)
    return PRODUCTS[type(design)](x, design, padded_activations(design.pe, left), device)


def on_tile(
    x: GroupedProduct, design: TileTarget, left: np.ndarray, device: Device
) -> tuple[Result, np.ndarray]:
    """The same on a tile, product after product of the batch."""
    coded = [activations(design.pe, each) for each in left]
    name, shape = x.layer.name, Gemm(m=left.shape[1], n=x.layer.gemm.n, k=left.shape[2])
    made = [
        device.run(Job(name=name, p=design.tile, shape=shape, operands=tile.Operands(codes, w.weights)))
        for (codes, _), w in zip(coded, x.weights.products, strict=True)
    ]
    found = [
        each.values * scale * w.channel
        for each, (_, scale), w in zip(made, coded, x.weights.products, strict=True)
    ]
    counted = sum(each.cycles or 0 for each in made)
    values = np.stack([each.values for each in made])
    return Result(outputs={OUTPUT: values}, cycles=counted), np.stack(found)


def on_array(
    x: GroupedProduct, design: Target, left: np.ndarray, device: Device
) -> tuple[Result, np.ndarray]:
    """The same on an array, the groups as a batch."""
    p, count = design.pe, groups(x.layer, design)
    coded = [activations(p, each, count) for each in left]
    lefts = np.concatenate([in_groups(codes.T, count).swapaxes(1, 2) for codes, _ in coded])
    rights = np.concatenate([in_groups(each.weights.codes, count) for each in x.weights.products])
    bits = ceil_div(p.accumulator.width, 8) * 8
    schedule = place(x.layer.name, design, array_gemm(x.layer, design), bits).schedule
    operands = Operands(lefts, rights)
    made = device.run(Job(name=x.layer.name, p=design.unit, shape=schedule, operands=operands))
    sums = made.values.reshape(len(left), count, *made.values.shape[1:])
    found = [
        totals(p, sums[b], x.weights.products[b], codes, scale) * (scale if scale.shape[1] == 1 else 1.0)
        for b, (codes, scale) in enumerate(coded)
    ]
    return made, np.stack([y * each.channel for y, each in zip(found, x.weights.products, strict=True)])


def in_groups(values: np.ndarray, count: int) -> np.ndarray:
    """[K, N] -> [count, K / count, N]."""
    return values.reshape(count, -1, values.shape[1])


def totals(
    p: object, sums: np.ndarray, q: QuantisedWeights, codes: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """fp32 [m, n] of sums [groups, m, n]; scales of groups that are powers of two are multiplied in here."""
    tile, w, total = TileParams(rows=1, cols=1, pe=p), q.weights, np.zeros(sums.shape[1:])
    if w.zeros is not None and not tiled.zero_bits(p):
        raise AssertionError("zero points of sums that have none")
    row_sums = in_groups(codes.T, len(sums)).sum(1)
    for g, each in enumerate(sums):
        zeros = None if w.zeros is None else w.zeros[g]
        units = scale[:, g, None] if scale.shape[1] > 1 else None
        total = added(tile, total, less_zeros(tile, each, zeros, row_sums[g]), w.scales[g], units)
    return total


PRODUCTS: dict[type, Callable[..., tuple[Result, np.ndarray]]] = {Target: on_array, TileTarget: on_tile}
