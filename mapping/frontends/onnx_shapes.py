"""Shapes of every tensor, node by node, with constants folded on the way, so that chains of Shape nodes
vanish.

A node's shapes come from onnx's own inference, which is given the small integer constants that decide them.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from golden import check, operators
from golden.operators.window import OperatorWindow
from mapping.frontends import onnx_functions, onnx_graph, onnx_parameters
from mapping.frontends.onnx_functions import VersionedNode
from mapping.frontends.onnx_limits import Room, check_elements, check_given, check_parameters, check_scalars
from mapping.frontends.onnx_versions import is_old, modern
from mapping.network import Node, Shape, TensorType
from mapping.passes.fold import fold_node

POOLS = ("AveragePool", "MaxPool")
FOLLOW = "shapes that follow from those of the inputs"
MOST_DATA = 4096  # elements of a constant that can decide a shape; weights are not copied


def propagate(
    steps: Sequence[VersionedNode], constants: dict[str, np.ndarray], inputs: dict[str, TensorType],
    where: str,
) -> tuple[list[Node], dict[str, Shape], dict[str, np.dtype[Any]]]:  # fmt: skip
    """The nodes that remain, and shape and type of every tensor; folded results are added to `constants`."""
    graph = ShapedGraph(constants, inputs, where)
    waiting = deque(steps)
    while waiting:
        step = waiting.popleft()
        if step.message.op_type in operators.OPERATORS or is_old(step.message.op_type, step.opset):
            graph.add(step)
        else:
            waiting.extendleft(reversed(graph.defined(step)))
    types = {name: helper.tensor_dtype_to_np_dtype(proto.tensor_type.elem_type)
             for name, proto in graph.types.items() if proto.tensor_type.elem_type}  # fmt: skip
    return graph.kept, graph.shapes, types


class ShapedGraph:
    """The state of propagation: types and shapes of tensors, constants, the nodes that remain."""

    def __init__(
        self, constants: dict[str, np.ndarray], inputs: Mapping[str, TensorType], where: str
    ) -> None:
        self.constants, self.inputs, self.where = constants, inputs, where
        self.kept: list[Node] = []
        self.room = Room(constants)
        self.types = {name: type_of(entry.dtype, entry.shape) for name, entry in inputs.items()}
        self.types |= {name: type_of(array.dtype, array.shape) for name, array in constants.items()}
        self.shapes = {name: entry.shape for name, entry in inputs.items()}
        self.shapes |= {name: array.shape for name, array in constants.items()}

    def defined(self, step: VersionedNode) -> list[VersionedNode]:
        """The nodes by which the standard defines an operator."""
        at = f"{self.where}: node {step.name}: operator"
        found = onnx_functions.body(step, self.types)
        if not found:
            raise check.fail(at, step.message.op_type, ", ".join(sorted(operators.OPERATORS)))
        for each in found:
            if each.message.op_type == "Constant":
                self.store(dict(onnx_graph.constant_nodes([each.message], at)))
            else:
                onnx_graph.check_operator(each.message, each.opset, f"{self.where}: node {each.name}")
        return [each for each in found if each.message.op_type != "Constant"]

    def store(self, made: Mapping[str, np.ndarray]) -> None:
        """Store results as constants."""
        self.constants.update(made)
        self.types |= {name: type_of(array.dtype, array.shape) for name, array in made.items()}
        self.shapes |= {name: array.shape for name, array in made.items()}

    def add(self, step: VersionedNode) -> None:
        """Add a node of the file, in its latest form: folded, or kept."""
        where = f"{self.where}: node {step.name}"
        added: dict[str, np.ndarray] = {}
        for message, opset in modern(step.message, step.opset, step.name, where, self.types, added):
            onnx_graph.check_operator(message, opset, where)
            self.store(added)
            name = step.name if message.name in ("", step.message.name) else message.name
            self.settle(onnx_graph.read_node(message, name, where), message, opset)

    def settle(self, node: Node, message: onnx.NodeProto, opset: int) -> None:
        """Fold `node`, or keep it and record its outputs' types."""
        where = f"{self.where}: node {node.name}"
        check_given(message, opset, where)
        check_scalars(message, self.shapes, where)
        self.take_room(node, message, opset, where)
        try:
            folded = fold_node(node, self.constants, self.shapes)
        except check.BadValue as bad:
            raise check.BadValue(f"{self.where}: {bad}") from None
        if folded is not None:
            self.store(dict(zip(node.outputs, folded, strict=False)))
            return
        found = infer(message, self.types, self.constants, opset, where)
        found |= left_open(node, self.shapes, found)
        check_conv(node, self.shapes, where)
        check_window(node, self.shapes, where)
        check_elements(found, node.operator, where)
        check_parameters(node, self.shapes, found, where)
        self.kept.append(node)
        self.types |= found
        wanted = self.wanted(message)
        for name, proto in found.items():
            self.shapes[name] = shape_of(proto, f"{where}: output {name}", wanted)

    def wanted(self, message: onnx.NodeProto) -> str:
        """Text for an error: what would make the shapes of a node's outputs known."""
        places = onnx_parameters.PLACES.get(message.op_type, ())
        read = [message.input[i] for i in places if i < len(message.input)]
        needed = [f"{name}, {self.inputs[name].dtype}" for name in read if name in self.inputs]
        return f"a file for input {' and '.join(needed)}, which decides it" if needed else FOLLOW

    def take_room(self, node: Node, message: onnx.NodeProto, opset: int, where: str) -> None:
        """BadValue if `node` is about to be folded and there is no room for its results."""
        given = [tensor for tensor in node.inputs if tensor]
        if node.operator in ("Shape", "Size") or not all(tensor in self.constants for tensor in given):
            return
        try:
            found = infer(message, self.types, self.constants, opset, where)
        except check.BadValue:
            return  # folding it says more
        self.room.take(found, max((self.constants[tensor].size for tensor in given), default=0), where)


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
    if message.op_type in POOLS:  # before, inference kept windows that lie all in padding
        opset = max(opset, 22)
    schema = onnx.defs.get_schema(message.op_type, opset, "")
    try:
        found = onnx.shape_inference.infer_node_outputs(
            schema, message, {name: types[name] for name in given}, data,
            opset_imports=[helper.make_opsetid("", opset)], ir_version=onnx.IR_VERSION,
        )  # fmt: skip
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, ValueError) as wrong:
        shapes = ", ".join(str(list(shape_of(types[name], where))) for name in given)
        reason = " ".join(str(wrong).split())
        allowed = f"what {message.op_type} takes ({reason})"
        raise check.fail(f"{where}: inputs", f"of shapes {shapes}", allowed) from None
    return {name: proto for name, proto in found.items() if name}  # an output that is left out has none


def left_open(
    node: Node, shapes: Mapping[str, Shape], found: Mapping[str, onnx.TypeProto]
) -> dict[str, onnx.TypeProto]:
    """Types of results whose shapes onnx's inference leaves open: of an Attention all keys, all values."""
    made = {}
    for place in (1, 2) if node.operator == "Attention" else ():
        y = node.outputs[place] if place < len(node.outputs) else ""
        x, heads = shapes[node.inputs[place]], max(int(node.attributes.get("kv_num_heads", 1)), 1)
        whole = x if len(x) == 4 else (x[0], heads, x[1], x[2] // heads)
        past = node.inputs[3 + place] if 3 + place < len(node.inputs) else ""
        keys = whole[2] + (shapes[past][2] if past else 0)
        if y:
            shape = (*whole[:2], keys, whole[3])
            made[y] = helper.make_tensor_type_proto(found[y].tensor_type.elem_type, shape)
    return made


def check_window(node: Node, shapes: Mapping[str, Shape], where: str) -> None:
    """BadValue for a kernel that is larger than its image with the padding."""
    if node.operator not in (*POOLS, "Conv"):
        return
    a, spatial = node.attributes, shapes[node.inputs[0]][2:]
    kernel = shapes[node.inputs[1]][2:] if node.operator == "Conv" else tuple(a["kernel_shape"])
    window = OperatorWindow.resolve(
        spatial, kernel, a.get("strides"), a.get("pads"), a.get("dilations"), a.get("auto_pad", "NOTSET")
    )
    if any(e > n + sum(pads) for e, n, pads in zip(window.extent, spatial, window.pads, strict=True)):
        size, around = list(window.extent), [list(pads) for pads in window.pads]
        what = f"{size} long, pads {around}"
        raise check.fail(f"{where}: kernel", what, f"one that fits into {list(spatial)}")


def check_conv(node: Node, shapes: Mapping[str, Shape], where: str) -> None:
    """BadValue unless a Conv's weights fit its input and its attributes, which onnx's inference does not
    check."""
    if node.operator != "Conv":
        return
    x, weights = (shapes[tensor] for tensor in node.inputs[:2])
    group = node.attributes.get("group", 1)
    check.in_range(f"{where}: group", group, 1, weights[0])
    kernel = tuple(node.attributes.get("kernel_shape", weights[2:]))
    if weights[1] * group != x[1] or weights[0] % group or kernel != weights[2:]:
        given = f"of shape {list(weights)}, for {group} groups and input channels {x[1]}"
        raise check.fail(f"{where}: weights", given, f"[filters, channels / groups, *{list(kernel)}]")
    if len(node.inputs) > 2 and node.inputs[2] and shapes[node.inputs[2]] != weights[:1]:
        bias = list(shapes[node.inputs[2]])
        raise check.fail(f"{where}: bias", f"of shape {bias}", f"[{weights[0]}], one for each filter")


def type_of(dtype: np.dtype, shape: Shape) -> onnx.TypeProto:
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(dtype), shape)


def shape_of(proto: onnx.TypeProto, where: str, wanted: str = FOLLOW) -> Shape:
    """The shape in a type; BadValue unless every size is known; wanted: the error's text for what is
    allowed."""
    tensor = proto.tensor_type
    if not tensor.HasField("shape") or not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        raise check.fail(f"{where}: shape", "dynamic", wanted)
    return tuple(dim.dim_value for dim in tensor.shape.dim)
