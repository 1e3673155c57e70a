"""Weights in groups: a network's constant weights quantised in groups along K, as a design's PE takes them.

A K that is no multiple of the group is padded: activations with zeros, which add nothing to any sum, and
weights with the last group's weights over again, so that its scale and zero point are those of its own
weights.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from golden import check
from golden.division import ceil_div
from golden.pe.quantise import quantise
from golden.systolic.gemm import Gemm
from mapping.ir.encodings import Grouped
from mapping.layers import ProductLayer, layers
from mapping.network import Network, ShapeNetwork
from mapping.quantise.calibrate import finite_tensor
from mapping.quantise.weights import real_weights
from mapping.target import Design, Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedProduct:
    """weights: one for each product of the batch. real: float64 [batch, k, n], before quantisation."""

    layer: ProductLayer
    weights: Grouped
    real: np.ndarray


def quantise_groups(network: Network, design: Design) -> dict[str, GroupedProduct]:
    """The products by constant weights, by node name.

    raises  BadValue: a layer of more groups than a tile adds up, a tensor that is not finite, a format that
            cannot hold
            the weights
    """
    products = {}
    for x in grouped_layers(network, design):
        real = real_weights(x, finite_tensor(x.inputs[1], network.constants[x.inputs[1]]))
        try:
            coded = tuple(quantise(design.pe, padded_weights(design.pe, each)) for each in real)
        except check.BadValue as bad:
            raise check.BadValue(f"layer {x.name}: {bad}") from None
        weights = Grouped(group=design.pe.group, products=coded)
        products[x.name] = GroupedProduct(layer=x, weights=weights, real=real)
    return products


def grouped_layers(network: Network | ShapeNetwork, design: Design) -> list[ProductLayer]:
    """The products by constant weights, in order; BadValue if there is none, or one is too deep."""
    found = [x for x in layers(network) if x.constant_weights]
    if not found:
        raise check.fail(f"{network.name}: products by constant weights", "none", "at least one")
    for x in found:
        group, most = design.pe.group, design.most_groups
        if most is not None:
            check.in_range(f"layer {x.name}: K", x.gemm.k, 1, most * group, f"{most} groups of {group}")
    return found


def groups(x: ProductLayer, design: Design) -> int:
    """Groups of one product of the layer."""
    return ceil_div(x.gemm.k, int(design.pe.group))


def padded(x: ProductLayer, design: Design) -> Gemm:
    """The layer's product with K filled up to whole groups."""
    g = x.gemm
    return Gemm(m=g.m, n=g.n, k=groups(x, design) * design.pe.group, batch=g.batch)


def array_gemm(x: ProductLayer, design: Target) -> Gemm:
    """The layer's product for a systolic array: each group is a product of its own."""
    g = x.gemm
    return Gemm(m=g.m, n=g.n, k=design.pe.group, batch=g.batch * groups(x, design))


def padded_weights(p: Any, w: np.ndarray) -> np.ndarray:
    """w [k, n] with the rows of the last group repeated until it is whole."""
    k, over = len(w), len(w) % p.group
    last = np.arange(k - over, k)
    return w[np.concatenate([np.arange(k), np.resize(last, -k % p.group)])] if over else w


def padded_activations(p: Any, x: np.ndarray) -> np.ndarray:
    """x [..., k] with zeros until the last group is whole."""
    return np.pad(x, [*[(0, 0)] * (x.ndim - 1), (0, -x.shape[-1] % p.group)])
