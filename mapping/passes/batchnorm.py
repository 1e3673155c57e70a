"""A matrix product, then BatchNormalization: the statistics go into weights and bias.

    y = (W x + b - mean) f + shift = (f W) x + (b - mean) f + shift,    f = scale / sqrt(variance + epsilon)
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mapping.network import Network, Node
from mapping.passes.rewrite import bias_of, changed, sole_reader, until_settled, weights_of


@until_settled
def fuse_batchnorm(network: Network) -> Network | None:
    """The network with each BatchNormalization fused to the product before it; in float64, rounded once."""
    readers = network.consumers()
    for node in network.nodes:
        # of a MatMul's output, axis 1 is the channels only if it is the last
        is_plain = node.operator == "Conv" or (
            node.operator == "MatMul" and len(network.shapes[node.outputs[0]]) == 2
        )
        if is_plain and "activation" not in node.attributes:
            fused = fuse(network, readers, node)
            if fused is not None:
                return fused
    return None


def fuse(network: Network, readers: Mapping[str, list[Node]], node: Node) -> Network | None:
    """The network with the BatchNormalization behind one product fused, or None."""
    weights, follower = weights_of(network, node), sole_reader(network, readers, node.outputs[0])
    if weights is None or follower is None or follower.operator != "BatchNormalization":
        return None
    statistics = [network.constants.get(name) for name in follower.inputs[1:]]
    bias = bias_of(network, node, network.shapes[node.outputs[0]][1])
    if bias is None or any(value is None for value in statistics):
        return None
    scale, shift, mean, variance = (np.asarray(value, np.float64) for value in statistics)
    factor = scale / np.sqrt(variance + follower.attributes.get("epsilon", 1e-5))
    per_channel = factor.reshape(-1, *(1,) * (weights.ndim - 1)) if node.operator == "Conv" else factor
    names = (f"{node.name}:weight", f"{node.name}:bias")
    values = (weights * per_channel, (bias - mean) * factor + shift)
    fused = replace(node, inputs=(node.inputs[0], *names), outputs=follower.outputs)
    constants = {name: value.astype(np.float32) for name, value in zip(names, values, strict=True)}
    return changed(network, nodes={node.name: fused, follower.name: None}, constants=constants)
