"""Boundaries: where a quantised network's tensors become codes. Nothing is fused across one, nothing rounded
twice.

A QuantizeLinear node behind an operator that requantises is fused with it: its result has those codes. One
behind an operator that only moves elements is moved before it. The nodes that remain change a scale, or are
dropped. A DequantizeLinear node reads codes as those of another scale. `forms` gives the encoding of each
tensor; a tensor whose encoding the file does not state takes 16 bits over the range that follows from the
codes before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from golden import check
from mapping.frontends.onnx_stripped import DEQUANTISE, QUANTISE, Mark
from mapping.ir.encodings import Affine
from mapping.network import Network, Node
from mapping.passes.rewrite import exchanged, remove_dead, sole_reader, until_settled
from mapping.patterns.regions import MOVING, renamed
from mapping.quantise.ranges import range_of, ranges

HOISTED = (*MOVING, "Transpose", "MaxPool", "GlobalMaxPool", "ReduceMax")  # of one operand, codes as they are
PASSING = (*HOISTED, "Slice", "Split")
WIDE = 1 << 30  # of 32-bit sums that leave the network: room for a rounding


def placed(network: Network, marks: Mapping[str, Mark]) -> Network:
    """The network with its marks as nodes, in place of the Identities that held them."""

    def node_of(node: Node) -> Node:
        mark = marks.get(node.outputs[0]) if node.operator == "Identity" else None
        if mark is None:
            return node
        return replace(node, operator=mark.operator, attributes={"form": mark.form})

    return replace(network, nodes=tuple(node_of(node) for node in network.nodes))


def form_of(node: Node) -> Affine:
    found = node.attributes["form"]
    assert isinstance(found, Affine)
    return found


def same(a: Affine | None, b: Affine) -> bool:
    return a is not None and (a.scale, a.zero, a.dtype) == (b.scale, b.zero, b.dtype)


def settled(
    network: Network, inputs: Mapping[str, Affine], scales: Mapping[str, np.ndarray]
) -> tuple[Network, dict[str, Affine]]:
    """The recognised network with as few QuantizeLinear nodes as its meaning needs, and the encoding of each
    tensor.

    inputs  encodings of inputs that are codes
    scales  of constants that are codes
    """
    stated = {name: form for name, form in inputs.items() if name in network.inputs}
    network = hoisted(without_repeats(with_copies(network), stated), stated)
    while (step := merged(network, stated)) is not None:
        network = step
    network = remove_dead(without_repeats(network, stated))
    return network, forms(network, stated, scales)


def with_copies(network: Network) -> Network:
    """The network with functions that change no code as Identity nodes."""

    def plain(node: Node) -> Node:
        if node.operator == "Elementwise" and all(n.operator == "Identity" for n in node.attributes["nodes"]):
            return replace(node, operator="Identity", attributes={})
        return node

    return replace(network, nodes=tuple(plain(node) for node in network.nodes))


def known_forms(network: Network, stated: Mapping[str, Affine]) -> dict[str, Affine]:
    """Encodings of tensors that are codes already: results of marks, their moved copies, and
    `stated` ones."""
    known = dict(stated)
    for node in network.nodes:
        if node.operator in (QUANTISE, DEQUANTISE):
            known[node.outputs[0]] = form_of(node)
        elif node.operator in PASSING and node.inputs[0] in known:
            for out in node.outputs:
                known[out] = known[node.inputs[0]]
    return known


def without_repeats(network: Network, stated: Mapping[str, Affine]) -> Network:
    """The network without QuantizeLinear nodes whose operand has these codes already."""
    known = known_forms(network, stated)
    names: dict[str, str] = {}
    kept = []
    for node in network.nodes:
        node = reading(node, names)
        x, y = node.inputs[0] if node.inputs else "", node.outputs[0]
        if node.operator == QUANTISE and y not in network.outputs and same(known.get(x), form_of(node)):
            names[y] = x
        else:
            kept.append(node)
    return replace(network, nodes=tuple(kept))


def hoisted(network: Network, stated: Mapping[str, Affine]) -> Network:
    """The network with QuantizeLinear nodes moved before operators that move elements: codes are moved, not
    reals."""

    @until_settled
    def one(network: Network) -> Network | None:
        readers, producers = network.consumers(), network.producers()
        known = known_forms(network, stated)
        for node in network.nodes:
            move = producers.get(node.inputs[0]) if node.operator == QUANTISE else None
            if move is None or move.operator not in HOISTED or move.inputs[0] in known:
                continue
            if sole_reader(network, readers, move.outputs[0]) is not None:
                first = replace(node, inputs=move.inputs[:1], outputs=(f"{node.outputs[0]}:unmoved",))
                return exchanged(network, node, move, first)
        return None

    return one(network)


def merged(network: Network, stated: dict[str, Affine]) -> Network | None:
    """The network with one QuantizeLinear node merged into the tensor before it; None if there is none to
    merge."""
    readers, producers, known = network.consumers(), network.producers(), known_forms(network, stated)
    for node in network.nodes:
        x = node.inputs[0] if node.inputs else ""
        if node.operator != QUANTISE or x in known:
            continue
        own = form_of(node)
        maker = producers.get(x)
        if maker is not None and (maker.operator in PASSING or len(maker.outputs) != 1):
            continue
        alike = [n for n in readers[x] if n.operator == QUANTISE and same(form_of(n), own)]
        alone = len(alike) == len(readers[x]) and x not in network.outputs
        if maker is None and not alone:
            if len(readers[x]) > len(alike) and all(n.operator == QUANTISE for n in readers[x]):
                other = next(form_of(n) for n in readers[x] if n not in alike)
                what = f"coded by {own.scale}, {own.zero} and by {other.scale}, {other.zero}"
                raise check.fail(f"{network.name}: input {x}", what, "one scale and zero point")
            continue
        if not alone and maker is not None:
            return again(network, maker, alike)
        stated[x] = own
        return passed_by(network, {n.outputs[0]: x for n in alike if n.outputs[0] not in network.outputs})
    return None


def again(network: Network, maker: Node, readers: Iterable[Node]) -> Network:
    """`maker` once more, for those of its readers that want its result in an encoding of their own."""
    x = maker.outputs[0]
    name = f"{x}:again{sum(t.startswith(f'{x}:again') for t in network.shapes)}"
    twin = replace(maker, name=name, outputs=(name,))
    if maker.operator == "Elementwise":
        inside = renamed(maker, maker.inputs[0], name)
        twin = replace(twin, attributes={**maker.attributes, "nodes": inside})
    chosen = [n.name for n in readers]
    nodes: list[Node] = []
    for node in network.nodes:
        if node.name in chosen and node.operator == QUANTISE:
            node = reading(node, {x: name})
        nodes += [node, twin] if node is maker else [node]
    return replace(network, nodes=tuple(nodes), shapes={**network.shapes, name: network.shapes[x]})


def passed_by(network: Network, names: Mapping[str, str]) -> Network:
    """The network with readers of some names reading others, without the QuantizeLinear nodes of
    those names."""
    nodes = [
        reading(node, names)
        for node in network.nodes
        if not (node.operator == QUANTISE and node.outputs[0] in names)
    ]
    return replace(network, nodes=tuple(nodes))


def reading(node: Node, names: Mapping[str, str]) -> Node:
    """The node with renamed operands."""
    if not any(t in names for t in node.inputs):
        return node
    made = replace(node, inputs=tuple(names.get(t, t) for t in node.inputs))
    if node.operator != "Elementwise":
        return made
    inside = renamed(node, made.inputs[0], node.outputs[0])
    return replace(made, attributes={**node.attributes, "nodes": inside})


def forms(
    network: Network, stated: Mapping[str, Affine], scales: Mapping[str, np.ndarray]
) -> dict[str, Affine]:
    """The encoding of every tensor for which one follows. scales: of constants that are codes."""
    found = {name: form for name, form in stated.items() if name in network.shapes}
    for name, scale in scales.items():
        value = network.constants.get(name)
        if value is not None and scale.size and (scale == scale.flat[0]).all():
            if np.abs(value).max() <= 127 * scale.flat[0]:
                found[name] = Affine(dtype="int8", scale=float(scale.flat[0]))
    seen = ranges(network, found)
    for node in network.nodes:
        if node.operator in (QUANTISE, DEQUANTISE):
            found[node.outputs[0]] = form_of(node)
        elif node.operator in PASSING and node.inputs[0] in found:
            for out in node.outputs:
                found.setdefault(out, found[node.inputs[0]])
        fused = node.attributes.get("function") if node.is_product else None
        if fused is not None:  # its argument, which no tensor of the network is
            rest = {key: value for key, value in node.attributes.items() if key != "function"}
            before = range_of(network, replace(node, attributes=rest), seen)
            if before is not None:
                found[fused.inputs[0]] = wide(before)
        for out in node.outputs:
            if out not in found and out in seen:
                found[out] = derived(network, node, seen[out])
    return found


def derived(network: Network, node: Node, seen: tuple[float, float]) -> Affine:
    """The encoding of a node's result: 16 bits over its range; 32 for sums of products that leave the
    network."""
    reach = max(-seen[0], seen[1], 1e-30)
    plain = node.is_product and len(node.inputs) < 4 and not {"activation", "function"} & set(node.attributes)
    constant = node.is_product and node.inputs[1] in network.constants
    y = node.outputs[0]
    if plain and constant and y in network.outputs and not network.consumers().get(y):
        return Affine(dtype="int32", scale=reach / WIDE, low=0, high=0)
    return wide(seen)


def wide(seen: tuple[float, float]) -> Affine:
    """An encoding of 16 bits over a range."""
    scale = float(np.float32(max(-seen[0], seen[1], 1e-30) / 32767))
    return Affine(dtype="int16", scale=scale, low=-32768, high=32767)
