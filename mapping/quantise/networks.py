"""A float network, quantised for a design: the encodings of its products' operands and of what they leave."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from golden.formats import Scale
from mapping.network import Network
from mapping.quantise.groups import GroupedProduct, quantise_groups
from mapping.quantise.matrix_products import QuantisedProduct, quantise_codes
from mapping.target import Design, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """products: by node name; a product that is not there runs on the host, in reals.

    encodings  of tensors that are codes between products; all others are real
    """

    network: Network
    design: Design
    products: Mapping[str, QuantisedProduct | GroupedProduct]
    encodings: Mapping[str, Scale] = field(default_factory=dict)


def quantise(
    network: Network, design: Design, samples: Iterable[Mapping[str, np.ndarray]], *, method: str = "max"
) -> Quantised:
    """The products of `network` as `design` computes them: in groups along K where its PE's sums are of a
    group (activations are then scaled as they come, and no sample is needed), else in codes of whole tensors,
    after calibration on `samples` by a method of mapping.quantise.calibrate.

    raises  BadValue: a format that cannot be scaled, a value that is not finite, a layer that does not fit,
            an unknown method
    """
    if design.grouped:
        return Quantised(network=network, design=design, products=quantise_groups(network, design))
    assert isinstance(design, Target)
    products, encodings = quantise_codes(network, design, samples, method)
    return Quantised(network=network, design=design, products=products, encodings=encodings)
