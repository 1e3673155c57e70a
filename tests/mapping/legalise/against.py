"""Small networks in codes against onnxruntime without optimisations, on both engines.

The coded network and its program, interpreted, must agree in every code; what they give, with float.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from golden.accelerator.machine import Machine
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.compiler import compile
from mapping.frontends import onnx_file
from mapping.legalise.float_network import encoded, quantise_network
from mapping.run.quantised import run

P = AcceleratorParams()
BASE = 4096
Arrays = Mapping[str, np.ndarray]


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """A node named after its first output. inputs, outputs: names with spaces between."""
    names = outputs.split()
    return helper.make_node(operator, inputs.split(), names, name=names[0], **attributes)


def model(
    nodes: Sequence[onnx.NodeProto], feeds: Arrays, constants: Arrays, outputs: Sequence[str] = ("y",),
    opset: int = 17,
) -> onnx.ModelProto:  # fmt: skip
    """The shapes and types of its inputs are those of `feeds`; its outputs are float32."""
    kinds = {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in feeds.items()}
    inputs = [helper.make_tensor_value_info(name, kinds[name], x.shape) for name, x in feeds.items()]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "net", inputs, ends, stored)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return onnx.shape_inference.infer_shapes(made)


def by_onnxruntime(made: onnx.ModelProto, feeds: Arrays) -> dict[str, np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, dict(feeds)), strict=True))


def by_codes(
    made: onnx.ModelProto, feeds: Arrays, p: AcceleratorParams = P, samples: Sequence[Arrays] = ()
) -> dict[str, np.ndarray]:
    """Calibrated on the inputs themselves unless there are samples; asserts that the engines agree."""
    network = onnx_file.from_model(made, "net.onnx", "net")
    coded = quantise_network(network, p, list(samples) or [feeds])
    codes = encoded(coded, feeds)
    found = run(coded, p, codes)
    program = compile(coded, p, BASE)
    memory = program.memory.copy()
    for name, values in codes.items():
        program.write(memory, name, values)
    Machine(p, memory, BASE).run(program.address, program.count)
    for name in coded.outputs:
        np.testing.assert_array_equal(program.read(memory, name), found[name], err_msg=name)
    return {name: coded.tensors[name].decode(found[name]) for name in coded.outputs}


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square of the difference over that of what is wanted."""
    assert found.shape == wanted.shape
    real = wanted.astype(np.float64)
    return float(np.sqrt(((found - real) ** 2).mean()) / max(np.sqrt((real**2).mean()), 1e-12))


def errors(
    nodes: Sequence[onnx.NodeProto], feeds: Arrays, constants: Arrays, outputs: Sequence[str] = ("y",),
    **more: Any,
) -> float:  # fmt: skip
    """The greatest of the outputs' errors. more: opset, or arguments of `by_codes`."""
    opset = more.pop("opset", 17)
    made = model(nodes, feeds, constants, outputs, opset)
    wanted = by_onnxruntime(made, feeds)
    found = by_codes(made, feeds, **more)
    return max(error(found[name], wanted[name]) for name in outputs)
