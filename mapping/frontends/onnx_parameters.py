"""Parameters: inputs of an ONNX graph that decide a shape, or where a node reads.

Shapes are fixed before a network runs, so such an input is a constant of the run, with the values of the file
that is given for it. Without a file it stays open, and a node that needs it is refused.
"""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import helper

Given = Callable[[str], np.ndarray | None]  # the value of an input, by its name

# operator -> places of such inputs
PLACES: dict[str, tuple[int, ...]] = {
    "Reshape": (1,), "Expand": (1,), "Tile": (1,), "ConstantOfShape": (0,), "Range": (0, 1, 2),
    "Slice": (1, 2, 3, 4), "Pad": (1, 2, 3), "Split": (1,), "Squeeze": (1,), "Unsqueeze": (1,),
    "TopK": (1,), "OneHot": (1,), "Trilu": (1,), "CumSum": (1,), "CumProd": (1,), "Resize": (1, 2, 3),
    "Upsample": (1,), "Col2Im": (1, 2), "MaxUnpool": (2,), "CenterCropPad": (1,), "CastLike": (1,),
    "BlackmanWindow": (0,), "HammingWindow": (0,), "HannWindow": (0,),
    **{f"Reduce{of}": (1,) for of in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod",
                                          "Sum", "SumSquare")},
}  # fmt: skip


def parameters(graph: onnx.GraphProto) -> list[str]:
    """Names of the graph's inputs that some node reads as a parameter, in their order."""
    read = {
        tensor
        for node in graph.node
        if isinstance(node.op_type, str)
        for place, tensor in enumerate(node.input)
        if place in PLACES.get(node.op_type, ())
    }
    return [entry.name for entry in graph.input if entry.name in read]


def fixed(
    graph: onnx.GraphProto, constants: Mapping[str, np.ndarray], given: Given | None
) -> dict[str, np.ndarray]:  # fmt: skip
    """Values of the parameters that are given, of the stated type and sizes (others are refused later)."""
    entries = {entry.name: entry for entry in graph.input if entry.name not in constants}
    names = [name for name in parameters(graph) if name in entries] if given else []
    values = {name: given(name) for name in names} if given else {}
    return {
        name: value
        for name, value in values.items()
        if value is not None and fits(entries[name].type.tensor_type, value)
    }


def fits(proto: onnx.TypeProto.Tensor, value: np.ndarray) -> bool:
    """Whether `value` has the type and the stated sizes."""
    if proto.elem_type not in helper.get_all_tensor_dtypes() or not proto.HasField("shape"):
        return False
    sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in proto.shape.dim]
    agree = len(sizes) == value.ndim and all(
        size in (None, n) for size, n in zip(sizes, value.shape, strict=True)
    )
    return agree and value.dtype == helper.tensor_dtype_to_np_dtype(proto.elem_type)
