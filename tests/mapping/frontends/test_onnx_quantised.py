"""Quantised ONNX networks as they are: codes against onnxruntime's, which made them and runs them."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from mapping.backends.streams import REFERENCE, gemm_of
from mapping.frontends.onnx_quantised import coded, is_quantised
from mapping.legalise.float_network import encoded
from mapping.run.arrays import ArrayRun
from mapping.run.quantised import run
from sim.device import Model

RANDOM = np.random.default_rng(0)
SIZES = {"w": (8, 4, 3, 3), "b": (8,), "w2": (4, 8, 1, 1), "k": (8, 1, 3, 3), "m": (12, 10), "n": (10,)}
CONSTANTS = {name: RANDOM.normal(0, 0.4, size).astype(np.float32) for name, size in SIZES.items()}
CONSTANTS |= {"three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)}
IMAGE = (1, 4, 9, 8)
CONV = ("Conv", "x w b", "c", {"pads": [1] * 4})
CASES = {
    # nodes, input, output, codes that may be off by 1
    "conv": ([("Conv", "x w b", "y")], IMAGE, (1, 8, 7, 6), 0),
    "conv, relu": ([CONV, ("Relu", "c", "y")], IMAGE, (1, 8, 9, 8), 0),
    "depthwise": ([CONV, ("Conv", "c k", "y", {"group": 8})], IMAGE, (1, 8, 7, 6), 0),
    "residual": ([CONV, ("Conv", "c w2", "d"), ("Add", "x d", "y")], IMAGE, IMAGE, 0.3),
    "sigmoid": ([CONV, ("Sigmoid", "c", "y")], IMAGE, (1, 8, 9, 8), 0.01),
    "pool": ([CONV, ("MaxPool", "c", "y", {"kernel_shape": [2, 2]})], IMAGE, (1, 8, 8, 7), 0),
    "gemm": ([("Gemm", "x m n", "y")], (3, 12), (3, 10), 0),
}


def network(nodes, given, made):
    used = {name for _, names, *_ in nodes for name in names.split()}
    graph = helper.make_graph(
        [helper.make_node(op, x.split(), [y], name=y, **(a[0] if a else {})) for op, x, y, *a in nodes], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, made)],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in CONSTANTS.items() if n in used],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Samples(CalibrationDataReader):
    def __init__(self, shape):
        self.values = iter([draw(shape, seed) for seed in range(6)])

    def get_next(self):
        return next(self.values, None)


def draw(shape, seed):
    return {"x": np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)}


@pytest.fixture
def quantised(tmp_path):
    """A maker of quantised models: onnxruntime's own, weights int8, a scale a channel."""

    def make(model, shape, style, kind):
        onnx.save(model, tmp_path / "float.onnx")
        quantize_static(
            tmp_path / "float.onnx", tmp_path / "q.onnx", Samples(shape), quant_format=style,
            activation_type=kind, weight_type=QuantType.QInt8, per_channel=True,
        )  # fmt: skip
        return onnx.load(tmp_path / "q.onnx")

    return make


@pytest.mark.parametrize("style", [QuantFormat.QDQ, QuantFormat.QOperator], ids=str)
@pytest.mark.parametrize("kind", [QuantType.QInt8, QuantType.QUInt8], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_codes_are_those_of_onnxruntime(quantised, params, case, style, kind):
    nodes, given, made, share = CASES[case]
    model = quantised(network(nodes, given, made), given, style, kind)
    assert is_quantised(model)
    x = draw(given, 77)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (real,) = session.run(None, x)
    found = coded(model, params, "q.onnx", "q")
    y = found.tensors["y"].decode(run(found, params, encoded(found, x))["y"])
    off = np.abs(np.rint((y - real) / found.tensors["y"].encoding.scale))
    assert off.max() <= (1 if share else 0)
    assert (off > 0).mean() <= share


@pytest.mark.parametrize("activation", ["int8", "uint8"])
@pytest.mark.parametrize("case", CASES)
def test_a_bare_matrix_unit_gives_the_same_codes(quantised, target, case, activation):
    nodes, given, made, _ = CASES[case]
    kind = QuantType.QInt8 if activation == "int8" else QuantType.QUInt8
    model = quantised(network(nodes, given, made), given, QuantFormat.QDQ, kind)
    design = target(activation=activation)
    found = coded(model, REFERENCE, "q.onnx", "q")
    array, codes = ArrayRun(found, design), encoded(found, draw(given, 77))
    assert (array.step(codes, Model())["y"] == run(found, REFERENCE, codes)["y"]).all()
    assert len(array.layers) == sum(gemm_of(found, o) is not None for o in found.operations)


@pytest.mark.parametrize("case", ["conv, relu", "depthwise", "pool"])
def test_a_batch_of_images_has_onnxruntimes_codes(quantised, params, case):
    nodes, given, made, _ = CASES[case]
    given, made = (3, *given[1:]), (3, *made[1:])
    model = quantised(network(nodes, given, made), given, QuantFormat.QDQ, QuantType.QInt8)
    x = draw(given, 77)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (real,) = session.run(None, x)
    found = coded(model, params, "q.onnx", "q")
    y = found.tensors["y"].decode(run(found, params, encoded(found, x))["y"])
    assert np.abs(np.rint((y - real) / found.tensors["y"].encoding.scale)).max() == 0


@pytest.mark.parametrize("style", [QuantFormat.QDQ, QuantFormat.QOperator], ids=str)
def test_a_constant_is_added_to_a_product_in_the_codes_between(quantised, params, style):
    nodes = [("MatMul", "x m", "c"), ("Add", "c n", "y")]
    model = quantised(network(nodes, (3, 12), (3, 10)), (3, 12), style, QuantType.QInt8)
    found = coded(model, params, "q.onnx", "q")
    assert [type(o).__name__ for o in found.operations][:2] == ["Product", "Map"]
    x = draw((3, 12), 77)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (real,) = session.run(None, x)
    y = found.tensors["y"].decode(run(found, params, encoded(found, x))["y"])
    assert np.abs(y - real).max() < 1.01 * found.tensors["y"].encoding.scale


def test_a_clip_that_only_the_codes_hold_is_kept(quantised, params):
    """onnxruntime takes Clip(0, 6) of a hard swish out: its codes end there."""
    nodes = [CONV, ("Add", "c three", "d"), ("Clip", "d zero six", "e"), ("Mul", "c e", "y")]
    model = quantised(network(nodes, IMAGE, (1, 8, 9, 8)), IMAGE, QuantFormat.QDQ, QuantType.QInt8)
    assert not any(node.op_type == "Clip" for node in model.graph.node)
    x = draw(IMAGE, 77)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (real,) = session.run(None, x)
    found = coded(model, params, "q.onnx", "q")
    y = found.tensors["y"].decode(run(found, params, encoded(found, x))["y"])
    assert np.linalg.norm(y - real) < 0.02 * np.linalg.norm(real)
