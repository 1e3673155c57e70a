"""Attributes of ONNX operators that the cases of host operators leave at their defaults: old forms first.

REFUSED: what is not computed, with the words that name it.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.operators.cases import IMAGE, Case, X, ints, real
from tests.operators.more_cases import CODES, SEQUENCE

REDUCTIONS = ("ReduceL2", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare")
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}

OLD_FORMS = [
    *(Case("Clip", [X], a, opset=7) for a in ({"min": -1.0, "max": 0.5}, {"min": 0.1}, {"max": 0.1}, {})),
    Case("Slice", [X], {"starts": [1, 0], "ends": [3, 2], "axes": [2, 1]}, opset=7),
    Case("Slice", [X], {"starts": [1, 0], "ends": [2, 2]}, opset=9),
    Case("Pad", [X], {"pads": [0, 1, 2, 1, 0, 3], "value": 2.0}, opset=7),
    Case("Pad", [X], {"pads": [0, 1, 2, 0, 1, 2], "mode": "reflect"}, opset=10),
    Case("Dropout", [X], {"ratio": 0.3}, opset=7),
    *(Case(op, [X], a, opset=o) for op in ("Softmax", "LogSoftmax", "Hardmax")
      for a, o in (({}, 7), ({"axis": 0}, 7), ({"axis": 2}, 10), ({"axis": -2}, 11), ({"axis": -1}, 12))),
    Case("BatchNormalization", [IMAGE, *[real(4) for _ in range(3)], real(4, low=0.1)], {"epsilon": 1e-2},
         opset=7),
    Case("TopK", [X], {"k": 2, "axis": 1}, 2, opset=9),
    Case("Upsample", [IMAGE], {"scales": [1.0, 1.0, 2.0, 3.0]}, opset=7),
    Case("Upsample", [IMAGE], {"scales": [1.0, 1.0, 2.0, 2.0], "mode": "linear"}, opset=8),
    Case("Upsample", [IMAGE, np.float32([1, 1, 2, 2])], {"mode": "linear"}, opset=9),
    Case("Resize", [IMAGE, np.float32([1, 1, 2, 3])], {"mode": "linear"}, opset=10),
    Case("Resize", [IMAGE, np.float32([1, 1, 0.5, 2])], {}, opset=10),
    Case("OneHot", [ints(0, 2, 1), np.int64(3), real(2)], {"axis": 0}, opset=9),
    Case("Scatter", [X, ints(0, 2, 1).reshape(1, 1, 3), real(1, 1, 3)], {"axis": 2}, opset=9),
    *(Case(op, [X], {"axes": [0, 2], "keepdims": 0}, opset=12) for op in REDUCTIONS),
    Case("ReduceSum", [X], {"axes": [1]}, opset=7),
    Case("Split", [X], {"split": [1, 3], "axis": 2}, 2, opset=7),
    Case("Squeeze", [real(1, 3, 1)], {"axes": [0]}, opset=7),
    Case("Unsqueeze", [X], {"axes": [0, 2]}, opset=7),
    Case("Gemm", [real(3, 4), real(4, 2), real(2)], {}, opset=7),
    Case("AveragePool", [IMAGE], {"kernel_shape": [2, 2], "count_include_pad": 1, "pads": [1] * 4}, opset=7),
]  # fmt: skip

NEW_FORMS = [
    Case("GroupNormalization", [IMAGE, real(4), real(4)], {"num_groups": 2, "epsilon": 1e-2}, opset=21),
    *(Case("Cast", [X], {"to": TensorProto.INT32, **a}, opset=o)
      for a, o in (({"saturate": 0}, 19), ({"round_mode": "down"}, 24))),
    *(Case("CastLike", [X, ints(1)], a, opset=o)
      for a, o in (({"saturate": 0}, 19), ({"round_mode": "nearest"}, 24))),
    *(Case("CumProd", [X, np.int64(1)], a, opset=26) for a in ({}, {"exclusive": 1}, {"reverse": 1})),
    Case("DequantizeLinear", [CODES, np.float32(0.02), np.uint8(9)], {"output_dtype": 10}, opset=23),
    Case("QuantizeLinear", [X, np.float32(0.02), np.uint8(9)], {"saturate": 0}, opset=19),
    Case("QuantizeLinear", [X, np.float32(0.25), np.uint8(9)], {"precision": 1}, opset=23),
    Case("Dropout", [X], {"seed": 3}, opset=13),
    Case("TopK", [X, ints(1)], {"sorted": 0}, 2, opset=11),
    Case("Reshape", [X, ints(4, -1)], {"allowzero": 1}, opset=14),
]  # fmt: skip


def batch_first(operator):
    """A recurrent layer whose batch is the first axis, hidden size 4."""
    rows = GATES[operator] * 4
    inputs = [np.swapaxes(SEQUENCE, 0, 1), real(1, rows, 5, low=-1, high=1), real(1, rows, 4, low=-1, high=1)]
    return Case(operator, inputs, {"hidden_size": 4, "layout": 1}, 2, opset=14)


NEW_FORMS += [batch_first(operator) for operator in GATES]

SPARSE = helper.make_sparse_tensor(
    numpy_helper.from_array(np.float32([1]), "v"), numpy_helper.from_array(ints(2), "i"), [3]
)
HALVES = [np.float16(v) for v in (0, 4, 1)]
REFUSED = [
    (Case("BatchNormalization", [IMAGE, *[real(4, low=0.1)] * 4], {"spatial": 0}, opset=8), "spatial is 0"),
    (Case("LayerNormalization", [X, real(4)], {"stash_type": 11}, opset=17), "stash_type is 11; allowed: 1"),
    (Case("RMSNormalization", [X, real(4)], {"stash_type": 11}, opset=23), "stash_type is 11; allowed: 1"),
    (Case("Attention", [IMAGE] * 3, {"softmax_precision": 16}, opset=25), "softmax_precision is 16"),
    (Case("Attention", [IMAGE] * 3, {"left_window_size": -2}, opset=25), "left_window_size must be"),
    (Case("GroupNormalization", [IMAGE, real(4), real(4)], {"num_groups": 2, "stash_type": 16}, opset=21),
     "Cast.to is 16"),
    (Case("GroupNormalization", [IMAGE, real(2), real(2)], {"num_groups": 2}, opset=18),
     "GroupNormalization, which opset 18 does not have or has deprecated"),
    (Case("Range", HALVES, {"stash_type": 11}, opset=27), "Range.stash_type is 11"),
    (Case("Constant", [], {"sparse_value": SPARSE}, opset=13), "sparse_value"),
    (Case("Constant", [], {"value_string": "a"}, opset=13), "value_string"),
    (Case("Constant", [], {"value_strings": ["a"]}, opset=13), "value_strings"),
    (Case("Dropout", [X, np.float32(0.5), np.array(True)], {"seed": 3}, opset=13), "training_mode is true"),
    (Case("QuantizeLinear", [X, np.float32(0.02)], {"output_dtype": 17}, opset=21), "output_dtype is 17"),
    (Case("Cast", [X], {"to": 17, "saturate": 0}, opset=19), "Cast.to is 17"),
]  # fmt: skip
