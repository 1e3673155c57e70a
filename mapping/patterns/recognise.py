"""Recognition: nodes that a unit executes whole, in place of the primitives that spell them out.

    Normalise    (x - mean) / sqrt(variance + epsilon) * gamma + beta    axis, epsilon, rms, gamma, beta
    Softmax      from exponentials and their sum
    Attend       softmax(scale Q K^T + mask) V of heads side by side     inputs q, k, v[, mask]; heads, scale
    Elementwise  a function of one tensor, element by element            attributes nodes, constants
    Gather       of a constant's rows, from a product with one-hot rows, any function applied to the rows

Normalisation, softmax and functions are recognised by their results on random numbers, not by how they are
spelt. A product's fourth input is added to it, then its attribute `function` (an Elementwise node) is
applied.
"""

from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from mapping.network import Network, Node
from mapping.passes.rewrite import remove_dead, sole_reader
from mapping.patterns.attentions import attentions
from mapping.patterns.regions import elementwise, functions_first, functions_of_rows
from mapping.patterns.spelt_out import norms_and_softmaxes
from mapping.patterns.subgraphs import permutation, with_constant, with_node


def recognise(network: Network, lanes: int) -> Network:
    """The network with all patterns recognised, one kind after the other. Tensors keep their names.

    lanes  of a vector: heads that lie side by side have to be whole vectors
    """
    for step in (
        pads_of_convolutions, one_hot_products, norms_and_softmaxes, partial(attentions, lanes=lanes),
        elementwise, functions_first, functions_of_rows, epilogues,
    ):  # fmt: skip
        network = remove_dead(step(network))
    return network


def one_hot_products(network: Network) -> Network:
    """MatMul of Cast(Equal(x, [0, 1, ...])) by constant weights becomes a Gather of their rows, bias
    included."""
    producers = network.producers()
    for node in network.nodes:
        if node.operator != "MatMul" or node.inputs[1] not in network.constants:
            continue
        cast = producers.get(node.inputs[0])
        equal = producers.get(cast.inputs[0]) if cast and cast.operator == "Cast" else None
        if equal is None or equal.operator != "Equal":
            continue
        numbers = [t for t in equal.inputs if t in network.constants]
        table = network.constants[node.inputs[1]]
        if len(numbers) != 1 or list(network.constants[numbers[0]].ravel()) != list(range(len(table))):
            continue
        if len(node.inputs) > 2 and node.inputs[2]:
            table = table + network.constants[node.inputs[2]]
        index = next(t for t in equal.inputs if t != numbers[0])
        names = (f"{node.name}:rows", index)
        rows = Node(name=node.name, operator="Gather", inputs=names, outputs=node.outputs)
        network = with_constant(network, f"{node.name}:rows", table)
        network = with_node(network, rows)
    return network


def pads_of_convolutions(network: Network) -> Network:
    """A Pad of an image with zeros, perhaps before a Transpose, becomes padding of the convolution
    behind it."""
    readers, producers = network.consumers(), network.producers()
    for node in network.nodes:
        if node.operator != "Conv" or node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
            continue
        turn = producers.get(node.inputs[0])
        pad = turn
        if turn is not None and turn.operator == "Transpose":
            pad = producers.get(turn.inputs[0])
        if (
            pad is None
            or turn is None
            or pad.operator != "Pad"
            or sole_reader(network, readers, pad.outputs[0]) is None
        ):
            continue
        amounts = network.constants.get(pad.inputs[1])
        value = network.constants.get(pad.inputs[2]) if len(pad.inputs) > 2 and pad.inputs[2] else np.zeros(1)
        if amounts is None or value is None or value.any() or (amounts < 0).any() or len(pad.inputs) > 3:
            continue
        amounts = amounts.reshape(2, -1)
        if turn is not pad:
            amounts = amounts[:, permutation(network, turn)]
        if amounts[:, :2].any() or pad.attributes.get("mode", "constant") != "constant":
            continue
        own = np.array(node.attributes.get("pads", [0] * 2 * (amounts.shape[1] - 2))).reshape(2, -1)
        pads = [int(each) for each in (own + amounts[:, 2:]).ravel()]
        attributes = {**node.attributes, "auto_pad": "NOTSET", "pads": pads}
        source, extra = pad.inputs[0], {}
        moved = turn
        if turn is not pad:
            name = f"{turn.outputs[0]}:unpadded"
            moved = replace(turn, inputs=(source,), outputs=(name,))
            shape = network.shapes[source]
            extra = {name: tuple(shape[i] for i in permutation(network, turn))}
            source = name
        conv = replace(node, inputs=(source, *node.inputs[1:]), attributes=attributes)
        nodes = [{node.name: conv, turn.name: moved}.get(n.name, n) for n in network.nodes]
        network = remove_dead(replace(network, nodes=tuple(nodes), shapes={**network.shapes, **extra}))
        return pads_of_convolutions(network)
    return network


def epilogues(network: Network) -> Network:
    """An Add of another tensor or an Elementwise that alone reads a product is fused with it."""
    changed = True
    while changed:
        changed = False
        readers = network.consumers()
        for node in network.nodes:
            if not (node.is_product and weighted(network, node)) or "function" in node.attributes:
                continue
            follower = sole_reader(network, readers, node.outputs[0])
            fused = None if follower is None else fuse(network, node, follower)
            if fused is not None and follower is not None:
                nodes = [
                    fused if n.name == follower.name else n for n in network.nodes if n.name != node.name
                ]
                network = replace(network, nodes=tuple(nodes))
                changed = True
                break
    return remove_dead(network)


def weighted(network: Network, node: Node) -> bool:
    """Whether a product's second factor is a constant without a batch."""
    weights = network.constants.get(node.inputs[1])
    return weights is not None and (node.operator == "Conv" or prod(weights.shape[:-2]) == 1)


def fuse(network: Network, node: Node, follower: Node) -> Node | None:
    """The product fused with the node behind it."""
    plain = "activation" not in node.attributes and len(node.inputs) < 4
    depthwise = node.operator == "Conv" and int(node.attributes.get("group", 1)) > 1
    if follower.operator == "Elementwise" and "activation" not in node.attributes:
        return replace(node, outputs=follower.outputs, attributes={**node.attributes, "function": follower})
    if follower.operator == "Add" and plain and not depthwise:
        other = [t for t in follower.inputs if t != node.outputs[0]]
        if len(other) == 1 and other[0] not in network.constants:
            if network.shapes[other[0]] == network.shapes[node.outputs[0]]:
                x, w, *bias = node.inputs
                return replace(node, outputs=follower.outputs, inputs=(x, w, *(bias or [""]), other[0]))
    return None
