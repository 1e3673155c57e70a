"""Gemm with constant weights: a MatMul, its factors and its transposition done to the weights beforehand."""

from dataclasses import replace

import numpy as np

from mapping.network import Network, Node
from mapping.passes.rewrite import changed, channel_vector, until_settled, weights_of


@until_settled
def gemm_to_matmul(network: Network) -> Network | None:
    """The network with Gemms as MatMuls, except a Gemm that transposes A, or whose C is computed or varies by
    row."""
    for node in network.nodes:
        if node.operator == "Gemm" and not node.attributes.get("transA", 0):
            plain = convert(network, node)
            if plain is not None:
                return plain
    return None


def convert(network: Network, node: Node) -> Network | None:
    """The network with one Gemm as a MatMul, or None."""
    weights = weights_of(network, node)
    if weights is None:
        return None
    if node.attributes.get("transB", 0):
        weights = weights.T
    names, values = [f"{node.name}:weight"], [weights * np.float32(node.attributes.get("alpha", 1.0))]
    if len(node.inputs) > 2 and node.inputs[2]:
        added = network.constants.get(node.inputs[2])
        bias = None if added is None else channel_vector(added, network.shapes[node.outputs[0]], -1)
        if bias is None:
            return None
        names.append(f"{node.name}:bias")
        values.append(bias * np.float32(node.attributes.get("beta", 1.0)))
    kept = {key: value for key, value in node.attributes.items() if key == "activation"}
    plain = replace(node, operator="MatMul", inputs=(node.inputs[0], *names), attributes=kept)
    return changed(network, nodes={node.name: plain}, constants=dict(zip(names, values, strict=True)))
