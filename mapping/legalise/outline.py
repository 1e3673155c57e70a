"""The outline of a float network: its coded operations from its structure alone, without weights or
calibration.

Every rule of mapping.legalise decides as it does where there are values. Decisions that depend on values are
made for assumed ones: every real is taken to range from about -REACH to REACH, every integer from 0 to 1, and
channels to need no equalisation. Scales, zero points and tables follow from that; weights are unknown.
"""

import numpy as np

from golden.accelerator.params import AcceleratorParams
from mapping.ir import graph
from mapping.legalise import images
from mapping.legalise.coder import Coder
from mapping.legalise.float_network import finished, inner, known_operators, lower, spelt, want_forms
from mapping.legalise.primitives import primitive
from mapping.network import Network, Node
from mapping.patterns.recognise import recognise
from mapping.patterns.regions import UNMOVED
from mapping.quantise import equalise
from mapping.quantise.calibrate import Observer
from mapping.unknown import values_of, without_weights

REACH = 4.0


def outline(network: Network, p: AcceleratorParams) -> graph.CodedNetwork:
    """`network` for the accelerator, weights unknown. Inputs and outputs keep their names.

    raises  BadValue, naming the node, for an operator or a shape that no unit has
    """
    network = without_weights(network)
    if (one := images.alone(network)) is not None:
        return images.repeated(outline(one, p), images.samples_of(network))
    known = recognise(primitive(spelt(network), values_of, p.lanes), p.lanes)
    known_operators(known)
    named = {name for node in known.nodes for name in (*node.inputs, *node.outputs, *inner(node)) if name}
    made = (named | set(known.inputs)) - known.constants.keys()
    seen = {name: assumed(known, name, 1 + number / 1024) for number, name in enumerate(sorted(made))}
    c = Coder(known, p, seen, "max")
    want_forms(c)
    for tensor, readers in equalise.candidates(c).items():
        c.evened[tensor] = np.ones(channels_of(known, readers[0])), c.scale_of(tensor)
    lower(c)
    return finished(c)


def channels_of(network: Network, product: Node) -> int:
    """Channels of a product's first factor."""
    shape = network.shapes[product.inputs[1]]
    return shape[1] if product.operator == "Conv" else shape[-2]


def assumed(network: Network, tensor: str, times: float) -> Observer:
    """The observations that are assumed of a tensor; times: REACH. No two have the same range, lest they
    share codes."""
    dtype = network.type_of(tensor.replace(UNMOVED, ""))
    made = Observer()
    made.see(np.array([-REACH * times, REACH * times] if dtype.kind == "f" else [0, 1], dtype))
    return made
