"""Attention, recognised around a softmax: heads side by side, scaled, masked."""

from mapping.network import Network, Node
from mapping.passes.rewrite import sole_reader
from mapping.patterns.subgraphs import permutation, with_node
from mapping.quantise.requantise_points import constant_factor


def attentions(network: Network, lanes: int) -> Network:
    """The network with Attend nodes in the place of attentions whose heads are whole vectors of `lanes`."""
    for node in network.nodes:
        if node.operator == "Softmax":
            found = attention(network, node)
            if found is not None and whole_vectors(network, found, lanes):
                network = with_node(network, found)
    return network


def whole_vectors(network: Network, node: Node, lanes: int) -> bool:
    """Whether each head begins with a vector."""
    heads = int(node.attributes["heads"])
    widths = [network.shapes[t][-1] // heads for t in node.inputs[:3]]
    return heads == 1 or not any(width % lanes for width in widths)


def attention(network: Network, softmax: Node) -> Node | None:
    """The Attend node around a Softmax that computes its weights, or None."""
    producers, readers = network.producers(), network.consumers()
    rank = len(network.shapes[softmax.inputs[0]])
    context = sole_reader(network, readers, softmax.outputs[0])
    if rank != 4 or softmax.attributes.get("axis", -1) % rank != 3 or context is None:
        return None
    if context.operator != "MatMul" or context.inputs[0] != softmax.outputs[0]:
        return None
    scores, mask, scale = producers.get(softmax.inputs[0]), None, 1.0
    while scores is not None and scores.operator in ("Add", "Mul", "Div"):
        factor = constant_factor(scores, network.constants)
        if factor is not None:
            scale *= factor
            scores = producers.get(scores.inputs[0])
            continue
        if scores.operator != "Add" or mask is not None or scale != 1.0:
            return None
        masks = [t for t in scores.inputs if network.shapes[t][:-1] in ((1, 1, 1), (1, 1), (1,), ())]
        keys = network.shapes[softmax.inputs[0]][-1]
        if len(masks) != 1 or network.shapes[masks[0]][-1:] != (keys,):
            return None
        mask = masks[0]
        scores = producers.get(next(t for t in scores.inputs if t != mask))
    if scores is None or scores.operator != "MatMul" or scores.inputs[1] in network.constants:
        return None
    if scores.attributes or context.attributes:  # a function behind a product
        return None
    q, k = (
        side_by_side(network, scores.inputs[i], perm) for i, perm in ((0, [0, 2, 1, 3]), (1, [0, 2, 3, 1]))
    )
    v = side_by_side(network, context.inputs[1], [0, 2, 1, 3])
    joined = sole_reader(network, readers, context.outputs[0])
    if joined is None or joined.operator != "Transpose" or permutation(network, joined) != [0, 2, 1, 3]:
        return None
    flat = sole_reader(network, readers, joined.outputs[0])
    if flat is None or flat.operator != "Reshape" or None in (q, k, v):
        return None
    batch, heads = network.shapes[softmax.inputs[0]][:2]
    if batch != 1 or network.shapes[flat.outputs[0]][-1] != network.shapes[v or ""][-1]:
        return None
    if network.shapes[k or ""][-1] != network.shapes[q or ""][-1]:
        return None  # fewer heads of keys than of queries
    inputs = (q or "", k or "", v or "", *([mask] if mask else []))
    return Node(
        name=softmax.name, operator="Attend", inputs=inputs,
        outputs=flat.outputs, attributes={"heads": heads, "scale": scale, "scores": softmax.inputs[0]},
    )  # fmt: skip


def side_by_side(network: Network, tensor: str, perm: list[int]) -> str | None:
    """The tensor [1, rows, heads * width] whose heads `tensor` is."""
    producers = network.producers()
    turned = producers.get(tensor)
    if turned is None or turned.operator != "Transpose" or permutation(network, turned) != perm:
        return None
    split = producers.get(turned.inputs[0])
    if split is None or split.operator != "Reshape":
        return None
    (_, rows, heads, width), before = network.shapes[split.outputs[0]], network.shapes[split.inputs[0]]
    return split.inputs[0] if before[-2:] == (rows, heads * width) else None
