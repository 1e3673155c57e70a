"""ONNX graphs, written node by node."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20  # the first with Gelu
IR_VERSION = 9  # of the same release of ONNX


class GraphPort(NamedTuple):
    """Shape and type of an input or an output."""

    shape: Sequence[int]
    element: int = TensorProto.FLOAT


class GraphBuilder:
    """A graph under construction. A node's output has the node's name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, name: str, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; returns its output's name."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        """Add a constant; returns its name."""
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def linear(self, name: str, x: str, weights: np.ndarray, bias: np.ndarray) -> str:
        """x W^T + bias, W [n, k] as PyTorch stores it; the product's node has the name itself."""
        product = self.node(name, "MatMul", x, self.constant(f"{name}.weight", weights.T))
        return self.node(f"{name}.bias", "Add", product, self.constant(f"{name}.bias.value", bias))

    def model(
        self, name: str, inputs: Mapping[str, GraphPort], outputs: Mapping[str, GraphPort], *,
        opset: int = OPSET,
    ) -> onnx.ModelProto:
        """The graph as a model."""
        ports = (
            [helper.make_tensor_value_info(key, port.element, port.shape) for key, port in each.items()]
            for each in (inputs, outputs)
        )
        graph = helper.make_graph(self.nodes, name, *ports, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
