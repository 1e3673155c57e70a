"""Subgraphs: the nodes between two tensors, their results, and a single node in their place."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mapping.network import Network, Node
from mapping.passes.rewrite import remove_dead
from mapping.run.floating import run_node


def evaluate(
    nodes: tuple[Node, ...], constants: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """All results of `nodes`, in order."""
    values = {**constants, **given}
    with np.errstate(all="ignore"):
        for node in nodes:
            values.update(zip(node.outputs, run_node(node, values), strict=False))
    return values


def apply(node: Node, x: np.ndarray) -> np.ndarray:
    """An Elementwise node's function of x."""
    return evaluate(node.attributes["nodes"], node.attributes["constants"], {node.inputs[0]: x})[
        node.outputs[0]
    ]


def between(network: Network, x: str, y: str) -> tuple[Node, ...] | None:
    """The nodes that compute y from x and constants; None if y needs anything else."""
    producers, needed, found = network.producers(), [y], set()
    while needed:
        tensor = needed.pop()
        if tensor == x or tensor in network.constants or not tensor:
            continue
        node = producers.get(tensor)
        if node is None:
            return None
        if node.name not in found:
            found.add(node.name)
            needed += node.inputs
    return tuple(node for node in network.nodes if node.name in found)


def permutation(network: Network, node: Node) -> list[int]:
    """The permutation of a Transpose; all axes reversed where it states none."""
    given = node.attributes.get("perm")
    return list(given) if given else list(range(len(network.shapes[node.inputs[0]])))[::-1]


def with_node(network: Network, node: Node) -> Network:
    """The network with `node` in place of the node that makes its output."""
    nodes = tuple(node if node.outputs[0] in n.outputs else n for n in network.nodes)
    return remove_dead(replace(network, nodes=nodes))


def with_constant(network: Network, name: str, value: np.ndarray) -> Network:
    return replace(
        network, constants={**network.constants, name: value}, shapes={**network.shapes, name: value.shape}
    )


def constants_of(network: Network, nodes: tuple[Node, ...]) -> dict[str, np.ndarray]:
    """The constants that nodes read, of one element each: without axes, so that they broadcast."""
    names = {t for node in nodes for t in node.inputs if t in network.constants}
    return {t: network.constants[t].reshape(()) for t in names}
