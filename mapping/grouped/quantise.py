"""A network's constant weights in groups, as a design's PE takes them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from golden import check
from golden.pe.quantise import quantise
from golden.pe.weights import Quantised
from mapping.grouped.design import Design, grouped_layers, pe_of
from mapping.layers import ProductLayer
from mapping.network import Network
from mapping.quantise.calibrate import finite
from mapping.quantise.weights import real_weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedProduct:
    """weights: of each of the batch. real: float64 [batch, k, n], what they were quantised from."""

    layer: ProductLayer
    weights: tuple[Quantised, ...]
    real: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupedNetwork:
    """A network and, by node name, its products by constant weights."""

    network: Network
    design: Design
    products: Mapping[str, GroupedProduct]


def quantise_network(network: Network, design: Design) -> GroupedNetwork:
    """BadValue names a layer whose K its groups do not divide, a tensor that is not finite, a format."""
    p, products = pe_of(design), {}
    for x in grouped_layers(network, design):
        real = real_weights(x, finite(x.inputs[1], network.constants[x.inputs[1]]))
        try:
            weights = tuple(quantise(p, each) for each in real)
        except check.BadValue as bad:
            raise check.BadValue(f"layer {x.name}: {bad}") from None
        products[x.name] = GroupedProduct(layer=x, weights=weights, real=real)
    return GroupedNetwork(network=network, design=design, products=products)
