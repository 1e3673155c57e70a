"""BatchNormalization before a product: its factors go into the weights, its offset into the bias.

    W (f x + t) + b = (W f) x + (W t + b)

This is right only without padding: padding is 0 behind the normalisation, not before it.
"""

from dataclasses import replace

import numpy as np

from mapping.network import Network, Node
from mapping.passes.rewrite import bias_of, changed, sole_reader, until_settled


@until_settled
def fold_norms(network: Network) -> Network | None:
    """The network with one more normalisation folded, or None if there is none. In float64, rounded once."""
    readers = network.consumers()
    for node in network.nodes:
        constant = all(name in network.constants for name in node.inputs[1:])
        if node.operator != "BatchNormalization" or not constant:
            continue
        product = sole_reader(network, readers, node.outputs[0])
        if product is not None and product.inputs[0] == node.outputs[0] and takes(network, product):
            return folded(network, node, product)
    return None


def takes(network: Network, product: Node) -> bool:
    """Whether a node is a product by constant weights over all channels, without padding."""
    weights = network.constants.get(product.inputs[1]) if len(product.inputs) > 1 else None
    if weights is None or (len(product.inputs) > 2 and bias_of(network, product, 1) is None):
        return False
    if product.operator == "MatMul":
        return weights.ndim == 2 and len(network.shapes[product.inputs[0]]) == 2
    a = product.attributes
    padded = any(a.get("pads") or ()) or a.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    return product.operator == "Conv" and not padded and int(a.get("group", 1)) == 1


def folded(network: Network, node: Node, product: Node) -> Network:
    scale, shift, mean, variance = (network.constants[n].astype(np.float64) for n in node.inputs[1:])
    factor = scale / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    offset = shift - mean * factor
    weights = network.constants[product.inputs[1]].astype(np.float64)
    if product.operator == "Conv":
        ones = (1,) * (weights.ndim - 2)
        added = (weights * offset.reshape(-1, *ones)).sum(axis=tuple(range(1, weights.ndim)))
        weights = weights * factor.reshape(-1, *ones)
    else:
        added, weights = offset @ weights, factor[:, None] * weights
    bias = bias_of(network, product, len(added))
    assert bias is not None
    names = (f"{product.name}:normalised", f"{product.name}:offset")
    values = (weights.astype(np.float32), (bias + added).astype(np.float32))
    made = replace(product, inputs=(node.inputs[0], *names))
    return changed(network, nodes={node.name: None, product.name: made},
                   constants=dict(zip(names, values, strict=True)))  # fmt: skip
