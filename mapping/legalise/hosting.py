"""Host operations: nodes that no unit of an accelerator takes, as codes to reals, the node, reals to codes.

Such a node is replaced by one of the operator HOST, which computes the same (run_node knows it) and which no
pattern looks into.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.coder import Coded, Coder
from mapping.network import HOST, Network, Node, gemm
from mapping.patterns.curves import Stage
from mapping.run.floating import run_node


def hosted(network: Network, reasons: Mapping[str, str]) -> Network:
    """The network with the named nodes on the host; reasons: why, for each."""

    def placed(node: Node) -> Node:
        if node.name not in reasons:
            return node
        given = {"operator": node.operator, "attributes": node.attributes, "reason": reasons[node.name]}
        return replace(node, operator=HOST, attributes=given)

    return replace(network, nodes=tuple(map(placed, network.nodes)))


def culprit(network: Network, name: str, hosts: Collection[str]) -> Node | None:
    """The node, not yet on the host, that a refusal of `name` is about; None if there is no such node.

    It is the node by this name, or with a result of this name, or from which `name` was made; or a reader of
    its result, which wanted the result in another form.
    """
    names = {n: node for node in network.nodes for n in (*node.outputs, node.name) if n}
    whole = name
    while name not in names:
        cut = max(name.rfind(":"), name.rfind("@"))
        if cut < 1:
            return None
        name = name[:cut]
    own = names[name]
    asking = [node for node in network.nodes if {*own.outputs} & {*node.inputs}]
    in_rows = whole.removeprefix(name).replace("x", "").removeprefix(":").isdigit()  # Coder.reshaped
    found = [*asking, own] if in_rows else [own, *asking]
    return next((node for node in found if node.name not in hosts), None)


def host(c: Coder, node: Node) -> None:
    """Legalise a HOST node."""
    given = [t for t in node.inputs if t and t not in c.network.constants]
    sources = [c.need(t, "half", range(len(c.shape(t)))) for t in given]
    for place, out in enumerate(node.outputs):
        if out and c.wanted.get(out):
            host_result(c, node, place, given, sources)


def host_result(c: Coder, node: Node, place: int, given: Sequence[str], sources: Sequence[Coded]) -> None:
    """Emit one of the results of a HOST node."""
    out = node.outputs[place]
    own = node.attributes
    written = replace(node, operator=str(own["operator"]), attributes=own["attributes"])
    macs = gemm(c.network, written).macs if written.is_product else 0
    constants = {t: c.network.constants[t] for t in node.inputs if t in c.network.constants}
    types = [(t, c.shape(t), c.dtype(t)) for t in given]

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        def compute(codes: Sequence[np.ndarray]) -> list[np.ndarray]:
            values = dict(constants)
            for (tensor, shape, dtype), source, x in zip(types, sources, codes, strict=True):
                exact = (x - source.zero) * source.scale
                values[tensor] = (exact if dtype.kind == "f" else np.rint(exact)).astype(dtype).reshape(shape)
            real = np.nan_to_num(run_node(node, values)[place].astype(np.float64))
            return [form.code(real)]

        names = tuple(source.name for source in sources)
        return graph.Host(
            name=name, x=names[0], others=names[1:], y=name, compute=compute,
            operator=written.operator, macs=macs, reason=str(own["reason"]),
        )  # fmt: skip

    c.emit(out, c.shape(out) or (1,), c.natural(out), make)
