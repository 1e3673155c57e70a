"""A page: the nodes, tensors and constants by which one node of a network is written out."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from onnx import helper

from mapping.network import Network, Node, Shape


class Page:
    """Writes nodes. What it makes is named NODE:what, results of the node itself keep their names.

    Shapes and types of what is written follow from the operands', as ONNX says.
    """

    def __init__(self, network: Network, node: Node) -> None:
        self.network, self.node = network, node
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}
        self.shapes: dict[str, Shape] = {}
        self.types: dict[str, np.dtype[Any]] = {}

    # asking

    def input(self, place: int) -> str:
        """An input's tensor; "" where it is left out."""
        return self.node.inputs[place] if place < len(self.node.inputs) else ""

    def output(self, place: int) -> str:
        """A result's tensor; "" where nobody asked for it."""
        return self.node.outputs[place] if place < len(self.node.outputs) else ""

    def attribute(self, name: str, default: Any) -> Any:
        return self.node.attributes.get(name, default)

    def shape(self, tensor: str) -> Shape:
        return self.shapes[tensor] if tensor in self.shapes else self.network.shapes[tensor]

    def dtype(self, tensor: str) -> np.dtype[Any]:
        if tensor in self.constants:
            return self.constants[tensor].dtype
        return self.types[tensor] if tensor in self.types else self.network.type_of(tensor)

    def like(self, tensor: str) -> np.ndarray | None:
        """An array of a tensor's shape and type, for what asks no more; None where it is left out."""
        return np.broadcast_to(np.zeros((), self.dtype(tensor)), self.shape(tensor)) if tensor else None

    def constant(self, tensor: str) -> np.ndarray | None:
        """A tensor's value, where it is a constant of the network."""
        return self.network.constants.get(tensor)

    # writing

    def value(self, what: str, value: Any, dtype: Any = None) -> str:
        """A constant."""
        name = self.free(what)
        self.constants[name] = np.asarray(value, dtype)
        self.shapes[name] = self.constants[name].shape
        return name

    def free(self, what: str) -> str:
        """A name that nothing has yet: the first of NODE:what, NODE:what2, ..."""
        name, number = f"{self.node.name}:{what}", 1
        while name in self.shapes or name in self.network.shapes:
            number += 1
            name = f"{self.node.name}:{what}{number}"
        return name

    def write(
        self, operator: str, inputs: Sequence[str], shape: Shape, *, out: str = "", what: str = "",
        dtype: Any = None, **attributes: Any,
    ) -> str:  # fmt: skip
        """A node, named after its operator or `what` it computes; the name of its result, which has `shape`
        and its first input's type unless another is given."""
        name = self.free(what or operator)
        y = out or name
        self.types[y] = np.dtype(dtype) if dtype is not None else self.dtype(inputs[0])
        self.shapes[y] = shape
        if out:
            self.shapes[name] = shape  # taken
        self.nodes.append(
            Node(name=name, operator=operator, inputs=tuple(inputs), outputs=(y,), attributes=attributes)
        )
        return y

    def __call__(self, operator: str, *inputs: str, out: str = "", dtype: Any = None) -> str:
        """An operator of elements, its operands broadcast."""
        shape = np.broadcast_shapes(*(self.shape(t) for t in inputs))
        return self.write(operator, inputs, shape, out=out, dtype=dtype)

    def times(self, what: str, a: str, b: str) -> str:
        """A matrix product, batch axes broadcast."""
        left, right = self.shape(a), self.shape(b)
        batch = np.broadcast_shapes(left[:-2], right[:-2])
        return self.write("MatMul", (a, b), (*batch, left[-2], right[-1]), what=what)

    def scaled(self, x: str, factor: float) -> str:
        """x times a number; x itself for 1."""
        return x if factor == 1 else self("Mul", x, self.value("factor", factor, self.dtype(x)))

    def reshaped(self, x: str, shape: Shape, out: str = "") -> str:
        if self.shape(x) == shape and not out:
            return x
        assert prod(shape) == prod(self.shape(x)), (self.shape(x), shape)
        sizes = self.value("shape", np.array(shape, np.int64))
        return self.write("Reshape", (x, sizes), shape, out=out, allowzero=1)

    def turned(self, x: str, perm: Sequence[int], out: str = "") -> str:
        shape = tuple(self.shape(x)[axis] for axis in perm)
        return self.write("Transpose", (x,), shape, out=out, perm=list(perm))

    def joined(self, parts: Sequence[str], axis: int, out: str = "") -> str:
        shape = list(self.shape(parts[0]))
        shape[axis] = sum(self.shape(part)[axis] for part in parts)
        return self.write("Concat", parts, tuple(shape), out=out, axis=axis)

    def gathered(self, x: str, places: np.ndarray, axis: int, out: str = "") -> str:
        """The elements of x at constant places [n] along an axis."""
        shape = (*self.shape(x)[:axis], len(places), *self.shape(x)[axis + 1 :])
        at = self.value("places", places, np.int64)
        return self.write("Gather", (x, at), shape, out=out, axis=axis)

    def cast(self, x: str, dtype: Any) -> str:
        """x in another type; x itself where it has it."""
        if self.dtype(x) == np.dtype(dtype):
            return x
        to = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.write("Cast", (x,), self.shape(x), dtype=dtype, to=to)

    def named(self, x: str, out: str) -> None:
        """x under the name of a result."""
        self.write("Identity", (x,), self.shape(x), out=out)
