"""More cases: operators that run on the host alone, and attributes that few networks use."""

import numpy as np
from onnx import TensorProto

from tests.operators.cases import IMAGE, RNG, SIGNAL, Case, X, flags, ints, real

UNIT = real(2, 3, 4, low=-0.9, high=0.9)
CODES = RNG.integers(0, 256, (3, 4)).astype(np.uint8)
GRID = real(2, 5, 3, 2, low=-1.3, high=1.3)
VOLUME = real(1, 2, 3, 4, 5)
SEQUENCE = real(4, 3, 5)  # steps, batch, inputs
LENGTHS = np.array([4, 2, 3], np.int32)
RNN_NAMES = {"RNN": (1, 1), "GRU": (3, 2), "LSTM": (4, 3)}  # gates, functions


def recurrent(operator, directions=1, *, lengths=None, initial=False, peepholes=False, **attributes):
    """A case of a recurrent layer, hidden size 4."""
    gates = RNN_NAMES[operator][0]
    w, r = real(directions, gates * 4, 5, low=-1, high=1), real(directions, gates * 4, 4, low=-1, high=1)
    b = real(directions, 2 * gates * 4, low=-1, high=1)
    state = real(directions, 3, 4) if initial else None
    inputs = [SEQUENCE, w, r, b, lengths, state]
    if operator == "LSTM":
        inputs += [state, real(directions, 12) if peepholes else None]
    while inputs[-1] is None:
        inputs.pop()
    outputs = 3 if operator == "LSTM" else 2
    return Case(operator, inputs, {"hidden_size": 4, **attributes}, outputs, opset=14, loose=4)


def resize(scales=None, sizes=None, x=IMAGE, roi=None, opset=19, **attributes):
    given = [x, roi, None if scales is None else np.float32(scales), None if sizes is None else ints(*sizes)]
    while given[-1] is None:
        given.pop()
    return Case("Resize", given, attributes, opset=opset, loose=4)


BITS = [np.array(v, np.uint8) for v in ([5, 129, 255, 1], [1, 2, 0, 7])]

MORE = [
    *(Case(op, [X]) for op in ("Sinh", "Cosh", "Tan", "Atan", "Asinh", "Shrink")),
    *(Case(op, [UNIT]) for op in ("Asin", "Acos", "Atanh")),
    Case("Acosh", [real(2, 3, low=1.0, high=4.0)]),
    Case("IsNaN", [np.array([1, np.nan, np.inf], np.float32)]),
    *(
        Case("IsInf", [np.array([1, np.nan, np.inf, -np.inf], np.float32)], a)
        for a in ({}, {"detect_negative": 0}, {"detect_positive": 0})
    ),
    Case("Shrink", [X], {"bias": 0.3, "lambd": 1.0}),
    *(Case("BitShift", BITS, {"direction": d}) for d in ("LEFT", "RIGHT")),
    *(Case(op, [CODES, CODES[::-1].copy()], opset=18) for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")),
    Case("BitwiseNot", [CODES], opset=18),
    *(Case("Hardmax", [X], {"axis": axis}) for axis in (-1, 1)),
    Case("Einsum", [real(2, 3, 4), real(2, 4, 5)], {"equation": "bij, bjk -> bik"}),
    Case("Einsum", [real(2, 3, 4), real(2, 4, 5)], {"equation": "bij,bjk"}),
    Case("Einsum", [real(3, 3)], {"equation": "ii->i"}),
    Case("Det", [real(2, 3, 3)], loose=8),
    Case("EyeLike", [real(3, 4)]),
    Case("EyeLike", [real(3, 4)], {"k": -1, "dtype": TensorProto.INT32}),
    *(Case("CumSum", [X, np.int64(1)], a) for a in ({}, {"exclusive": 1}, {"reverse": 1})),
    Case("CumSum", [X, np.int64(-1)], {"exclusive": 1, "reverse": 1}, note="both"),
    Case("TopK", [X, ints(2)], outputs=2),
    Case("TopK", [X, ints(2)], {"axis": 1, "largest": 0}, outputs=2),
    Case("TopK", [ints(3, 1, 3, 2, 1), ints(3)], {"axis": 0}, outputs=2, note="equals"),
    Case("GatherND", [X, ints(0, 2, 1, 0).reshape(2, 2)]),
    Case("GatherND", [X, ints(-1, 0).reshape(2, 1)], {"batch_dims": 1}),
    Case("ScatterND", [X, ints(0, 2, 1, -1).reshape(2, 2), real(2, 4)]),
    *(
        Case("ScatterND", [X, ints(0, 0).reshape(2, 1), real(2, 3, 4)], {"reduction": r}, opset=18)
        for r in ("add", "mul", "max", "min")
    ),
    Case("ScatterElements", [X, ints(0, -1, 1).reshape(1, 1, 3), real(1, 1, 3)], {"axis": 2}),
    *(
        Case("ScatterElements", [X, ints(0, 0).reshape(2, 1, 1), real(2, 1, 1)], {"reduction": r}, opset=18)
        for r in ("add", "mul", "max", "min")
    ),
    Case("ReverseSequence", [real(4, 3), ints(1, 4, 2)]),
    Case("ReverseSequence", [real(3, 4), ints(1, 4, 2)], {"batch_axis": 0, "time_axis": 1}),
    Case("InstanceNormalization", [IMAGE, real(4), real(4)], {"epsilon": 1e-2}, loose=4),
    Case("LRN", [IMAGE], {"size": 3}, loose=4),
    Case("LRN", [IMAGE], {"size": 5, "alpha": 0.5, "beta": 0.6, "bias": 2.0}, loose=4),
    Case("LpNormalization", [X]),
    Case("LpNormalization", [X], {"axis": 1, "p": 1}),
    Case("LayerNormalization", [X, real(4), real(4)], outputs=3, opset=17, note="outputs"),
    Case("BatchNormalization", [IMAGE, real(4), real(4), real(4), real(4, low=0.1)],
         {"training_mode": 1, "momentum": 0.7}, 3, opset=15, loose=8),
    Case("MaxPool", [real(1, 1, 5, 7)], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}, 2,
         note="places"),
    Case("MaxPool", [IMAGE], {"kernel_shape": [2, 3], "storage_order": 1}, 2),
    Case("MaxPool", [np.zeros((1, 1, 3, 3), np.float32)], {"kernel_shape": [2, 2]}, 2, note="equal"),
    *(
        Case("LpPool", [IMAGE], {"kernel_shape": [3, 2], **a}, opset=18, loose=4)
        for a in ({}, {"p": 1}, {"p": 3}, {"pads": [1, 0, 1, 1], "strides": [2, 1]}, {"dilations": [2, 1]},
                  {"auto_pad": "SAME_UPPER", "strides": [2, 2]})
    ),
    Case("LpPool", [SIGNAL], {"kernel_shape": [3], "strides": [2], "ceil_mode": 1}, opset=18, loose=4),
    Case("GlobalLpPool", [IMAGE], loose=4),
    Case("GlobalLpPool", [IMAGE], {"p": 3}, loose=4),
    Case("MaxUnpool", [real(1, 1, 2, 2), ints(0, 3, 8, 11).reshape(1, 1, 2, 2)],
         {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Case("MaxUnpool", [real(1, 1, 2, 2), ints(0, 1, 3, 4).reshape(1, 1, 2, 2)],
         {"kernel_shape": [2, 2], "pads": [0, 1, 0, 0], "strides": [1, 2]}),
    Case("AveragePool", [IMAGE], {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    Case("AveragePool", [IMAGE], {"kernel_shape": [3, 2], "dilations": [2, 1]}),
    Case("Conv", [IMAGE, real(5, 4, 3, 2)], {"kernel_shape": [3, 2]}),
    Case("ConvTranspose", [IMAGE, real(4, 3, 3, 2), real(3)], {"strides": [2, 1], "pads": [1, 0, 0, 1]},
         loose=4),
    Case("ConvTranspose", [IMAGE, real(4, 3, 3, 2)], {"group": 2, "kernel_shape": [3, 2]}, loose=4),
    Case("ConvTranspose", [IMAGE, real(4, 3, 3, 2)], {"dilations": [2, 1], "strides": [1, 2]}, loose=4),
    Case("ConvTranspose", [IMAGE, real(4, 3, 3, 2)], {"strides": [2, 3], "output_padding": [1, 2]}, loose=4),
    Case("ConvTranspose", [SIGNAL, real(6, 2, 3)], {"strides": [2], "output_shape": [41]}, loose=4),
    *(
        Case("ConvTranspose", [IMAGE, real(4, 3, 3, 2)], {"auto_pad": p, "strides": [2, 2]}, loose=4)
        for p in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    Case("ConvTranspose", [real(1, 2, 3, 4, 2), real(2, 1, 2, 2, 3)], loose=4, note="3-d"),
    Case("Col2Im", [real(1, 2 * 6, 6), ints(4, 4), ints(2, 3)], {"strides": [1, 1]}, opset=18),
    Case("Col2Im", [real(1, 4, 20), ints(5, 4), ints(2, 2)], {"pads": [0, 1, 0, 1]}, opset=18),
    Case("Col2Im", [real(1, 4, 4), ints(5, 4), ints(2, 2)], {"strides": [2, 2]}, opset=18),
    Case("Col2Im", [real(1, 4, 6), ints(5, 4), ints(2, 2)], {"dilations": [2, 2]}, opset=18),
    *(
        Case("GridSample", [IMAGE[:, :2], GRID], {"mode": m, "padding_mode": p, "align_corners": c}, loose=16)
        for m, p, c in (("linear", "zeros", 0), ("linear", "border", 1), ("linear", "reflection", 0),
                        ("nearest", "zeros", 1), ("cubic", "zeros", 0), ("cubic", "border", 1),
                        ("cubic", "reflection", 1), ("nearest", "reflection", 0))
    ),
    Case("GridSample", [VOLUME, real(1, 2, 3, 2, 3, low=-1.2, high=1.2)], {"mode": "linear"}, loose=16),
    resize([1, 1, 2.0, 3.0]),
    resize(sizes=(2, 4, 5, 9)),
    *(
        resize([1, 1, 1.7, 0.6], mode=mode, coordinate_transformation_mode=c)
        for mode in ("linear", "cubic")
        for c in ("half_pixel", "pytorch_half_pixel", "asymmetric", "half_pixel_symmetric")
    ),
    # of a length that is no whole number, onnxruntime aligns the corners of the rounded one
    *(
        resize(sizes=(2, 4, 14, 4), mode=mode, coordinate_transformation_mode="align_corners")
        for mode in ("linear", "cubic")
    ),
    *(
        resize([1, 1, 1.75, 0.5], nearest_mode=m, coordinate_transformation_mode="asymmetric")
        for m in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    resize([1, 1, 1.5, 2.5], mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1),
    resize(sizes=(2, 4, 5, 4), roi=np.float32([0, 0, 0.1, -0.2, 1, 1, 1.2, 0.9]), mode="linear",
           coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=7.0),
    resize([1, 1, 0.6, 0.4], mode="linear", antialias=1),
    resize([1, 1, 0.6, 0.4], mode="cubic", antialias=1),
    resize([0.6, 1.5], mode="linear", axes=[2, 3]),
    resize(sizes=(5, 5), axes=[2, 3], keep_aspect_ratio_policy="not_larger"),
    resize(sizes=(5, 5), axes=[2, 3], keep_aspect_ratio_policy="not_smaller", mode="linear"),
    Case("QuantizeLinear", [X, np.float32(0.02), np.uint8(100)], opset=13),
    Case("QuantizeLinear", [X, np.float32([0.02, 0.1, 0.5]), np.array([1, -2, 3], np.int8)], {"axis": 1},
         opset=13),
    Case("QuantizeLinear", [X, np.float32(0.02)], {"output_dtype": TensorProto.INT8}, opset=21),
    Case("QuantizeLinear", [X, real(2, 3, 2, low=0.1), np.zeros((2, 3, 2), np.int8)],
         {"axis": 2, "block_size": 2}, opset=21),
    Case("DequantizeLinear", [CODES, np.float32(0.02), np.uint8(100)], opset=13),
    Case("DequantizeLinear", [CODES, real(3, low=0.1), CODES[:, 0]], {"axis": 0}, opset=13),
    Case("DequantizeLinear", [CODES, real(3, 2, low=0.1), CODES[:, :2]], {"axis": 1, "block_size": 2},
         opset=21),
    Case("MatMulInteger", [CODES, CODES.T.copy(), np.uint8(7), np.uint8(9)], opset=13),
    Case("ConvInteger", [RNG.integers(0, 256, (1, 2, 5, 6)).astype(np.uint8),
                         RNG.integers(0, 256, (3, 2, 2, 2)).astype(np.uint8), np.uint8(7)],
         {"pads": [1, 0, 1, 0], "strides": [2, 1], "kernel_shape": [2, 2]}, opset=13),
    Case("ConvInteger", [RNG.integers(0, 256, (1, 4, 6, 6)).astype(np.uint8),
                         RNG.integers(0, 256, (2, 2, 2, 2)).astype(np.uint8)],
         {"dilations": [2, 1], "group": 2, "auto_pad": "VALID"}, opset=13),
    Case("QLinearMatMul", [CODES, np.float32(0.02), np.uint8(7), CODES.T.copy(), np.float32(0.03),
                           np.uint8(9), np.float32(1.1), np.uint8(3)], opset=13),
    Case("QLinearConv", [RNG.integers(0, 256, (1, 2, 5, 6)).astype(np.uint8), np.float32(0.02), np.uint8(7),
                         RNG.integers(0, 256, (3, 2, 2, 2)).astype(np.uint8), np.float32(0.03),
                         np.uint8(128), np.float32(0.9), np.uint8(120),
                         RNG.integers(-99, 99, 3).astype(np.int32)],
         {"pads": [1, 0, 1, 0], "strides": [2, 1], "kernel_shape": [2, 2]}, opset=13),
    Case("QLinearConv", [RNG.integers(0, 256, (1, 4, 6, 6)).astype(np.uint8), np.float32(0.02), np.uint8(7),
                         RNG.integers(0, 256, (2, 2, 2, 2)).astype(np.uint8), np.float32(0.03), np.uint8(128),
                         np.float32(0.9), np.uint8(120)],
         {"dilations": [2, 1], "group": 2, "auto_pad": "VALID"}, opset=13),
    *(recurrent(op) for op in RNN_NAMES),
    *(recurrent(op, lengths=LENGTHS, initial=True, direction="reverse") for op in RNN_NAMES),
    *(recurrent(op, 2, lengths=LENGTHS, initial=True, direction="bidirectional") for op in RNN_NAMES),
    *(recurrent(op, clip=0.3) for op in RNN_NAMES),
    *(
        recurrent(op, activations=["LeakyRelu", "HardSigmoid", "Elu"][: RNN_NAMES[op][1]],
                  activation_alpha=[0.2, 0.3, 0.7][: RNN_NAMES[op][1]],
                  activation_beta=[0.0, 0.4, 0.0][: RNN_NAMES[op][1]])
        for op in RNN_NAMES
    ),
    recurrent("GRU", linear_before_reset=1),
    recurrent("LSTM", peepholes=True),
    recurrent("LSTM", input_forget=1),
    Case("ArgMax", [X], {"axis": 1, "keepdims": 0}),
    Case("ArgMin", [X], {"axis": 1}),
    Case("ArgMin", [ints(3, 1, 1, 2)], {"select_last_index": 1}),
    *(
        Case(op, [X], {"noop_with_empty_axes": 1}, opset=18)
        for op in ("ReduceL2", "ReduceLogSumExp", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare")
    ),
    Case("ReduceLogSumExp", [X], {"axes": [1], "keepdims": 0}, opset=13),
    Case("ReduceLogSumExp", [X * 500], opset=13, note="beyond the exponential's range"),
    Case("Where", [flags(3, 4), ints(1, 2, 3, 4), ints(5)], note="integers"),
]  # fmt: skip
