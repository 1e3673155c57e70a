"""Elementwise regions: operators on single elements as functions of one tensor, and where they are best
applied.
"""

from collections.abc import Mapping
from dataclasses import replace

from mapping.network import Network, Node
from mapping.passes.rewrite import exchanged, sole_reader, until_settled
from mapping.patterns.subgraphs import apply, between, constants_of, with_constant, with_node

UNARY = frozenset(
    "Abs Acos Acosh Asin Asinh Atan Atanh Cast Ceil Celu Clip Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid "
    "HardSwish Identity LeakyRelu Log Mish Neg Not Relu Reciprocal Round Selu Shrink Sigmoid Sign Sin Sinh "
    "Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu".split()
)


BINARY = frozenset(
    "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Min Mod Mul Or Pow PRelu Sub Where "
    "Xor".split()
)


UNMOVED = ":unmoved"


MOVING = ("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity")


def elementwise(network: Network) -> Network:
    """The network with each region of elementwise operators that starts at one tensor as one Elementwise
    node."""
    ends: dict[str, str] = {}  # and the tensor that each starts at
    while (found := next_end(network, ends)) is not None:
        ends[found[0]] = found[1]
    nodes = []
    for node in network.nodes:
        y = node.outputs[0]
        if y in ends:
            inside = between(network, ends[y], y) or (node,)
            node = Node(
                name=node.name, operator="Elementwise", inputs=(ends[y],), outputs=(y,),
                attributes={"nodes": inside, "constants": constants_of(network, inside)},
            )  # fmt: skip
        nodes.append(node)
    return replace(network, nodes=tuple(nodes))


def next_end(network: Network, ends: Mapping[str, str]) -> tuple[str, str] | None:
    """A tensor inside an elementwise region that is also read outside it, with the tensor where the region
    begins; None if there is none."""
    readers = network.consumers()
    roots = {name: name for name in network.inputs}  # an end is its own
    under = dict(roots)  # an end has its region's
    for node in network.nodes:
        root = root_of(network, node, roots)
        for out in node.outputs:
            under[out] = out if root is None else root
            roots[out] = out if root is None or out in ends else root
    for node in network.nodes:
        t = node.outputs[0]
        if under[t] == t or t in ends:
            continue
        outside = any(under[out] != under[t] for n in readers.get(t, ()) for out in n.outputs)
        if t in network.outputs or outside:
            return t, under[t]
    return None


def root_of(network: Network, node: Node, roots: Mapping[str, str]) -> str | None:
    """The single root of a node's operands, if it works element by element on it and on constants of one
    element."""
    if node.operator not in UNARY | BINARY or len(node.outputs) != 1:
        return None
    given = [t for t in node.inputs if t]
    found = {roots[t] for t in given if t not in network.constants}
    single = all(network.constants[t].size == 1 for t in given if t in network.constants)
    shape = network.shapes[node.outputs[0]]
    alike = all(network.shapes[t] == shape for t in given if t not in network.constants)
    return found.pop() if len(found) == 1 and single and alike else None


@until_settled
def functions_first(network: Network) -> Network | None:
    """A function behind operators that only move elements is applied before them, where a product may take it
    along.

    The tensor between the two is named as the result, with UNMOVED behind: its elements are the result's.
    """
    readers, producers = network.consumers(), network.producers()
    for node in network.nodes:
        move = producers.get(node.inputs[0]) if node.operator == "Elementwise" else None
        if move is None or move.operator not in (*MOVING, "Transpose"):
            continue
        if move.inputs[0] in network.inputs or sole_reader(network, readers, move.outputs[0]) is None:
            continue
        between_two = f"{node.outputs[0]}{UNMOVED}"
        attributes = {**node.attributes, "nodes": renamed(node, move.inputs[0], between_two)}
        inner = replace(node, inputs=move.inputs[:1], outputs=(between_two,), attributes=attributes)
        return exchanged(network, node, move, inner)
    return None


def renamed(node: Node, x: str, y: str) -> tuple[Node, ...]:
    """The nodes of an Elementwise node, renamed to read x and make y."""
    names = {node.inputs[0]: x, node.outputs[0]: y}

    def new(tensors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(t, t) for t in tensors)

    return tuple(replace(n, inputs=new(n.inputs), outputs=new(n.outputs)) for n in node.attributes["nodes"])


def functions_of_rows(network: Network) -> Network:
    """A function of gathered rows becomes a Gather from the function of the table."""
    readers, producers = network.consumers(), network.producers()
    for node in network.nodes:
        gather = producers.get(node.inputs[0]) if node.operator == "Elementwise" else None
        if gather is None or gather.operator != "Gather" or gather.inputs[0] not in network.constants:
            continue
        if sole_reader(network, readers, gather.outputs[0]) is None:
            continue
        table = network.constants[gather.inputs[0]]
        made = apply(node, table)
        name = f"{node.name}:rows"
        network = with_constant(network, name, made)
        rows = replace(gather, inputs=(name, gather.inputs[1]), outputs=node.outputs)
        network = with_node(network, rows)
    return network
