"""Cases of host operators: inputs and attributes; what onnxruntime makes of them is what is right."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

ort = pytest.importorskip("onnxruntime")


@dataclass
class Case:
    """inputs: arrays, or None for one left out. outputs: how many to compare."""

    operator: str
    inputs: list[Any]
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    opset: int = 20
    note: str = ""
    loose: float = 1.0  # times the usual tolerance

    def __str__(self):
        parts = [self.operator, *(f"{k}={v}" for k, v in self.attributes.items()), self.note]
        return "-".join(str(p).replace(" ", "") for p in parts if p)


RNG = np.random.default_rng(1)


def real(*shape, low=-3.0, high=3.0):
    return RNG.uniform(low, high, shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def flags(*shape):
    return RNG.integers(0, 2, shape).astype(bool)


X = real(2, 3, 4)
IMAGE = real(2, 4, 9, 7)
SIGNAL = real(2, 6, 20)
UNARY = (
    "Relu LeakyRelu Elu Softplus Sigmoid HardSigmoid HardSwish Tanh Erf Gelu Neg Abs Sign Exp Sqrt Log "
    "Reciprocal Floor Ceil Round Sin Cos Identity Softmax LogSoftmax Dropout Flatten Shape Size"
).split()
POSITIVE = {"Sqrt", "Log", "Reciprocal"}
BINARY = "Add Sub Mul Div Min Max Sum Mean Equal Less LessOrEqual Greater GreaterOrEqual".split()
REDUCE = "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL2 ReduceSumSquare".split()

CASES = [
    *(Case(op, [real(2, 3, 4, low=0.1) if op in POSITIVE else X]) for op in UNARY),
    Case("Gelu", [X], {"approximate": "tanh"}),
    Case("Sigmoid", [np.array([-200, -20, 0, 20, 200], np.float32)], note="extremes"),
    Case("Softmax", [X * 50], {"axis": 1}, note="large"),
    Case("LogSoftmax", [X], {"axis": 0}),
    Case("LeakyRelu", [X], {"alpha": 0.3}),
    Case("HardSigmoid", [X], {"alpha": 0.3, "beta": 0.4}),
    Case("Elu", [X], {"alpha": 0.7}),
    Case("PRelu", [X, real(4)]),
    Case("Round", [np.array([-1.5, -0.5, 0.5, 1.5, 2.5], np.float32)], note="ties"),
    *(Case(op, [X, real(3, 1)]) for op in BINARY),
    *(Case(op, [X], note="one") for op in ("Min", "Max", "Sum", "Mean")),
    *(Case(op, [X, real(1, 3, 1), real(4)], note="three") for op in ("Min", "Max", "Sum", "Mean")),
    Case("Div", [ints(-7, 7, -8, 9), ints(2, -2, 4, 3)], note="integers"),
    Case("Mod", [ints(-7, 7, -8, 9), ints(3, -3, 3, 4)]),
    Case("Mod", [X, real(4)], {"fmod": 1}),
    Case("Pow", [real(2, 3, low=0.1), real(3)]),
    Case("Pow", [X, np.array(2, np.int64)], note="integer-exponent"),
    *(Case(op, [flags(3, 4), flags(4)]) for op in ("And", "Or", "Xor")),
    Case("Not", [flags(3, 4)]),
    Case("Where", [flags(2, 1, 4), X, real(3, 1)]),
    Case("Clip", [X, np.float32(-1), np.float32(0.5)]),
    Case("Clip", [X, None, np.float32(0.5)], note="no-minimum"),
    Case("Clip", [X, np.float32(1), np.float32(-1)], note="crossed"),
    Case("Reshape", [X, ints(0, -1, 2)]),
    Case("Reshape", [np.zeros((0, 3), np.float32), ints(3, 0)], {"allowzero": 1}),
    Case("Transpose", [X]),
    Case("Transpose", [X], {"perm": [2, 0, 1]}),
    Case("Flatten", [X], {"axis": -1}),
    Case("Flatten", [X], {"axis": 0}),
    Case("Squeeze", [real(1, 3, 1), ints(-1)]),
    Case("Squeeze", [real(1, 3, 1)]),
    Case("Unsqueeze", [X, ints(0, -1)]),
    Case("Expand", [real(3, 1), ints(2, 1, 4)]),
    Case("Expand", [X, ints(1)], note="smaller"),
    Case("Tile", [X, ints(1, 2, 3)]),
    Case("Concat", [X, real(2, 1, 4), X], {"axis": 1}),
    Case("Split", [X, ints(1, 3)], {"axis": 2}, outputs=2),
    Case("Split", [real(7, 2)], {"num_outputs": 3}, outputs=3),
    Case("Pad", [X, ints(0, 1, 2, 1, 0, 3), np.float32(2)]),
    Case("Pad", [X, ints(1, 2, 0, 1), None, ints(1, -1)], note="axes"),
    Case("Pad", [X, ints(0, -1, 2, 0, -1, -2)], note="crop"),
    Case("Pad", [X, ints(0, 1, 2, 0, 1, 2)], {"mode": "reflect"}),
    Case("Pad", [X, ints(0, 1, 2, 0, 1, 2)], {"mode": "edge"}),
    Case("Pad", [X, ints(0, 1, 2, 0, 1, 2)], {"mode": "wrap"}),
    Case("Cast", [X], {"to": TensorProto.INT64}),
    Case("Cast", [X], {"to": TensorProto.BOOL}),
    Case("Cast", [ints(-2, 0, 3)], {"to": TensorProto.FLOAT}),
    Case("CastLike", [X, ints(1)]),
    Case("Shape", [X], {"start": 1, "end": -1}),
    Case("ConstantOfShape", [ints(2, 3)]),
    Case("ConstantOfShape", [ints(2, 3)], {"value": np.array([7], np.int64)}),
    Case("Constant", [], {"value": X}),
    Case("Constant", [], {"value_float": 1.5}),
    Case("Constant", [], {"value_int": 3}),
    Case("Constant", [], {"value_floats": [1.5, 2.5]}),
    Case("Constant", [], {"value_ints": [3, 4]}),
    Case("Range", [np.int64(2), np.int64(9), np.int64(3)]),
    Case("Range", [np.float32(2), np.float32(-1), np.float32(-0.5)]),
    Case("Gather", [X, ints(2, -1, 0)], {"axis": 1}),
    Case("Gather", [X, np.int64(1)], note="scalar"),
    Case("GatherElements", [X, RNG.integers(-3, 3, (2, 2, 4))], {"axis": 1}),
    Case("Slice", [X, ints(1, 0), ints(3, 2**62), ints(-1, 0)]),
    Case("Slice", [X, ints(-1), ints(-(2**62)), ints(2), ints(-1)], note="backwards"),
    Case("Slice", [X, ints(-2), ints(-4), ints(2), ints(-1)], note="backwards-to-negative"),
    Case("Slice", [X, ints(0), ints(4), ints(2), ints(3)], note="stride"),
    Case("OneHot", [ints(0, 2, -1, 5), np.int64(3), real(2)]),
    Case("OneHot", [ints(0, 2).reshape(1, 2), np.int64(3), real(2)], {"axis": 1}),
    Case("Trilu", [real(3, 4)]),
    Case("Trilu", [real(2, 3, 4), np.int64(-1)], {"upper": 0}),
    *(Case(op, [X, ints(0, -1)], {"keepdims": 0}) for op in REDUCE),
    *(Case(op, [X]) for op in REDUCE),
    *(Case(op, [X], {"noop_with_empty_axes": 1}) for op in ("ReduceSum", "ReduceMax")),
    Case("ReduceMean", [X], {"axes": [1], "keepdims": 0}, opset=13),
    Case("ArgMax", [X], {"axis": 1}),
    Case("ArgMin", [ints(3, 1, 1, 2)], {"keepdims": 0}),
    Case("ArgMax", [np.array([1, 5, 5, 0], np.float32)], {"select_last_index": 1}),
    Case("LayerNormalization", [X, real(4), real(4)]),
    Case("LayerNormalization", [X, real(3, 4)], {"axis": 1, "epsilon": 1e-3}),
    Case("BatchNormalization", [IMAGE, real(4), real(4), real(4), real(4, low=0.1)], {"epsilon": 1e-3}),
    Case("BatchNormalization", [real(5, 4), real(4), real(4), real(4), real(4, low=0.1)], note="matrix"),
    Case("MatMul", [real(5, 7), real(7, 3)]),
    Case("MatMul", [real(2, 1, 5, 7), real(3, 7, 4)], note="batch"),
    Case("MatMul", [real(7), real(7, 4)], note="vector"),
    Case("Gemm", [real(5, 7), real(7, 3)]),
    Case("Gemm", [real(7, 5), real(3, 7), real(3)], {"alpha": 0.5, "beta": 2.0, "transA": 1, "transB": 1}),
    Case("Conv", [IMAGE, real(5, 4, 3, 3)]),
    Case("Conv", [IMAGE, real(5, 4, 3, 2), real(5)], {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
    Case("Conv", [IMAGE, real(6, 2, 3, 3)], {"group": 2, "dilations": [2, 1]}),
    Case("Conv", [IMAGE, real(8, 1, 3, 3)], {"group": 4, "pads": [1, 1, 1, 1]}),
    Case("Conv", [IMAGE, real(5, 4, 3, 2)], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    Case("Conv", [IMAGE, real(5, 4, 3, 2)], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    Case("Conv", [IMAGE, real(5, 4, 3, 2)], {"auto_pad": "VALID"}),
    Case("Conv", [SIGNAL, real(4, 3, 5)], {"group": 2, "pads": [2, 1], "strides": [3]}),
    Case("Conv", [real(1, 2, 4, 5, 6), real(3, 2, 2, 3, 2)], note="3-d"),
    Case("MaxPool", [IMAGE], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
    Case("MaxPool", [IMAGE], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Case("MaxPool", [SIGNAL], {"kernel_shape": [3], "dilations": [2]}),
    Case("MaxPool", [IMAGE], {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case("AveragePool", [IMAGE], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
    Case("AveragePool", [IMAGE], {"kernel_shape": [3, 3], "pads": [1] * 4, "count_include_pad": 1}),
    *(
        Case("AveragePool", [IMAGE], {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1,
                                      "count_include_pad": counted, "pads": [1, 1, 1, 1]})
        for counted in (0, 1)
    ),
    Case("GlobalAveragePool", [IMAGE]),
    Case("GlobalMaxPool", [SIGNAL]),
]  # fmt: skip


def by_onnxruntime(case):
    """Outputs of a model of the one node."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(case.inputs)]
    given = {name: np.asarray(x) for name, x in zip(names, case.inputs, strict=True) if name}
    attributes = {
        k: onnx.numpy_helper.from_array(v) if k == "value" else v for k, v in case.attributes.items()
    }
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(case.operator, names, outputs, **attributes)
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in given.items()
    ]
    graph = helper.make_graph([node], "case", infos, [onnx.ValueInfoProto(name=y) for y in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=9)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    return ort.InferenceSession(inferred.SerializeToString()).run(None, given)
