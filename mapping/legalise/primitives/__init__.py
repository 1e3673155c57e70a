"""Primitives: operators rewritten in those that the units have.

Patterns that `mapping.patterns.recognise` finds are left alone. A rule writes a node's meaning as other
nodes, which may have rules of their own; every node that is written is run on a sample, so that shapes, types
and ranges are known. All nodes mean what ONNX says.
"""

from collections.abc import Callable, Mapping

import numpy as np

from mapping.legalise.primitives import elements, normalising, picking, reducing, resizing, sliding
from mapping.legalise.primitives.folding import fold_norms
from mapping.legalise.primitives.masks import hides
from mapping.legalise.primitives.writer import Rule, Writer
from mapping.network import Network
from mapping.passes import simplify
from mapping.passes.rewrite import remove_dead
from mapping.patterns.recognise import recognise
from mapping.refused import at

RULES: dict[str, Rule] = {
    **elements.RULES, **reducing.RULES, **normalising.RULES, **sliding.RULES, **resizing.RULES,
    **picking.RULES,
}  # fmt: skip


def primitive(
    network: Network, values: Callable[[Network], Mapping[str, np.ndarray]], lanes: int
) -> Network:  # fmt: skip
    """The network in primitive operators; the same object, if no node has a rule.

    values  returns every tensor of a network but its constants, on a sample
    lanes   of a vector (see recognise)
    """
    network = fold_norms(network)
    left = {(n.operator, n.outputs) for n in recognise(network, lanes).nodes if n.operator in RULES}
    left |= {(n.operator, n.outputs) for n in network.nodes if hides(network, n)}
    left &= {(n.operator, n.outputs) for n in network.nodes}
    if not left:
        return network
    writer = Writer(network, values(network), RULES)
    for node in network.nodes:
        with at(node.name, f"{network.name}: node {node.name} ({node.operator}): "):
            writer.add(node, rewritten=(node.operator, node.outputs) in left)
    return simplify(remove_dead(writer.network()))
