"""The inputs of an ONNX graph, with a size for each dimension it leaves open.

An open dimension takes, in this order: the size that `dims` gives its name; `batch` if it is the first axis;
`tokens` if it is the second of two or three. A name has one size wherever it stands.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, TensorShapeProto

from golden import check
from mapping.frontends.onnx_graph import TYPES, enum_name
from mapping.network import TensorType


def inputs(
    graph: onnx.GraphProto, where: str, constants: Iterable[str], *, tokens: int | None, batch: int,
    dims: Mapping[str, int],
) -> dict[str, TensorType]:
    """Shape and type of each input that is no initialiser.

    raises  BadValue for an open dimension without a size, and for a size that no dimension takes
    """
    open_inputs = [entry for entry in graph.input if entry.name not in set(constants)]
    sizes = AskedSizes(where, tokens, batch, dims)
    for entry in open_inputs:
        sizes.collect(entry)
    found = {entry.name: sizes.type_of(entry) for entry in open_inputs}
    sizes.check_used()
    return found


class AskedSizes:
    """The sizes that were asked for, and which of them some dimension took."""

    def __init__(self, where: str, tokens: int | None, batch: int, dims: Mapping[str, int]) -> None:
        self.where, self.tokens, self.batch, self.dims = where, tokens, batch, dims
        for name, size in dims.items():
            check.in_range(f"{where}: dims: {name}", size, 1, 1 << 31)
        self.named = dict(dims)
        self.names: set[str] = set()  # that some dimension has
        self.axes: set[int] = set()  # where one took its size from its place

    def collect(self, entry: onnx.ValueInfoProto) -> None:
        """Record the size of each named dimension that its axis decides."""
        axes = entry.type.tensor_type.shape.dim
        for axis, dim in enumerate(axes):
            size = self.by_place(axis, len(axes))
            if dim.dim_param and dim.dim_param not in self.named and size is not None:
                self.named[dim.dim_param] = size
                self.axes.add(axis)

    def by_place(self, axis: int, axes: int) -> int | None:
        if axis == 0:
            return self.batch
        return self.tokens if axis == 1 and axes in (2, 3) else None

    def type_of(self, entry: onnx.ValueInfoProto) -> TensorType:
        tensor = entry.type.tensor_type
        where = f"{self.where}: input {entry.name}"
        dtype = enum_name(TensorProto.DataType, tensor.elem_type)
        check.one_of(f"{where}: type", dtype, TYPES)
        if not tensor.HasField("shape"):
            raise check.fail(f"{where}: shape", "unknown", "a shape; only sizes may be left open")
        axes = tensor.shape.dim
        shape = tuple(self.size(where, axis, len(axes), dim) for axis, dim in enumerate(axes))
        return TensorType(shape, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)))

    def size(self, where: str, axis: int, axes: int, dim: TensorShapeProto.Dimension) -> int:
        if dim.HasField("dim_value"):
            check.in_range(f"{where}: dimension {axis}", dim.dim_value, 1, 1 << 31)
            return int(dim.dim_value)
        if dim.dim_param in self.named:
            self.names.add(dim.dim_param)
            return self.named[dim.dim_param]
        size = self.by_place(axis, axes)
        if size is None:
            called = f"dynamic ({dim.dim_param})" if dim.dim_param else "dynamic"
            raise check.fail(f"{where}: dimension {axis}", called, "a size, given as tokens or by its name")
        self.axes.add(axis)
        return size

    def check_used(self) -> None:
        """Raise BadValue for a size that changes nothing."""
        for name in self.dims:
            if name not in self.names:
                raise check.fail(f"{self.where}: dims", name, ", ".join(sorted(self.names)) or "none")
        if self.tokens is not None and 1 not in self.axes:
            raise check.fail(f"{self.where}: tokens", self.tokens, "none: no second dimension is open")
        if self.batch != 1 and 0 not in self.axes:
            raise check.fail(f"{self.where}: batch", self.batch, "1: no first dimension is open")
