"""Every attribute that ONNX's schemas give the operators below: honoured in its legal values, or named."""

import numpy as np
import onnx
import pytest

from golden.check import BadValue
from tests.mapping.legalise.against import by_codes, by_onnxruntime, error, model, node

RANDOM = np.random.default_rng(10)
OPSET = 22


def normal(*shape, scale=1.0):
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


IMAGE, ROWS = normal(1, 6, 9, 8) + 0.5, normal(5, 16)
WINDOW = {"kernel_shape": [3, 2]}
FILTERS = {"w": normal(4, 6, 3, 2, scale=0.2)}
PADDING = ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]
REDUCTION = {"keepdims": [0, 1], "noop_with_empty_axes": [0, 1]}
# operator -> its input, its constants, attributes that it needs, and values of each attribute
CASES = {
    "Conv": (IMAGE, FILTERS, {}, {
        "auto_pad": PADDING, "dilations": [[2, 1], [1, 3]], "group": [1, 2, 3, 6], "kernel_shape": [[3, 2]],
        "pads": [[1, 0, 2, 1], [0, 1, 0, 0]], "strides": [[2, 1], [1, 3]],
    }),
    "MaxPool": (IMAGE - 3, {}, WINDOW, {
        "auto_pad": PADDING, "ceil_mode": [0, 1], "dilations": [[1, 2]], "kernel_shape": [[1, 3], [9, 8]],
        "pads": [[1, 0, 2, 1], [0, 1, 0, 0]], "storage_order": [0, 1], "strides": [[2, 1], [2, 3]],
    }),
    "AveragePool": (IMAGE, {}, WINDOW, {
        "auto_pad": PADDING, "ceil_mode": [0, 1], "count_include_pad": [0, 1], "dilations": [[1, 2]],
        "kernel_shape": [[1, 3], [9, 8]], "pads": [[1, 0, 2, 1], [0, 1, 0, 0]], "strides": [[2, 1], [2, 3]],
    }),
    "Gemm": (ROWS, {"w": normal(16, 7), "c": normal(5, 7, scale=3)}, {}, {
        "alpha": [0.5, -2.0], "beta": [0.5, 0.0, -1.0], "transA": [0, 1], "transB": [0, 1],
    }),
    "Softmax": (ROWS, {}, {}, {"axis": [-1, 1, 0, -2]}),
    "ReduceMean": (IMAGE, {"axes": np.array([2])}, {}, REDUCTION),
    "ReduceMax": (IMAGE, {"axes": np.array([3])}, {}, REDUCTION),
    "ReduceSum": (IMAGE, {"axes": np.array([2, 3])}, {}, REDUCTION),
    "ReduceMin": (IMAGE, {"axes": np.array([-2])}, {}, REDUCTION),
    "LayerNormalization": (ROWS, {"g": normal(16), "b": normal(16)}, {}, {
        "axis": [-1, 1, 0, -2], "epsilon": [1e-3, 0.5], "stash_type": [1],
    }),
    "Concat": (ROWS, {"c": normal(5, 16)}, {"axis": 0}, {"axis": [0, 1, -1, -2]}),
    "Split": (ROWS, {}, {"num_outputs": 1}, {"axis": [0, 1, -1], "num_outputs": [1]}),
    "Flatten": (IMAGE, {}, {}, {"axis": [0, 1, 2, 4, -1]}),
    "Transpose": (IMAGE, {}, {}, {"perm": [[0, 2, 3, 1], [3, 2, 1, 0], [0, 1, 3, 2]]}),
    "Reshape": (IMAGE, {"s": np.array([0, 6, -1])}, {}, {"allowzero": [0]}),
    "LeakyRelu": (ROWS, {}, {}, {"alpha": [0.3, 1.0, -0.5, 2.0]}),
    "Elu": (ROWS, {}, {}, {"alpha": [0.3, 3.0]}),
    "HardSigmoid": (ROWS, {}, {}, {"alpha": [0.1, 5.0], "beta": [0.0, 0.9]}),
    "Gelu": (ROWS, {}, {}, {"approximate": ["none", "tanh"]}),
    "GlobalAveragePool": (IMAGE, {}, {}, {}),
    "GlobalMaxPool": (IMAGE - 3, {}, {}, {}),
}  # fmt: skip
EVERY = [
    (operator, key, value)
    for operator, (*_, given) in CASES.items() for key, values in given.items() for value in values
]  # fmt: skip
FITTING = {  # shapes of constants where an attribute asks for others
    ("Conv", "group"): lambda value: {"w": normal(6, 6 // value, 3, 2, scale=0.3)},
    ("Gemm", "transA"): lambda value: {"w": normal(5, 7) if value else normal(16, 7), "c": normal(7)},
    ("Gemm", "transB"): lambda value: {"w": normal(7, 16) if value else normal(16, 7), "c": normal(5, 1)},
    ("Concat", "axis"): lambda value: {"c": normal(5, 3) if value % 2 else normal(2, 16)},
    ("LayerNormalization", "axis"): lambda value: {"g": normal(*ROWS.shape[value:]), "b": normal(16)},
}


@pytest.mark.parametrize("operator", CASES)
def test_every_attribute_of_the_schema_has_a_case(operator):
    schema = onnx.defs.get_schema(operator, OPSET)
    assert set(schema.attributes) <= set(CASES[operator][-1])


@pytest.mark.parametrize("operator, key, value", EVERY)
def test_an_attribute_is_honoured_or_named(operator, key, value):
    x, constants, needed, _ = CASES[operator]
    constants = FITTING[operator, key](value) if (operator, key) in FITTING else constants
    attributes = {**needed, key: value}
    nodes = [node(operator, " ".join(["x", *constants]), "y", **attributes)]
    made = model(nodes, {"x": x}, constants, opset=OPSET)
    wanted = by_onnxruntime(made, {"x": x})["y"]
    try:
        found = by_codes(made, {"x": x})["y"]
    except BadValue as bad:
        assert "y" in str(bad).split("allowed")[0], bad  # the node is called y
        return
    assert error(found, wanted) < 0.03
