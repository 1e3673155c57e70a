"""Ranges of the tensors of a quantised network, from the ranges of codes and from weights.

Interval arithmetic over the recognised network: no value that the network can reach lies outside.
"""

from collections.abc import Callable, Mapping

import numpy as np

from mapping.ir.encodings import Affine
from mapping.network import Network, Node, gemm
from mapping.patterns.subgraphs import apply

Range = tuple[float, float]
GRID = 4097  # points at which a function is looked at
SAME = ("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Transpose", "Slice", "Split", "MaxPool",
        "GlobalMaxPool", "ReduceMax", "QuantizeLinear")  # fmt: skip
MEANS = ("AveragePool", "GlobalAveragePool", "ReduceMean")


def ranges(network: Network, stated: Mapping[str, Affine]) -> dict[str, Range]:
    """Ranges by tensor, for all tensors for which one follows."""
    seen = {name: form.reach for name, form in stated.items()}
    for name, value in network.constants.items():
        if value.size and value.dtype.kind in "fiu":
            seen[name] = float(value.min()), float(value.max())
    for node in network.nodes:
        found = range_of(network, node, seen)
        for out in node.outputs:
            if found is not None:
                seen.setdefault(out, found)
    return seen


def range_of(network: Network, node: Node, seen: Mapping[str, Range]) -> Range | None:
    """The range of a node's results, or None."""
    form = node.attributes.get("form")
    if isinstance(form, Affine):
        return form.reach
    if node.operator == "Softmax":
        return 0.0, 1.0
    if node.operator == "Normalise":
        axes = node.attributes.get("axes", (node.attributes["axis"],))
        reach = np.sqrt(np.prod([network.shapes[node.inputs[0]][int(axis)] for axis in axes]))
        gamma, beta = (float(np.abs(node.attributes[key]).max(initial=0)) for key in ("gamma", "beta"))
        return -(reach * gamma + beta), reach * gamma + beta
    given = [seen.get(t) for t in node.inputs if t]
    known = [each for each in given if each is not None]
    if node.operator == "Gather":
        return seen.get(node.inputs[0])
    if len(known) != len(given) or not known:
        return None
    if node.is_product:
        return of_product(network, node, seen)
    if node.operator == "Elementwise":
        return through(lambda x: apply(node, x), known[0])
    if node.operator == "Attend":
        return known[2]
    if node.operator in ARITHMETIC and len(known) == 2:
        ends = [ARITHMETIC[node.operator](a, b) for a in known[0] for b in known[1]]
        return (min(ends), max(ends)) if np.isfinite(ends).all() else None
    if node.operator == "Concat" or node.operator in SAME or node.operator in MEANS:
        operands = known if node.operator == "Concat" else known[:1]
        low, high = min(a for a, _ in operands), max(b for _, b in operands)
        return (min(low, 0.0), max(high, 0.0)) if node.operator in MEANS else (low, high)
    return None


def through(f: Callable[[np.ndarray], np.ndarray], x: Range) -> Range | None:
    """The range of a function's results over a range of arguments."""
    with np.errstate(all="ignore"):
        y = f(np.linspace(*x, GRID).astype(np.float32)).astype(np.float64)
    return (float(y.min()), float(y.max())) if np.isfinite(y).all() else None


def of_product(network: Network, node: Node, seen: Mapping[str, Range]) -> Range | None:
    """The range of a product: by constant weights from each output channel's own; of computed factors from
    the greatest products."""
    low, high = seen[node.inputs[0]]
    w = network.constants.get(node.inputs[1])
    if w is None:
        k = gemm(network, node).k
        reach = k * max(-low, high) * max(abs(end) for end in seen[node.inputs[1]])
        return -reach, reach
    if node.operator == "Conv":
        low, high = min(low, 0.0), max(high, 0.0)  # padding
        axes: tuple[int, ...] = tuple(range(1, w.ndim))
    else:
        axes = (w.ndim - 1 if node.attributes.get("transB") else max(w.ndim - 2, 0),)
    w = w.astype(np.float64) * float(node.attributes.get("alpha", 1.0))
    ends = np.stack([w * low, w * high])
    least, most = ends.min(0).sum(axes).ravel(), ends.max(0).sum(axes).ravel()
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = network.constants[node.inputs[2]].astype(np.float64).ravel()
        bias = bias * float(node.attributes.get("beta", 1.0))
        if bias.size not in (1, least.size):
            bias = np.array([bias.min(), bias.max()])
            least, most = least + bias[0], most + bias[1]
        else:
            least, most = least + bias, most + bias
    found: Range | None = (float(least.min()), float(most.max()))
    if len(node.inputs) > 3:
        a, b = seen[node.inputs[3]]
        found = found[0] + a, found[1] + b  # type: ignore[index]
    if node.attributes.get("activation") == "Relu" and found:
        found = max(found[0], 0.0), max(found[1], 0.0)
    fused = node.attributes.get("function")
    if fused is not None and found:
        found = through(lambda x: apply(fused, x), found)
    return found


def quotient(a: float, b: float) -> float:
    return a / b if b else float("inf")


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "Add": lambda a, b: a + b, "Sub": lambda a, b: a - b, "Mul": lambda a, b: a * b, "Div": quotient,
    "Max": max, "Min": min,
}  # fmt: skip
