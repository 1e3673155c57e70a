"""What a node of ONNX may leave out, list or make: the bounds that onnx's own checks do not know."""

from collections.abc import Mapping
from math import prod

import numpy as np
import onnx
from onnx import helper

from golden import check, files
from mapping.network import MATRIX_PRODUCTS, Node, Shape

MOST_MADE = 256 * files.MIB  # bytes of constants that are larger than what they follow from
GENERATIONS = 8  # how often the stored constants may be made anew: transposed, retyped
# inputs that ONNX says are one number, which its own inference does not check
SCALARS = {"Trilu": (1,), "OneHot": (1,), "Range": (0, 1, 2), "Pad": (2,), "TopK": (1,), "Clip": (1, 2)}


def check_given(message: onnx.NodeProto, opset: int, where: str) -> None:
    """BadValue for an input left out that the operator needs."""
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
    """Bytes that constants made of constants may take: a small file can ask for endless ones.

    What is made may be as large as what it is made of; all that grows has MOST_MADE bytes together.
    """

    def __init__(self, constants: Mapping[str, np.ndarray]) -> None:
        stored = sum(array.nbytes for array in constants.values())
        self.growth, self.left = MOST_MADE, GENERATIONS * stored + MOST_MADE

    def take(self, found: Mapping[str, onnx.TypeProto], largest: int, where: str) -> None:
        """BadValue if the outputs of a node that is about to be folded have no room.

        largest  elements of its largest input
        """
        for name, kind in found.items():
            count = elements(kind)
            size = count * np.dtype(helper.tensor_dtype_to_np_dtype(kind.tensor_type.elem_type)).itemsize
            self.left -= size
            self.growth -= size if count > largest else 0
            if min(self.left, self.growth) < 0:
                allowed = f"{files.sized(MOST_MADE)} of constants that follow from others"
                raise check.fail(f"{where}: output {name}", f"{size:,} bytes", allowed)


def check_addend(
    node: Node, shapes: Mapping[str, Shape], found: Mapping[str, onnx.TypeProto], where: str
) -> None:
    """BadValue for the third input of a Gemm that is not of its result's shape, or repeated to it."""
    if node.operator != "Gemm" or len(node.inputs) < 3 or not node.inputs[2]:
        return
    c, y = shapes[node.inputs[2]], [dim.dim_value for dim in found[node.outputs[0]].tensor_type.shape.dim]
    aligned = (1,) * (len(y) - len(c)) + c
    if len(c) > len(y) or any(a not in (1, b) for a, b in zip(aligned, y, strict=True)):
        raise check.fail(f"{where}: C", f"of shape {list(c)}", f"what can be repeated to {y}")


def elements(kind: onnx.TypeProto) -> int:
    """How many elements a tensor of this type has; 0 where its shape is open."""
    tensor = kind.tensor_type
    known = tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim)
    return prod(max(dim.dim_value, 0) for dim in tensor.shape.dim) if known else 0


def check_elements(found: Mapping[str, onnx.TypeProto], operator: str, where: str) -> None:
    """BadValue for a product without elements, which no unit computes, and for sizes below 0."""
    least = 1 if operator in MATRIX_PRODUCTS else 0
    for name, kind in found.items():
        sizes = [dim.dim_value for dim in kind.tensor_type.shape.dim if dim.HasField("dim_value")]
        if min(sizes, default=1) < least:
            raise check.fail(f"{where}: output {name}: shape", sizes, "at least one element")
