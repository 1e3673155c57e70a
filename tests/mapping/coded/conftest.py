"""Coded networks for tests, float networks from operators, and a writer of TFLite files."""

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from golden.accelerator.params import AcceleratorParams
from mapping.coded import graph
from mapping.coded.fixed import plain
from mapping.importers import onnx_file


@pytest.fixture(scope="session")
def params():
    """The accelerator of every test."""
    return AcceleratorParams()


@pytest.fixture
def net():
    """A maker of a coded network: tensors by (shape, dtype[, data]); inputs x (and i), output y."""

    def make(tensors, *operations, inputs=("x",), outputs=("y",), **more):
        described = {
            name: graph.Tensor(name=name, shape=each[0], dtype=each[1], data=each[2] if each[2:] else None)
            for name, each in tensors.items()
        }
        return graph.CodedNetwork(
            name="net", tensors=described, operations=operations, inputs=inputs, outputs=outputs, **more
        )

    return make


@pytest.fixture
def codes():
    """Random int64 codes of a type, the same in every run."""
    random = np.random.default_rng(11)

    def make(shape, dtype="int8"):
        info = np.iinfo(dtype)
        return random.integers(info.min, int(info.max) + 1, shape)

    return make


@pytest.fixture
def epilogue():
    return plain


@pytest.fixture(scope="session")
def from_onnx():
    """A maker of networks: inputs {name: shape}, constants, nodes (operator, inputs, output, attributes)."""

    def make(inputs, constants, *nodes, output="y", shape=None):
        made = [
            helper.make_node(op, x.split(), [y], name=y, **(rest[0] if rest else {}))
            for op, x, y, *rest in nodes
        ]
        value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, s) for name, s in inputs.items()]
        stored = [onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
        out = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
        graph_ = helper.make_graph(made, "net", value, [out], stored)
        model = helper.make_model(graph_, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        return onnx_file.from_model(model, "net.onnx", "net")

    return make


@pytest.fixture(scope="session")
def tflite_tools():
    """tests/tflite/conftest.py: the writer of TFLite files, where packages lie."""
    spec = importlib.util.spec_from_file_location(
        "tools", Path(__file__).parents[2] / "tflite" / "conftest.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
