"""A network run in float32 on the host: the reference before quantisation, observed by calibration."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from golden import check, operators
from mapping.network import HOST, Network, Node

Values = dict[str, np.ndarray]

# what numpy and Python raise where operands do not fit each other
IMPOSSIBLE = (ValueError, IndexError, TypeError, KeyError, ArithmeticError, MemoryError, AssertionError)


def run_float(network: Network, inputs: Mapping[str, np.ndarray], *, all_tensors: bool = False) -> Values:
    """Outputs by name, or every tensor but the constants.

    raises  BadValue if an input is missing, or of another shape or type
    """
    return walk(network, inputs, run_node, all_tensors=all_tensors)


def walk(
    network: Network, inputs: Mapping[str, np.ndarray],
    compute: Callable[[Node, Values], Sequence[np.ndarray]], *, all_tensors: bool,
) -> Values:  # fmt: skip
    """Outputs by name, or every tensor but the constants. `compute` returns a node's outputs from the values
    so far; values that nothing reads any more are dropped.

    raises  BadValue if an input is missing, or of another shape or type, or a result of another shape
    """
    network.check_inputs(inputs)
    network.check_room()
    kept = set(network.outputs)
    last_use = {tensor: i for i, node in enumerate(network.nodes) for tensor in node.inputs}
    values = {**network.constants, **inputs}
    for i, node in enumerate(network.nodes):
        made = dict(zip(node.outputs, compute(node, values), strict=False))
        check_shapes(network, node, made)
        values.update(made)
        if not all_tensors:
            for tensor in {*node.inputs, *node.outputs} - kept:
                if last_use.get(tensor, i) == i:
                    values.pop(tensor, None)
    computed = [t for t in values if t and t not in network.constants] if all_tensors else []
    return {tensor: values[tensor] for tensor in [*computed, *network.outputs]}


def check_shapes(network: Network, node: Node, made: Mapping[str, np.ndarray]) -> None:
    """BadValue where a result's shape is not the one that follows from the file."""
    for tensor, value in made.items():
        wanted = network.shapes.get(tensor)
        if tensor and wanted is not None and value.shape != wanted:
            what = f"{list(value.shape)} from its values"
            raise check.fail(f"node {node.name}: shape of {tensor}", what, f"{list(wanted)}, as in the file")


def run_node(node: Node, values: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Outputs of one node, its fused activation applied."""
    operator, attributes = node.operator, dict(node.attributes)
    if operator == HOST:
        operator, attributes = attributes["operator"], dict(attributes["attributes"])
    activation = attributes.pop("activation", None)
    arguments = [values[tensor] if tensor else None for tensor in node.inputs]
    try:
        outputs = operators.evaluate(operator, arguments, attributes)
        return operators.evaluate(activation, outputs, {}) if activation else outputs
    except check.BadValue as bad:
        raise check.BadValue(f"node {node.name}: {bad}") from None
    except IMPOSSIBLE as wrong:
        reason = " ".join(str(wrong).split()) or type(wrong).__name__
        shapes = ", ".join(str(list(x.shape)) for x in arguments if x is not None) or "none"
        what = f"impossible for inputs of shapes {shapes} ({reason})"
        raise check.fail(f"node {node.name}: {operator}", what, "what ONNX says of it") from None
