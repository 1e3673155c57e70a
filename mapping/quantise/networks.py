"""A float network quantised for a design: encodings of its products' operands and results."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mapping.ir.encodings import Affine, Encoding
from mapping.network import Network
from mapping.quantise.groups import GroupedProduct, quantise_groups
from mapping.quantise.matrix_products import QuantisedProduct, encodings, quantise_codes
from mapping.target import Design, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedProducts:
    """products: by node name; a product that is not there runs on the host, in reals.

    encodings  of results that are codes between products, and of weights in groups; all else is real
    """

    network: Network
    design: Design
    products: Mapping[str, QuantisedProduct | GroupedProduct]
    encodings: Mapping[str, Encoding]

    def in_codes(self, tensor: str) -> bool:
        """Whether products and the host read a tensor as codes."""
        return isinstance(self.encodings.get(tensor), Affine)


def quantise_products(
    network: Network, design: Design, samples: Iterable[Mapping[str, np.ndarray]], *, method: str = "max"
) -> QuantisedProducts:
    """The products of `network` as `design` computes them: in groups along K where its PE's sums are of a
    group (activations are then scaled as they come, and no sample is needed), else in codes of whole tensors,
    after calibration on `samples` by a method of mapping.quantise.calibrate.

    raises  BadValue: a format that cannot be scaled, a value that is not finite, a layer that does not fit,
            an unknown method
    """
    if design.grouped:
        grouped = quantise_groups(network, design)
        weights = {x.layer.inputs[1]: x.weights for x in grouped.values()}
        return QuantisedProducts(network=network, design=design, products=grouped, encodings=weights)
    assert isinstance(design, Target)
    products = quantise_codes(network, design, samples, method)
    return QuantisedProducts(
        network=network, design=design, products=products, encodings=encodings(network, products)
    )
