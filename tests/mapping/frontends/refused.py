"""ONNX networks of a few nodes, and what a refusal of one is: a line that begins with the file."""

import pytest
from onnx import TensorProto, helper, numpy_helper

from golden.check import BadValue
from mapping.frontends import onnx_file

FLOAT = TensorProto.FLOAT


def model(nodes, shape=(2, 3), constants=None, opset=17, kind=FLOAT):
    """A graph from x to y, whose shape is left open."""
    graph = helper.make_graph(
        nodes, "test", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, [None])],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def node(operator="Relu", inputs=("x",), outputs=("y",), **attributes):
    return helper.make_node(operator, inputs, outputs, name="/encoder/3/it", **attributes)


def refuse(proto, message, **sizes):
    with pytest.raises(BadValue) as caught:
        onnx_file.from_model(proto, "bert.onnx", "bert", **sizes)
    assert str(caught.value).startswith("bert.onnx")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
