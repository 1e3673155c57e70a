"""Operators of transformers written out as the primitives that units have, before all other passes.

A rule knows the shapes, so it writes plain nodes: masks that follow from shapes and constants are constants.
Each means what the operator's function in `golden.operators` computes, which is what a network gives before
the passes; tests hold the two together. What has no rule for its form is left as it is, for the host.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from mapping.network import Network, Node
from mapping.passes import attention, sequences
from mapping.passes.page import Page
from mapping.refused import at

Rule = Callable[[Page], bool]  # writes the node out, or leaves it: False
RULES: dict[str, Rule] = {**attention.RULES, **sequences.RULES}


def write_out(network: Network, rules: Mapping[str, Rule] = RULES) -> Network:
    """The network with the nodes that have a rule in primitives."""
    if not any(node.operator in rules for node in network.nodes):
        return network
    constants, shapes, types = dict(network.constants), dict(network.shapes), dict(network.types)
    nodes: list[Node] = []
    for node in network.nodes:
        page = Page(network, node)
        with at(node.name, f"{network.name}: node {node.name} ({node.operator}): "):
            if node.operator not in rules or not rules[node.operator](page):
                nodes.append(node)
                continue
        nodes += page.nodes
        constants |= page.constants
        shapes |= page.shapes
        types |= page.types
    return replace(network, nodes=tuple(nodes), constants=constants, shapes=shapes, types=types)
