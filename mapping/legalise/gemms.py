"""Gemm in the operators that units have: a MatMul with factors and bias in its constants, and other nodes
around it.

alpha A' B' + beta C      A', B': transposed where the node says so
"""

from dataclasses import dataclass, field, replace

import numpy as np

from mapping.network import Network, Node, Shape
from mapping.passes.rewrite import channel_vector


def spelt_gemms(network: Network) -> Network:
    """The network without Gemms. Tensors keep their names, so a Gemm's result can be observed."""
    nodes: list[Node] = []
    constants, shapes = dict(network.constants), dict(network.shapes)
    for node in network.nodes:
        if node.operator == "Gemm":
            made = Spelling(network, node)
            made.spell()
            nodes += made.nodes
            constants |= made.constants
            shapes |= made.shapes
        else:
            nodes.append(node)
    return replace(network, nodes=tuple(nodes), constants=constants, shapes=shapes)


@dataclass(slots=True)
class Spelling:
    """One Gemm written out: nodes in its place, and the constants and shapes that they need."""

    network: Network
    node: Node
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def spell(self) -> None:
        node, given = self.node, self.node.attributes
        shape = self.network.shapes[node.outputs[0]]
        a, b = (self.factor(i, bool(given.get(key))) for i, key in enumerate(("transA", "transB")))
        alpha, beta = float(given.get("alpha", 1.0)), float(given.get("beta", 1.0))
        last = replace(node, operator="MatMul", inputs=(a, b), attributes={})
        self.nodes.append(last)
        if alpha != 1 and not self.scaled(a, b, alpha):
            self.follow("Mul", "alpha", self.constant("factor", np.float32(alpha)), shape)
        c = node.inputs[2] if len(node.inputs) > 2 else ""
        if c and beta:
            self.add(c, beta, shape)
        if given.get("activation"):
            self.follow(str(given["activation"]), "activated", "", shape)

    def constant(self, what: str, value: np.ndarray | np.float32) -> str:
        """A constant of the node's own."""
        name = f"{self.node.name}:{what}"
        self.constants[name] = np.asarray(value)
        self.shapes[name] = self.constants[name].shape
        return name

    def value(self, tensor: str) -> np.ndarray | None:
        found = self.constants.get(tensor)
        return self.network.constants.get(tensor) if found is None else found

    def factor(self, place: int, turned: bool) -> str:
        """The tensor that is multiplied, turned."""
        tensor, what = self.node.inputs[place], "AB"[place]
        value = self.value(tensor)
        if value is not None:
            return self.constant(what, value.T if turned else value)
        if not turned:
            return tensor
        name = f"{self.node.name}:{what}"
        self.shapes[name] = self.network.shapes[tensor][::-1]
        turn = Node(
            name=name, operator="Transpose", inputs=(tensor,), outputs=(name,), attributes={"perm": [1, 0]}
        )
        self.nodes.append(turn)
        return name

    def scaled(self, a: str, b: str, alpha: float) -> bool:
        """Multiply a constant factor by alpha; False if no factor is constant."""
        for name in (b, a):
            if name in self.constants:
                self.constants[name] = self.constants[name] * np.float32(alpha)
                return True
        return False

    def add(self, c: str, beta: float, shape: Shape) -> None:
        """Add C: as the bias where it has one number for each column of a product by constants, else by an
        Add."""
        value, last = self.value(c), self.nodes[-1]
        if value is not None:
            value = value * np.float32(beta)
            bias = channel_vector(value, shape, -1)
            if bias is not None and last.operator == "MatMul" and last.inputs[1] in self.constants:
                self.nodes[-1] = replace(last, inputs=(*last.inputs, self.constant("bias", bias)))
                return
            self.follow("Add", "sum", self.constant("C", value), shape)
            return
        if beta != 1:
            name = f"{self.node.name}:C"
            factor = self.constant("beta", np.float32(beta))
            self.nodes.insert(0, Node(name=name, operator="Mul", inputs=(c, factor), outputs=(name,)))
            self.shapes[name] = self.network.shapes[c]
            c = name
        self.follow("Add", "sum", c, shape)

    def follow(self, operator: str, what: str, other: str, shape: Shape) -> None:
        """Append a node, which then makes the Gemm's output."""
        before = f"{self.node.name}:before {what}"
        self.nodes[-1] = replace(self.nodes[-1], outputs=(before,))
        self.shapes[before] = shape
        inputs = (before, other) if other else (before,)
        name = f"{self.node.name}:{what}"
        self.nodes.append(Node(name=name, operator=operator, inputs=inputs, outputs=self.node.outputs))
