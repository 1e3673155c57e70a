"""Exactness where single values count: scales that keep such values exact, and the grain of codes.

A comparison, a rounding or a step changes at one value. Tensors that lead to one are coded at powers of two,
so that 0.5 is a code and equal reals have equal codes, and a difference has the coarser scale of its
operands. A tensor computed from coarse codes stays coarse: its grain is the real step of the coarsest codes
on its way.
"""

import numpy as np

from golden import check
from mapping.network import Network, Node
from mapping.patterns.structure import BOOLEAN, JUMPS

TURNING = JUMPS | BOOLEAN | {"Shrink", "ThresholdedRelu", "Where"}
MOVES = frozenset(
    "Concat DepthToSpace Expand Flatten Gather GatherElements Identity Pad ReduceMax Reshape Slice "
    "SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze".split()
)
LEAD = MOVES | {"Add", "Sub"}
GRAINED = LEAD | {"ReduceMean", "ReduceSum", "MaxPool", "AveragePool"}  # as coarse as what they are of
COARSE = 0.03  # of a function's greatest result: how much half a grain of its argument may change it


def turns(node: Node) -> bool:
    """Whether an Elementwise node's function jumps."""
    return node.operator == "Elementwise" and any(
        each.operator in TURNING for each in node.attributes["nodes"]
    )


def alike(network: Network, differences: set[str]) -> dict[str, set[str]]:
    """Groups of tensors that are subtracted from one another, each with all tensors that share its scale."""
    producers = network.producers()
    found: dict[str, set[str]] = {}
    for tensor in differences:
        pair = [t for t in producers[tensor].inputs if t not in network.constants]
        group = set().union(*(found.get(t, {t}) for t in pair))
        found.update(dict.fromkeys(group, group))
    return found


def exactly(network: Network) -> tuple[set[str], set[str]]:
    """Tensors to be coded at powers of two, and those among them that are differences read only by jumps."""
    producers, readers = network.producers(), network.consumers()
    waiting = [node.inputs[0] for node in network.nodes if turns(node)]
    found: set[str] = set()
    while waiting:
        tensor = waiting.pop()
        if tensor in found:
            continue
        found.add(tensor)
        maker = producers.get(tensor)
        if maker is not None and maker.operator in LEAD:
            waiting += maker.inputs
    differences = {
        t for t in found
        if t in producers and producers[t].operator == "Sub" and t not in network.outputs
        and all(turns(reader) for reader in readers.get(t, ()))
    }  # fmt: skip
    return found, differences


def power_of_two(scale: float) -> float:
    """The power of two next to a scale."""
    return float(2.0 ** np.ceil(np.log2(scale)))


def too_coarse(tensor: str, values: np.ndarray, there: np.ndarray, codes: int, grain: float) -> None:
    """BadValue where a function changes by too much within a grain.

    values  of the function at each code
    there   which codes were observed
    codes   codes per grain
    """
    size = float(np.abs(values).max(initial=0.0))
    change = np.abs(values[codes:] - values[:-codes]) / 2
    most = float(change[there[codes:] | there[:-codes]].max(initial=0.0))
    if size and most > COARSE * size:
        what = f"told apart by {grain:.2g}, which changes its function by {most / size:.0%}"
        raise check.fail(f"tensor {tensor}", what, f"at most {COARSE:.0%} of the greatest result")
