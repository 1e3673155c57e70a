"""TFLite files as networks of reals: for plans, and for quantisation where the file is float.

Codes of an INT8 file become the reals that they mean (mapping.frontends.tflite.integer_run runs codes as they
are). State becomes inputs `state.NAME` and outputs `state.NAME.next`: a step is a function. Convolutions are
channel-first, as in ONNX; a transpose stands wherever an operator needs the other order.
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from golden import check
from mapping.frontends import onnx_build, onnx_file
from mapping.frontends.tflite import reader
from mapping.frontends.tflite.to_onnx import OnnxTranslation
from mapping.network import Network


def load(path: Path) -> Network:
    """The network in a TFLite file."""
    return from_graph(reader.read(path))


def from_graph(model: reader.TfliteModel) -> Network:
    """The network of a model's first graph."""
    made = OnnxTranslation(model)
    made.translate()
    network = onnx_file.from_model(proto(made), model.where, model.name)
    for tensor, (shape, where) in made.stated.items():
        if tensor in network.shapes and network.shapes[tensor] != shape:
            follows = f"{list(network.shapes[tensor])}, which follows from its inputs"
            raise check.fail(f"{where}: shape of the result", list(shape), follows)
    return network


def proto(made: OnnxTranslation) -> onnx.ModelProto:
    """The translated graph as an ONNX model: every input float32."""

    def info(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        made.graph.nodes, made.model.name,
        [info(name, shape) for name, shape in made.inputs.items()],
        [info(name, shape) for name, shape in made.outputs.items()], made.graph.constants,
    )  # fmt: skip
    opset = helper.make_opsetid("", onnx_build.OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=onnx_build.IR_VERSION)
