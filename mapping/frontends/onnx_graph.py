"""The nodes and constants of an ONNX graph, each refused by name where it cannot be used."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from golden import check, operators
from mapping.frontends.onnx_functions import VersionedNode, is_defined
from mapping.frontends.onnx_versions import is_old
from mapping.network import Network, Node

# where an infinite parameter can only be an error; elsewhere it is a mask, or the start of a maximum
FINITE = ("Conv", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization")
INTEGERS = tuple(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
TYPES = ("FLOAT", "DOUBLE", "FLOAT16", "BOOL", *INTEGERS)
ATTRIBUTES = ("FLOAT", "INT", "STRING", "TENSOR", "FLOATS", "INTS", "STRINGS")


def steps(graph: onnx.GraphProto, opset: int | None, where: str) -> list[VersionedNode]:
    """Each node that computes, under a name of its own.

    opset   of the standard operators; None: the file has none
    raises  BadValue for an operator that is neither supported, nor defined by operators that are
    """
    found: dict[str, VersionedNode] = {}
    for index, message in enumerate(graph.node):
        name = message.name or f"{message.op_type}_{index}"
        name = f"{name}_{index}" if name in found else name
        check_operator(message, opset, f"{where}: node {name}")
        if message.op_type in operators.OPERATORS and not is_old(message.op_type, opset or 0):
            check_attributes(message, f"{where}: node {name}")
        if message.op_type != "Constant":
            found[name] = VersionedNode(message, name, opset or 0)
    return list(found.values())


def check_attributes(message: onnx.NodeProto, where: str) -> None:
    """BadValue for an attribute that is not supported for its operator."""
    allowed = operators.attribute_names(message.op_type)
    for entry in message.attribute:
        check.one_of(f"{where}: attribute of {message.op_type}", entry.name, sorted(allowed))


def check_operator(message: onnx.NodeProto, opset: int | None, where: str) -> None:
    """BadValue unless the operator is one of the standard's, of that opset, and supported."""
    standard = message.domain in ("", "ai.onnx")
    operator = message.op_type if standard else f"{message.domain}.{message.op_type}"
    if opset is None or not standard or not is_known(operator, opset):
        raise check.fail(f"{where}: operator", operator, ", ".join(sorted(operators.OPERATORS)))
    try:
        gone = onnx.defs.get_schema(operator, opset, "").deprecated
    except onnx.defs.SchemaError:
        gone = True
    if gone:
        what = f"{operator}, which opset {opset} does not have or has deprecated"
        raise check.fail(f"{where}: operator", what, "operators of that opset")


def is_known(operator: Any, opset: int) -> bool:
    """Whether the operator is supported, or rewritten to operators that are."""
    return isinstance(operator, str) and (
        operator in operators.OPERATORS or is_old(operator, opset) or is_defined(operator, opset)
    )


def read_node(message: onnx.NodeProto, name: str, where: str) -> Node:
    """The node, its attributes decoded; an even Split states how many pieces it makes."""
    attributes = {entry.name: attribute(entry, where) for entry in message.attribute}
    check_attributes(message, where)
    outputs = tuple(message.output)
    most = {"Split": len(outputs), **operators.OUTPUTS}.get(message.op_type, 1)
    if any(outputs[most:]):
        raise check.fail(f"{where}: output {most}", "asked for", f"{most} of {message.op_type}")
    if message.op_type == "Split" and len(message.input) < 2:
        attributes["num_outputs"] = len(outputs)
    inputs = tuple(message.input)
    return Node(name=name, operator=message.op_type, inputs=inputs, outputs=outputs, attributes=attributes)


def attribute(entry: AttributeProto, where: str) -> Any:
    """An attribute's value: a number, a string, a list of them, or an array."""
    holds = enum_name(AttributeProto.AttributeType, entry.type)
    check.one_of(f"{where}: attribute {entry.name}", holds, ATTRIBUTES)
    where = f"{where}: attribute {entry.name}"
    value = onnx.helper.get_attribute_value(entry)
    if holds == "TENSOR":
        return array(value, where)
    if holds in ("STRING", "STRINGS"):
        texts = [text(each, where) for each in ([value] if holds == "STRING" else value)]
        return texts[0] if holds == "STRING" else texts
    check_numbers(entry, value, where)
    return value


def text(value: bytes, where: str) -> str:
    """A string attribute; BadValue unless it is UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise check.fail(where, repr(value[:80]), "UTF-8 text") from None


def check_numbers(entry: AttributeProto, value: Any, where: str) -> None:
    """BadValue for a number that no attribute can be: NaN, an epsilon below 0, an infinite factor."""
    numbers = np.asarray(value, np.float64)
    if np.isnan(numbers).any():
        raise check.fail(where, "NaN", "numbers")
    if not entry.name.startswith("value") and np.isinf(numbers).any():
        raise check.fail(where, "infinite", "finite numbers")
    if entry.name == "epsilon" and (numbers < 0).any():
        raise check.fail(where, float(numbers.min()), "0 or more")


def constants(graph: onnx.GraphProto, where: str) -> dict[str, np.ndarray]:
    """Initialisers and the values of Constant nodes, by tensor name."""
    if graph.sparse_initializer:
        name = graph.sparse_initializer[0].values.name
        raise check.fail(f"{where}: tensor {name}", "sparse", "dense tensors")
    found = {tensor.name: array(tensor, f"{where}: tensor {tensor.name}") for tensor in graph.initializer}
    if "" in found or len(found) < len(graph.initializer):
        what = "empty" if "" in found else "given twice"
        raise check.fail(f"{where}: the name of an initialiser", what, "a name of its own")
    found.update(constant_nodes(graph.node, where))
    return found


def constant_nodes(nodes: Iterable[onnx.NodeProto], where: str) -> Iterator[tuple[str, np.ndarray]]:
    for message in nodes:
        if message.op_type == "Constant":
            tensor = f"{where}: tensor {message.output[0]}"
            attributes = {entry.name: attribute(entry, tensor) for entry in message.attribute}
            allowed = sorted(operators.attribute_names("Constant"))
            if len(attributes) != 1 or message.input:
                raise check.fail(f"{tensor}: a Constant's value", "given not once", f"one of {allowed}")
            for key in attributes:
                check.one_of(f"{tensor}: attribute of Constant", key, allowed)
            yield message.output[0], operators.evaluate("Constant", [], attributes)[0]


def array(tensor: TensorProto, where: str) -> np.ndarray:
    """A tensor's elements; BadValue if its bytes do not fit its shape, or one is not a number."""
    check.one_of(f"{where}: type", enum_name(TensorProto.DataType, tensor.data_type), TYPES)
    try:
        value: np.ndarray = numpy_helper.to_array(tensor)
        if value.shape != tuple(tensor.dims):
            raise ValueError(f"{value.size} elements")
        if value.dtype.kind in "iu" and value.itemsize < 4 and (stated := np.array(tensor.int32_data)).size:
            check.array(where, stated, int(np.iinfo(value.dtype).min), int(np.iinfo(value.dtype).max))
    except check.BadValue:
        raise
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as wrong:
        raise check.fail(where, f"corrupt ({wrong})", f"{list(tensor.dims)} elements") from None
    if value.dtype.kind == "f" and np.isnan(value).any():
        raise check.fail(f"{where}{first(np.isnan(value))}", "NaN", "numbers")
    return value


def check_finite_weights(network: Network, where: str) -> None:
    """BadValue if a parameter of a product or a normalisation is infinite, or a variance is none."""
    for node in network.nodes:
        if node.operator == "BatchNormalization":
            check_variance(network, node, where)
        for tensor in node.inputs if node.operator in FINITE else ():
            value = network.constants.get(tensor)
            if value is not None and value.dtype.kind == "f" and not np.isfinite(value).all():
                place = first(~np.isfinite(value))
                allowed = f"finite numbers in a {node.operator}"
                raise check.fail(f"{where}: tensor {tensor}{place}", "infinite", allowed)


def check_variance(network: Network, node: Node, where: str) -> None:
    """BadValue if a constant variance is below 0, or 0 with an epsilon of 0."""
    variance = network.constants.get(node.inputs[4]) if len(node.inputs) > 4 else None
    least = -float(node.attributes.get("epsilon", 1e-5))
    if variance is not None and (bad := (variance < 0) | (variance <= least)).any():
        at = f"{where}: tensor {node.inputs[4]}{first(bad)}"
        raise check.fail(at, float(variance[bad][0]), "a variance: 0 or more, with epsilon over 0")


def enum_name(enum: Any, value: int) -> str:
    """The name of a member; the number itself where there is none."""
    return str(enum.Name(value)) if value in enum.values() else str(value)


def first(found: np.ndarray) -> str:
    """Index of the first true element, as text that follows an array's name."""
    index = np.argwhere(found)[0].tolist()
    return str(index) if index else ""
