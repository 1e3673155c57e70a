"""Networks as the mapper's input: a graph in ONNX's operators, or a list of layers by their shapes alone.

All shapes are static. An operator means what ONNX says, with two additions that only passes make: a MatMul
may have a third input, a bias [n]; a MatMul, Gemm or Conv may have the attribute `activation`, the name of an
operator applied to its output.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import numpy as np

from golden import check
from golden.systolic.gemm import Gemm

MATRIX_PRODUCTS = ("MatMul", "Gemm", "Conv")
HOST = "Host"  # operator of a node that is to run on the host: attributes operator, attributes, reason
MOST_LAYERS = 10_000  # of a list of shapes
MOST_ELEMENTS = 1 << 27  # of a tensor that is computed: 512 MiB of reals
MOST_HELD = 1 << 29  # of all tensors that are held at once

Shape = tuple[int, ...]


class TensorType(NamedTuple):
    shape: Shape
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operator. inputs: tensor names, "" where an optional one is left out."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_product(self) -> bool:
        return self.operator in MATRIX_PRODUCTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """nodes: in an order that can be run. shapes: of every tensor: inputs, constants and results.

    types  of results; a result that is not listed is float32
    fixed  inputs of the file that are parameters, with their values; `inputs` are the others
    """

    name: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, np.ndarray]
    inputs: Mapping[str, TensorType]
    outputs: tuple[str, ...]
    shapes: Mapping[str, Shape]
    types: Mapping[str, np.dtype[Any]] = field(default_factory=dict)
    fixed: Mapping[str, np.ndarray] = field(default_factory=dict)

    def type_of(self, tensor: str) -> np.dtype[Any]:
        """The type of a tensor's elements."""
        if tensor in self.constants:
            return self.constants[tensor].dtype
        if tensor in self.inputs:
            return self.inputs[tensor].dtype
        return self.types.get(tensor, np.dtype(np.float32))

    def __post_init__(self) -> None:
        known = {*self.constants, *self.inputs, ""}
        for node in self.nodes:
            for tensor in node.inputs:
                if tensor not in known:
                    raise check.fail(f"input of node {node.name}", tensor, "a tensor made before it")
            known.update(node.outputs)
        for tensor in self.outputs:
            check.one_of("output", tensor, known)
        for tensor in known - {""}:
            if tensor not in self.shapes:
                raise check.fail(f"shape of {tensor}", "unknown", "static shapes")

    def producers(self) -> dict[str, Node]:
        """The node that makes each result."""
        return {tensor: node for node in self.nodes for tensor in node.outputs if tensor}

    def consumers(self) -> dict[str, list[Node]]:
        """The nodes that read each tensor, once for each reading; a tensor nobody reads is absent."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for tensor in node.inputs:
                found.setdefault(tensor, []).append(node)
        return found

    def check_room(self) -> None:
        """BadValue, naming the tensor, if its values, or those of all tensors, take too much memory."""
        total = 0
        for tensor, shape in self.shapes.items():
            if tensor not in self.constants:
                check.in_range(f"{self.name}: tensor {tensor}: elements", prod(shape), 0, MOST_ELEMENTS)
                total += prod(shape)
        check.in_range(f"{self.name}: elements of all tensors", total, 0, MOST_HELD)

    def check_elements(self) -> None:
        """BadValue for an input or a result without elements."""
        for tensor in (*self.inputs, *(tensor for node in self.nodes for tensor in node.outputs if tensor)):
            if 0 in self.shapes[tensor]:
                at = f"{self.name}: tensor {tensor}: shape"
                raise check.fail(at, list(self.shapes[tensor]), "at least one element")

    def check_inputs(self, given: Mapping[str, np.ndarray]) -> None:
        """Raise BadValue unless `given` holds each input in its shape and type, and nothing else."""
        for name in given:
            check.one_of(f"{self.name}: input", name, self.inputs)
        for name, (shape, dtype) in self.inputs.items():
            if name not in given:
                raise check.fail(f"{self.name}: input {name}", "missing", f"{dtype} {list(shape)}")
            check.shape(f"{self.name}: input {name}", given[name], shape)
            if given[name].dtype != dtype:
                raise check.fail(f"{self.name}: input {name}", given[name].dtype, str(dtype))


def gemm(network: Network, node: Node) -> Gemm:
    """Shape of the matrix product that `node` is; a convolution's batch is its groups, its m the stops of all
    samples.

    A MatMul by constant weights [k, n] is one product over all rows of A; if W has batch axes, or is
    computed, it is a product for each. A vector is a matrix of one row (A) or one column (W).
    """
    a, w = (network.shapes[tensor] for tensor in node.inputs[:2])
    y = network.shapes[node.outputs[0]]
    if node.operator == "Conv":
        groups = int(node.attributes.get("group", 1))
        return Gemm(m=y[0] * prod(y[2:]), n=w[0] // groups, k=prod(w[1:]), batch=groups)
    if node.operator == "Gemm":
        return Gemm(m=y[0], n=y[1], k=a[0 if node.attributes.get("transA", 0) else 1])
    batch = prod(batch_axes(a, w)) if len(w) > 2 else 1
    n = w[-1] if len(w) > 1 else 1
    return Gemm(m=prod(y) // (n * batch), n=n, k=a[-1], batch=batch)


def batch_axes(a: Shape, w: Shape) -> Shape:
    """The axes before the matrices' of a MatMul's factors, broadcast."""
    return np.broadcast_shapes(a[:-2], w[:-2])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvShape:
    """Geometry of a convolution; in_h and in_w include padding."""

    in_h: int
    in_w: int
    kernel_h: int
    kernel_w: int
    channels: int
    filters: int
    stride_h: int = 1
    stride_w: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeLayer:
    """A layer known by its shape: `batch` products of m x k by k x n. operator: Gemm or Conv."""

    name: str
    operator: str
    m: int
    n: int
    k: int
    batch: int = 1
    conv: ConvShape | None = None

    def __post_init__(self) -> None:
        for axis in ("m", "n", "k", "batch"):
            check.in_range(f"{self.name}: {axis}", getattr(self, axis), 1, 1 << 31)

    @property
    def macs(self) -> int:
        return self.batch * self.m * self.n * self.k


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeNetwork:
    """Layers in order; each runs on its own, without data from another."""

    name: str
    layers: tuple[ShapeLayer, ...]


def named(layers: Iterable[ShapeLayer]) -> tuple[ShapeLayer, ...]:
    """The layers, or BadValue if there is none or two share a name."""
    found = tuple(layers)
    if not found:
        raise check.fail("the network", "empty", "at least one layer")
    check.in_range("layers", len(found), 1, MOST_LAYERS)
    for name, count in Counter(layer.name for layer in found).items():
        if count > 1:
            raise check.fail(f"layer {name}", "given twice", "a name of its own for each layer")
    return found
