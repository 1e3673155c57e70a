"""MatMul or Conv, then Add of a constant for each channel: the constant becomes the product's bias."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mapping.network import Network, Node
from mapping.passes.rewrite import bias_of, changed, channel_vector, sole_reader, until_settled, weights_of

RESHAPES = ("Reshape", "Squeeze", "Unsqueeze", "Flatten")


@until_settled
def fuse_bias(network: Network) -> Network | None:
    """The network with Adds fused to the products before them. A reshape in between that keeps the channels
    then comes behind the bias."""
    readers = network.consumers()
    for node in network.nodes:
        if node.operator in ("MatMul", "Conv") and "activation" not in node.attributes:
            fused = fuse(network, readers, node)
            if fused is not None:
                return fused
    return None


def fuse(network: Network, readers: Mapping[str, list[Node]], node: Node) -> Network | None:
    """The network with the bias of one product fused, or None."""
    weights = weights_of(network, node)
    add, last = following_add(network, readers, node)
    if weights is None or add is None:
        return None
    axis = 1 if node.operator == "Conv" else -1
    shape = network.shapes[last.outputs[0]]
    own = bias_of(network, node, shape[axis])
    added = addend(network, add, last.outputs[0], shape, axis)
    if own is None or added is None:
        return None
    name = f"{node.name}:bias"
    constants = {name: (own + added).astype(np.float32)}
    biased = replace(node, inputs=(*node.inputs[:2], name))
    nodes: dict[str, Node | None] = {node.name: biased, add.name: None}
    nodes[last.name] = replace(biased if last is node else last, outputs=add.outputs)
    return changed(network, nodes=nodes, constants=constants)


def following_add(
    network: Network, readers: Mapping[str, list[Node]], node: Node
) -> tuple[Node | None, Node]:
    """The Add that alone reads the product, past reshapes that keep the channels, and the node it reads."""
    last = node
    while True:
        shape = network.shapes[last.outputs[0]]
        follower = sole_reader(network, readers, last.outputs[0])
        if follower is None or follower.operator == "Add":
            return follower, last
        after = network.shapes[follower.outputs[0]]
        kept = after[:2] == shape[:2] if node.operator == "Conv" else after[-1:] == shape[-1:]
        if follower.operator not in RESHAPES or follower.inputs[0] != last.outputs[0] or not kept:
            return None, last
        last = follower


def addend(network: Network, add: Node, tensor: str, shape: tuple[int, ...], axis: int) -> np.ndarray | None:
    """The constant that `add` adds to `tensor`, if it has one number for each channel and enlarges
    nothing."""
    other = [name for name in add.inputs if name != tensor]
    if len(other) != 1 or other[0] not in network.constants or network.shapes[add.outputs[0]] != shape:
        return None
    return channel_vector(network.constants[other[0]], shape, axis)
