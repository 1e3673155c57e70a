"""Shapes of every tensor, node by node: what is constant is folded on the way, so Shape chains vanish.

A node's shapes come from onnx's own inference, which is given the small integer constants that decide them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from golden import check
from mapping.network import Node, Shape, TensorType
from mapping.passes.fold import fold_node

MOST_DATA = 4096  # elements of a constant that can decide a shape; weights are not copied


def propagate(
    nodes: Sequence[tuple[Node, onnx.NodeProto]], constants: dict[str, np.ndarray],
    inputs: dict[str, TensorType], opset: int, where: str,
) -> tuple[list[Node], dict[str, Shape]]:
    """The nodes that remain, and the shape of every tensor; what was folded is added to `constants`."""
    types = {name: type_of(array.dtype, array.shape) for name, array in constants.items()}
    types |= {name: type_of(entry.dtype, entry.shape) for name, entry in inputs.items()}
    shapes = {name: array.shape for name, array in constants.items()}
    shapes |= {name: entry.shape for name, entry in inputs.items()}
    kept = []
    for node, message in nodes:
        try:
            folded = fold_node(node, constants, shapes)
        except check.BadValue as bad:
            raise check.BadValue(f"{where}: {bad}") from None
        if folded is None:
            found = infer(message, types, constants, opset, f"{where}: node {node.name}")
            check_conv(node, shapes, f"{where}: node {node.name}")
            kept.append(node)
        else:
            made = dict(zip(node.outputs, folded, strict=False))
            constants.update(made)
            found = {name: type_of(array.dtype, array.shape) for name, array in made.items()}
        types |= found
        at = f"{where}: node {node.name}: output"
        shapes |= {name: shape_of(kind, f"{at} {name}") for name, kind in found.items()}
    return kept, shapes


def infer(
    message: onnx.NodeProto, types: dict[str, onnx.TypeProto], constants: dict[str, np.ndarray], opset: int,
    where: str,
) -> dict[str, onnx.TypeProto]:
    """Types of a node's outputs, by onnx."""
    given = [name for name in message.input if name]
    data = {
        name: numpy_helper.from_array(np.asarray(constants[name]))
        for name in given if name in constants and constants[name].size <= MOST_DATA
    }  # fmt: skip
    schema = onnx.defs.get_schema(message.op_type, opset, "")
    try:
        found = onnx.shape_inference.infer_node_outputs(
            schema, message, {name: types[name] for name in given}, data,
            opset_imports=[helper.make_opsetid("", opset)], ir_version=onnx.IR_VERSION,
        )  # fmt: skip
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError) as wrong:
        shapes = ", ".join(str(list(shape_of(types[name], where))) for name in given)
        reason = " ".join(str(wrong).split())
        allowed = f"what {message.op_type} takes ({reason})"
        raise check.fail(f"{where}: inputs", f"of shapes {shapes}", allowed) from None
    return dict(found)


def check_conv(node: Node, shapes: Mapping[str, Shape], where: str) -> None:
    """What onnx's inference leaves unchecked: that a Conv's weights fit its input and its attributes."""
    if node.operator != "Conv":
        return
    x, weights = (shapes[tensor] for tensor in node.inputs[:2])
    group = node.attributes.get("group", 1)
    check.in_range(f"{where}: group", group, 1, weights[0])
    kernel = tuple(node.attributes.get("kernel_shape", weights[2:]))
    if weights[1] * group != x[1] or weights[0] % group or kernel != weights[2:]:
        given = f"of shape {list(weights)}, for {group} groups and input channels {x[1]}"
        raise check.fail(f"{where}: weights", given, f"[filters, channels / groups, *{list(kernel)}]")


def type_of(dtype: np.dtype, shape: Shape) -> onnx.TypeProto:
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(dtype), shape)


def shape_of(kind: onnx.TypeProto, where: str) -> Shape:
    """The shape in a type; BadValue unless every size is known."""
    tensor = kind.tensor_type
    if not tensor.HasField("shape") or not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        raise check.fail(f"{where}: shape", "dynamic", "shapes that follow from those of the inputs")
    return tuple(dim.dim_value for dim in tensor.shape.dim)
