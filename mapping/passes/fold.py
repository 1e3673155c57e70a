"""Constant folding: nodes whose outputs follow from constants and shapes alone are computed once, here."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mapping.network import Network, Node, Shape
from mapping.run.floating import run_node


def fold_node(
    node: Node, constants: Mapping[str, np.ndarray], shapes: Mapping[str, Shape]
) -> list[np.ndarray] | None:
    """Outputs of `node`, or None if they depend on more than constants and the shape of its input."""
    if node.operator in ("Shape", "Size"):
        tensor = node.inputs[0]
        return run_node(node, {tensor: np.broadcast_to(np.float32(0), shapes[tensor])})
    if not all(tensor in constants for tensor in node.inputs if tensor):
        return None
    return run_node(node, constants)


def fold_constants(network: Network) -> Network:
    """The network without the nodes whose outputs are constant."""
    constants, kept = dict(network.constants), []
    for node in network.nodes:
        values = fold_node(node, constants, network.shapes)
        if values is None:
            kept.append(node)
        else:
            constants.update(zip(node.outputs, values, strict=False))
    return replace(network, nodes=tuple(kept), constants=constants)
