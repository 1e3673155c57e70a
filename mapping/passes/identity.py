"""Removal of nodes that change nothing, except those that make an output of the network."""

from dataclasses import replace

from mapping.network import Network, Node
from mapping.passes.rewrite import remove_dead

# of these, the same shape means the same tensor
COPIES = ("Identity", "Dropout", "Reshape", "Expand", "Flatten", "Tile", "Slice")


def skip_identities(network: Network) -> Network:
    """The network in which readers of a copy read the original."""
    source: dict[str, str] = {}
    nodes = []
    for node in network.nodes:
        node = replace(node, inputs=tuple(source.get(tensor, tensor) for tensor in node.inputs))
        if is_copy(network, node):
            source[node.outputs[0]] = node.inputs[0]
        nodes.append(node)
    return remove_dead(replace(network, nodes=tuple(nodes)))


def is_copy(network: Network, node: Node) -> bool:
    if node.operator == "Transpose":
        perm = node.attributes.get("perm")
        return perm is not None and list(perm) == sorted(perm)
    if node.operator not in COPIES:
        return False
    if node.operator == "Slice" and len(node.inputs) > 4 and node.inputs[4]:
        steps = network.constants.get(node.inputs[4])
        if steps is None or (steps < 0).any():
            return False
    return network.shapes[node.inputs[0]] == network.shapes[node.outputs[0]]
