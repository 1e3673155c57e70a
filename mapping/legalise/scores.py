"""Scores of a softmax in 16 bits, 256 codes to an octave, and which scores such codes can hold.

A softmax depends on differences alone, so codes may begin anywhere: where the rows' greatest scores are far
from 0, a zero point puts them into the middle. A score far below its row's greatest may saturate, since its
share is less than a code of the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from golden import check
from mapping.network import Network, Node
from mapping.patterns.curves import OCTAVE
from mapping.patterns.regions import MOVING

if TYPE_CHECKING:
    from mapping.legalise.coder import Coder

BELOW = 16 * 256  # codes that a row needs under its greatest score: what is 16 octaves less is nothing
ABOVE = 8 * 256  # codes left above the greatest score that was seen
MIDDLE = (32767 - ABOVE + BELOW - 32768) // 2  # where the middle of the greatest scores is put
LEAST, MOST = (BELOW - 32768) * OCTAVE, (32767 - ABOVE) * OCTAVE  # of a row's greatest, without a zero point
FARTHEST = 2000.0  # from 0, of scores in 16 bits: a code is worth less than a tenth
STRONGEST = 4  # times the codes' reach: what a mask takes off at most


class Tops:
    """The range, low to high, of the observed rows' greatest scores, and the least of all scores."""

    def __init__(self, axis: int) -> None:
        self.axis, self.low, self.high, self.least = axis, np.inf, -np.inf, np.inf

    def see(self, values: np.ndarray) -> None:
        if values.size:
            self.least = min(self.least, float(values.min()))
            greatest = values.max(self.axis)
            self.low = min(self.low, float(greatest.min()))
            self.high = max(self.high, float(greatest.max()))


def scores_of(node: Node) -> tuple[str, int] | None:
    """The tensor of scores of a node that computes probabilities, and their axis; None for any other node."""
    if node.operator == "Attend":
        return node.attributes["scores"], -1
    return (node.inputs[0], int(node.attributes.get("axis", -1))) if node.operator == "Softmax" else None


def seers(network: Network) -> dict[str, Tops]:
    """Observers of scores, by tensor; two softmaxes of one tensor share theirs."""
    found = (scores_of(node) for node in network.nodes)
    return {tensor: Tops(axis) for tensor, axis in (each for each in found if each is not None)}


def tops(c: "Coder", seen: Mapping[str, Tops]) -> dict[str, tuple[float, float]]:
    """The range of rows' greatest scores, for each tensor that is coded as scores or only moved to become
    scores.

    For a network that states its codes: the whole range of these codes.
    """
    ranges: dict[str, tuple[float, float]] = {}
    for node in c.network.nodes:
        found = scores_of(node)
        if found is None:
            continue
        tensor: str = found[0]
        if tensor in seen and seen[tensor].low <= seen[tensor].high:
            span = seen[tensor].low, seen[tensor].high
        elif tensor in c.given:
            span = c.given[tensor].reach
        else:
            continue
        queue = [tensor]
        while queue:
            tensor = queue.pop()
            low, high = ranges.get(tensor, span)
            ranges[tensor] = min(low, span[0]), max(high, span[1])
            maker = c.producers.get(tensor)
            if maker is not None and maker.operator == "Concat":
                queue += maker.inputs
            elif maker is not None and maker.operator in (*MOVING, "Transpose"):
                queue.append(maker.inputs[0])
    return ranges


def apart(network: Network, known: Network, seen: Mapping[str, Tops]) -> list[Node]:
    """Softmaxes whose rows are too far apart for one zero point, though 16 bits still tell each row's scores
    apart.

    known  the network with patterns recognised; an attention's scores come from 8-bit factors, too coarse for
           that
    """
    found = []
    alone = {node.inputs[0] for node in known.nodes if node.operator == "Softmax"}
    for node in network.nodes:
        own = node.operator == "Softmax" and node.inputs[0] in alone
        tops_of = seen.get(node.inputs[0]) if own else None
        if tops_of is not None and tops_of.high - tops_of.low > MOST - LEAST:
            if max(-tops_of.least, tops_of.high) <= FARTHEST:
                found.append(node)
    return found


def less_greatest(network: Network, softmaxes: Sequence[Node]) -> Network:
    """The network with each row's greatest score subtracted before these softmaxes."""
    shapes, nodes = dict(network.shapes), []
    names = {node.name for node in softmaxes}
    for node in network.nodes:
        if node.name in names:
            x, axis = node.inputs[0], int(node.attributes.get("axis", -1)) % len(shapes[node.inputs[0]])
            top, less = f"{node.name}:greatest", f"{node.name}:less"
            shapes[less] = shapes[x]
            shapes[top] = tuple(1 if i == axis else size for i, size in enumerate(shapes[x]))
            how = {"axes": [axis], "keepdims": 1}
            nodes += [
                Node(name=top, operator="ReduceMax", inputs=(x,), outputs=(top,), attributes=how),
                Node(name=less, operator="Sub", inputs=(x, top), outputs=(less,)),
            ]
            node = replace(node, inputs=(less,))
        nodes.append(node)
    return replace(network, nodes=tuple(nodes), shapes=shapes)


def zero_of(span: tuple[float, float] | None) -> int:
    """The zero point of scores whose rows' greatest are in `span`."""
    if span is None or (LEAST <= span[0] and span[1] <= MOST):
        return 0
    return round(MIDDLE - (span[0] + span[1]) / 2 / OCTAVE)


def check_scores(c: "Coder", tensor: str) -> None:
    """BadValue where the rows' greatest scores are too far from one another."""
    span = c.tops.get(tensor)
    if span is not None and span[1] - span[0] > MOST - LEAST and tensor not in c.given:
        what = f"from {span[0]:.4g} to {span[1]:.4g}"
        raise check.fail(f"greatest scores of rows of {tensor}", what, f"within {MOST - LEAST:.0f}")
    if span is not None and tensor in c.given and span[1] - span[0] > 65535 * OCTAVE:
        what = f"from {span[0]:.4g} to {span[1]:.4g}"
        raise check.fail(f"scores of {tensor}", what, f"within {65535 * OCTAVE:.0f}")


def masks(c: "Coder") -> dict[str, int]:
    """Factors of masks' codes: a mask may subtract more from the scores than their codes reach."""
    found = {}
    for node in c.network.nodes:
        if node.operator == "Attend" and len(node.inputs) > 3:
            times = np.ceil(c.reach(node.inputs[3]) / (32767 * OCTAVE))
            found[node.inputs[3]] = int(np.clip(times, 1, STRONGEST))
    return found
