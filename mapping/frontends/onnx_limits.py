"""Limits of ONNX nodes, in operands left out, parameters and sizes, which onnx's own checker does
not check.
"""

from collections.abc import Mapping
from math import prod

import numpy as np
import onnx
from onnx import helper

from golden import check, files
from mapping.network import MATRIX_PRODUCTS, Node, Shape

MOST_MADE = 256 * files.MIB  # bytes of constants that are larger than what they follow from
GENERATIONS = 8  # how often the stored constants may be made anew: transposed, retyped
PER_CHANNEL = ("BatchNormalization", "InstanceNormalization", "GroupNormalization")
# inputs that ONNX says are one number, which its own inference does not check
SCALARS = {"Trilu": (1,), "OneHot": (1,), "Range": (0, 1, 2), "Pad": (2,), "TopK": (1,), "Clip": (1, 2)}


def check_given(message: onnx.NodeProto, opset: int, where: str) -> None:
    """BadValue if an input that the operator needs is left out."""
    wanted = onnx.defs.get_schema(message.op_type, opset, "").inputs
    for index, name in enumerate(message.input):
        if not name and wanted and not is_optional(wanted[min(index, len(wanted) - 1)]):
            raise check.fail(f"{where}: input {index} of {message.op_type}", "left out", "a tensor")


def check_scalars(message: onnx.NodeProto, shapes: Mapping[str, Shape], where: str) -> None:
    """BadValue for several numbers where the operator takes one."""
    for index in SCALARS.get(message.op_type, ()):
        name = message.input[index] if index < len(message.input) else ""
        if name and prod(shapes[name]) != 1:
            at = f"{where}: input {index} of {message.op_type}"
            raise check.fail(at, f"of shape {list(shapes[name])}", "one number")


def is_optional(parameter: onnx.defs.OpSchema.FormalParameter) -> bool:
    return bool(parameter.option == onnx.defs.OpSchema.FormalParameterOption.Optional)


class Room:
    """Bytes that folded constants may take, since a small file can ask for endless ones.

    A result may be as large as its largest input; all growth together may take MOST_MADE bytes.
    """

    def __init__(self, constants: Mapping[str, np.ndarray]) -> None:
        stored = sum(array.nbytes for array in constants.values())
        self.growth, self.left = MOST_MADE, GENERATIONS * stored + MOST_MADE

    def take(self, found: Mapping[str, onnx.TypeProto], largest: int, where: str) -> None:
        """BadValue if the outputs of a node that is about to be folded have no room.

        largest  elements of its largest input
        """
        for name, proto in found.items():
            count = elements(proto)
            size = count * np.dtype(helper.tensor_dtype_to_np_dtype(proto.tensor_type.elem_type)).itemsize
            self.left -= size
            self.growth -= size if count > largest else 0
            if min(self.left, self.growth) < 0:
                allowed = f"{files.sized(MOST_MADE)} of constants that follow from others"
                raise check.fail(f"{where}: output {name}", f"{size:,} bytes", allowed)


def check_parameters(
    node: Node, shapes: Mapping[str, Shape], found: Mapping[str, onnx.TypeProto], where: str
) -> None:
    """BadValue for a parameter whose shape is not that of its operand, nor can be repeated to it.

    onnx's inference checks none of these, and numpy would repeat the other operand instead.
    """
    x = shapes[node.inputs[0]] if node.inputs and node.inputs[0] else ()
    for place, tensor in enumerate(node.inputs):
        wanted = None
        if not tensor or not place:
            continue
        if node.operator == "Gemm" and place == 2:
            wanted = tuple(dim.dim_value for dim in found[node.outputs[0]].tensor_type.shape.dim)
        elif node.operator == "LayerNormalization":
            axis = int(node.attributes.get("axis", -1))
            check.in_range(f"{where}: axis", axis, -len(x), len(x) - 1)
            wanted = x[axis % len(x) :]
        elif node.operator in PER_CHANNEL:
            wanted = x[1:2]
        elif node.operator == "PRelu":
            wanted = x
        if wanted is not None and not repeats(shapes[tensor], wanted):
            what, allowed = f"of shape {list(shapes[tensor])}", f"what can be repeated to {list(wanted)}"
            raise check.fail(f"{where}: input {place} of {node.operator}", what, allowed)


def repeats(shape: Shape, wanted: Shape) -> bool:
    """Whether a tensor of `shape` can be repeated to `wanted`."""
    aligned = (1,) * (len(wanted) - len(shape)) + shape
    return len(shape) <= len(wanted) and all(a in (1, b) for a, b in zip(aligned, wanted, strict=True))


def elements(proto: onnx.TypeProto) -> int:
    """How many elements a tensor of this type has; 0 where its shape is open."""
    tensor = proto.tensor_type
    known = tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim)
    return prod(max(dim.dim_value, 0) for dim in tensor.shape.dim) if known else 0


def check_elements(found: Mapping[str, onnx.TypeProto], operator: str, where: str) -> None:
    """BadValue for a product without elements, which no unit computes, and for sizes below 0."""
    least = 1 if operator in MATRIX_PRODUCTS else 0
    for name, proto in found.items():
        sizes = [dim.dim_value for dim in proto.tensor_type.shape.dim if dim.HasField("dim_value")]
        if min(sizes, default=1) < least:
            raise check.fail(f"{where}: output {name}: shape", sizes, "at least one element")
