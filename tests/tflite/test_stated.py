"""Every option of every TFLite operator is honoured, held against the shapes, or named as without effect."""

import numpy as np
import pytest
import tflite

from golden.check import BadValue
from mapping.frontends.tflite import operators, options, reader, stated, to_onnx
from mapping.frontends.tflite.as_codes import RULES
from mapping.frontends.tflite.integer_operators import OPERATORS

TAKEN = sorted({*operators.OPERATORS, *OPERATORS, *RULES})
PLAIN = {
    "EXPAND_DIMS": "ExpandDimsOptions", "PAD": "PadOptions", "TRANSPOSE": "TransposeOptions",
    "MAXIMUM": "MaximumMinimumOptions", "MINIMUM": "MaximumMinimumOptions", "QUANTIZE": "QuantizeOptions",
    "HARD_SWISH": "HardSwishOptions", "DEQUANTIZE": "DequantizeOptions",
}  # fmt: skip
WITHOUT = ("LOG", "LOGISTIC", "RELU", "RELU6", "RSQRT", "TANH")


class Seen:
    """An options table that remembers what is asked of it."""

    def __init__(self):
        self.fields = set()

    def __getattr__(self, name):
        self.fields.add(name.removesuffix("Length").removesuffix("AsNumpy"))
        return lambda: 0


def options_of(table):
    """Names of a schema table's fields."""
    own = vars(getattr(tflite, table))
    found = {name for name in own if name[0].isupper() and "GetRootAs" not in name and "Buffer" not in name}
    return {name for name in found if name != "Init" and not name.endswith(("AsNumpy", "IsNone", "Length"))}


@pytest.mark.parametrize("kind", TAKEN)
def test_every_option_is_read_or_named_as_unused(kind):
    tables = [each[kind] for each in (options.TABLES, options.STATED) if kind in each]
    names = {table for table, _ in tables} or {PLAIN[kind]} if kind not in WITHOUT else set()
    asked = Seen()
    for _, fields in tables:
        for field in fields.values():
            field(asked)
    for table in names:
        assert options_of(table) - set(options.UNUSED) <= asked.fields


@pytest.mark.parametrize("kind", sorted({*TAKEN} - {*to_onnx.STATE}))
def test_an_operator_without_operands_or_results_is_one_clear_error(writer, kind):
    assert kind in stated.ARITY
    x = writer.tensor((1, 4, 4, 2), "INT8", 0.1)
    least = stated.ARITY[kind][0]
    table = options.TABLES.get(kind, ("",))[0]
    for inputs, outputs in (([], [x]), ([x] * least, []), ([-1] * least, [x])):
        writer.operators = [(kind, inputs, outputs, table, {})]
        with pytest.raises(BadValue, match=rf"^m\.tflite: operator 0 \({kind}\): inputs and outputs is "):
            reader.from_bytes(writer.bytes([x], [x]), "m.tflite", "m")


def refused(writer, kind, inputs, outputs, table, said, **options):
    writer.add(kind, inputs, outputs, table, **options)
    with pytest.raises(BadValue, match=said):
        reader.from_bytes(writer.bytes(inputs[:1], outputs), "m.tflite", "m")


def test_shapes_that_contradict_the_options_are_refused(writer):
    x, y = writer.tensor((2, 3, 4), "FLOAT32"), writer.tensor((4, 6), "FLOAT32")
    shape = writer.constant(np.array([6, -1], np.int32))
    refused(writer, "RESHAPE", [x, shape], [y], "", r"result t1 is \[4, 6\]; allowed: \[6, 4\]")


def test_a_fully_connected_layer_that_keeps_its_axes_states_them(writer):
    x, w = writer.tensor((2, 3, 4), "FLOAT32"), writer.constant(np.ones((5, 4), np.float32))
    y = writer.tensor((6, 5), "FLOAT32")
    refused(writer, "FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions",
            r"operator 0 \(FULLY_CONNECTED\): shape of the result t2 is \[6, 5\]; allowed: \[2, 3, 5\]",
            KeepNumDims=True)  # fmt: skip


def test_a_multiplier_of_channels_that_the_filters_contradict(writer):
    x, y = writer.tensor((1, 4, 4, 3), "FLOAT32"), writer.tensor((1, 4, 4, 6), "FLOAT32")
    w = writer.constant(np.ones((1, 1, 1, 6), np.float32))
    refused(writer, "DEPTHWISE_CONV_2D", [x, w, -1], [y], "DepthwiseConv2DOptions",
            r"depth_multiplier is 3; allowed: 2, as 6 filters for 3 channels", DepthMultiplier=3)  # fmt: skip
