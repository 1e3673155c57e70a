"""Masks before a softmax: constants of -10,000, -3.4e38 or minus infinity, which exclude elements.

Codes of 16 bits with such a range could not tell scores apart. A mask only has to be so far below the scores
that their exponentials round to 0, so it is raised to four times the greatest score observed and 16 nats
more.
"""

from dataclasses import replace

import numpy as np

from mapping.legalise.primitives.writer import Writer
from mapping.network import Network, Node

FAR = -1e3  # a constant below it is a mask, if all it reaches is a softmax
MOVING = ("Add", "Cast", "Expand", "Identity", "Pad", "Reshape", "Squeeze", "Transpose", "Unsqueeze", "Where")


def tamed(w: Writer, node: Node) -> Node:
    """The node with raised masks among its constants; the node itself if it has none."""
    masks = [t for t in node.inputs if t in w.constants and is_mask(w.constants[t])]
    if not masks:
        return node
    scores = reached(w, node.outputs[0])
    if not scores:
        return node
    seen = np.concatenate([w.values[t].ravel() for t in scores])
    seen = np.abs(seen[np.isfinite(seen) & (seen > FAR)])
    least = -(4 * float(seen.max(initial=0.0)) + 16)
    raised = {t: w.value(np.maximum(w.constants[t], least), w.dtype(t)) for t in masks}
    return replace(node, inputs=tuple(raised.get(t, t) for t in node.inputs))


def hides(network: Network, node: Node) -> bool:
    """Whether a node chooses between a constant mask and something else."""
    given = (network.constants.get(t) for t in node.inputs)
    return node.operator == "Where" and any(x is not None and is_mask(x) for x in given)


def is_mask(value: np.ndarray) -> bool:
    return bool(value.dtype.kind == "f" and value.size and value.min() < FAR)


def reached(w: Writer, tensor: str) -> list[str]:
    """The arguments of the softmaxes that a tensor reaches, if it reaches nothing else; else none."""
    found: list[str] = []
    waiting = [tensor]
    while waiting:
        at = waiting.pop()
        if at in w.old.outputs or at not in w.readers:
            return []
        for reader in w.readers[at]:
            if reader.operator == "Softmax":
                found.append(at)
            elif reader.operator in MOVING:
                waiting += reader.outputs
            else:
                return []
    return found
