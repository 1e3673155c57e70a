"""The writer: a network rewritten node by node."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import helper

from golden import check
from mapping.network import Network, Node, Shape
from mapping.run.floating import run_node

Rule = Callable[["Writer", Node], bool]  # writes the node, or leaves it: False


class Writer:
    """Writes nodes. values: of every tensor, constants included, from a run of the network on a sample."""

    def __init__(self, old: Network, values: Mapping[str, np.ndarray], rules: Mapping[str, Rule]) -> None:
        self.old, self.rules = old, rules
        self.values = {**old.constants, **values}
        self.constants = dict(old.constants)
        self.shapes = dict(old.shapes)
        self.nodes: list[Node] = []
        self.readers = old.consumers()
        self.now: Node | None = None  # of the network, whose meaning is being written
        self.count = 0

    def network(self) -> Network:
        return replace(self.old, nodes=tuple(self.nodes), constants=self.constants, shapes=self.shapes)

    # asking

    def shape(self, tensor: str) -> Shape:
        return self.shapes[tensor]

    def dtype(self, tensor: str) -> np.dtype[Any]:
        return self.values[tensor].dtype

    def constant(self, tensor: str) -> np.ndarray | None:
        return self.constants.get(tensor)

    def single(self, tensor: str) -> bool:
        """Whether a tensor is a constant of one element."""
        return tensor in self.constants and self.constants[tensor].size == 1

    def is_function(self, node: Node) -> bool:
        """Whether a node is a function of single elements of one tensor, with constants of one element."""
        given = [t for t in node.inputs if t]
        computed = {t for t in given if t not in self.constants}
        singles = all(self.single(t) for t in given if t in self.constants)
        shape = self.shape(node.outputs[0])
        return len(computed) == 1 and singles and self.shape(computed.pop()) == shape

    # writing

    def add(self, node: Node, *, rewritten: bool) -> None:
        """Add a node of the network, or the nodes that it is rewritten to."""
        self.now = node
        if not (rewritten and self.rule(node)):
            self.nodes.append(node)

    def rule(self, node: Node) -> bool:
        """Rewrite a node, with the function fused to a product behind it; False if no rule applies."""
        y, follower = node.outputs[0], node.attributes.get("activation")
        if follower is None:
            return self.rules[node.operator](self, node)
        bare = f"{y}:before {follower}"
        self.shapes[bare] = self.shapes[y]
        attributes = {key: value for key, value in node.attributes.items() if key != "activation"}
        if not self.rules[node.operator](self, replace(node, outputs=(bare,), attributes=attributes)):
            del self.shapes[bare]
            return False
        self(str(follower), bare, out=y)
        return True

    def value(self, value: Any, dtype: Any = None) -> str:
        """A new constant."""
        assert self.now is not None
        self.count += 1
        name = f"{self.now.name}:constant{self.count}"
        self.constants[name] = self.values[name] = np.asarray(value, dtype)
        self.shapes[name] = self.constants[name].shape
        return name

    def __call__(self, operator: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """A new node, or its meaning; the name of its result."""
        assert self.now is not None
        self.count += 1
        name = f"{self.now.name}:{operator}{self.count}"
        node = Node(
            name=name, operator=operator, inputs=inputs, outputs=(out or name,), attributes=attributes
        )
        with np.errstate(all="ignore"):
            made = np.asarray(run_node(node, self.values)[0])
        y = node.outputs[0]
        if out and made.shape != self.shapes[out]:
            raise check.fail("result", list(made.shape), str(list(self.shapes[out])))
        self.values[y], self.shapes[y] = made, made.shape
        if all(t in self.constants for t in inputs if t) and not out:
            self.constants[y] = made
        elif operator not in self.rules or not self.rules[operator](self, node):
            self.nodes.append(node)
        return y

    def cast(self, tensor: str, dtype: Any, out: str = "") -> str:
        """The tensor in another type; the tensor itself if it has that type."""
        if self.dtype(tensor) == np.dtype(dtype) and not out:
            return tensor
        return self("Cast", tensor, out=out, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def signed(self, tensor: str) -> str:
        """Integers and booleans as integers that may be negative; reals unchanged."""
        return tensor if self.dtype(tensor).kind == "f" else self.cast(tensor, np.int32)

    def cut(self, tensor: str, start: int, end: int, axis: int) -> str:
        """The elements from start on, before end, of an axis."""
        return self("Slice", tensor, *(self.value(np.array([v], np.int64)) for v in (start, end, axis)))

    def reshape(self, tensor: str, shape: Sequence[int], out: str = "") -> str:
        if self.shape(tensor) == tuple(shape) and not out:
            return tensor
        return self("Reshape", tensor, self.value(np.array(shape, np.int64)), out=out, allowzero=1)

    def turn(self, tensor: str, perm: Sequence[int], out: str = "") -> str:
        return self("Transpose", tensor, out=out, perm=list(perm))

    def named(self, tensor: str, out: str) -> bool:
        """`tensor` under the name of a result."""
        self("Identity", tensor, out=out)
        return True
