"""Options of TFLite's operators, by the names that this project gives them."""

import math
from collections.abc import Callable
from typing import Any

import tflite

from golden import check
from mapping.frontends.tflite.flatbuffer import Bytes
from mapping.frontends.tflite.stated import numbers


def names(enum: type) -> dict[int, str]:
    """Members of a schema enum by their numbers."""
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


OPERATORS = names(tflite.BuiltinOperator)
TENSOR_TYPES = names(tflite.TensorType)
ACTIVATIONS = names(tflite.ActivationFunctionType)
PADDINGS = names(tflite.Padding)

Field = Callable[[Any], Any]


def activation(table: Any) -> str:
    number = table.FusedActivationFunction()
    return ACTIVATIONS.get(number, str(number))


def padding(table: Any) -> str:
    return PADDINGS.get(table.Padding(), str(table.Padding()))


def strides(table: Any) -> tuple[int, int]:
    return table.StrideH(), table.StrideW()


def dilations(table: Any) -> tuple[int, int]:
    return table.DilationHFactor(), table.DilationWFactor()


ACTIVATION: dict[str, Field] = {"activation": activation}
WINDOW: dict[str, Field] = {"padding": padding, "strides": strides, **ACTIVATION}
CONVOLUTION: dict[str, Field] = {**WINDOW, "dilations": dilations}
POOL: dict[str, Field] = {**WINDOW, "kernel": lambda t: (t.FilterHeight(), t.FilterWidth())}
REDUCER: dict[str, Field] = {"keep": lambda t: bool(t.KeepDims())}
SLICE: dict[str, Field] = {
    "begin_mask": lambda t: t.BeginMask(), "end_mask": lambda t: t.EndMask(),
    "shrink_mask": lambda t: t.ShrinkAxisMask(), "ellipsis_mask": lambda t: t.EllipsisMask(),
    "new_axis_mask": lambda t: t.NewAxisMask(), "offset": lambda t: bool(t.Offset()),
}  # fmt: skip

# operator: (its table of options in the schema, what is taken from it)
TABLES: dict[str, tuple[str, dict[str, Field]]] = {
    "CONV_2D": ("Conv2DOptions", CONVOLUTION),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", CONVOLUTION),
    "FULLY_CONNECTED": ("FullyConnectedOptions", {**ACTIVATION, "format": lambda t: t.WeightsFormat()}),
    "ADD": ("AddOptions", ACTIVATION),
    "SUB": ("SubOptions", ACTIVATION),
    "MUL": ("MulOptions", ACTIVATION),
    "AVERAGE_POOL_2D": ("Pool2DOptions", POOL),
    "MAX_POOL_2D": ("Pool2DOptions", POOL),
    "MEAN": ("ReducerOptions", REDUCER),
    "REDUCE_MAX": ("ReducerOptions", REDUCER),
    "CONCATENATION": ("ConcatenationOptions", {**ACTIVATION, "axis": lambda t: t.Axis()}),
    "STRIDED_SLICE": ("StridedSliceOptions", SLICE),
    "LEAKY_RELU": ("LeakyReluOptions", {"alpha": lambda t: t.Alpha()}),
    "SOFTMAX": ("SoftmaxOptions", {"beta": lambda t: t.Beta()}),
    "BATCH_MATMUL": ("BatchMatMulOptions", {"adjoint": lambda t: (bool(t.AdjX()), bool(t.AdjY()))}),
    "CALL_ONCE": ("CallOnceOptions", {"graph": lambda t: t.InitSubgraphIndex()}),
}


# what stands in shapes and types too, and is held against them (tflite_stated)
STATED: dict[str, tuple[str, dict[str, Field]]] = {
    "FULLY_CONNECTED": ("FullyConnectedOptions", {"keep_num_dims": lambda t: bool(t.KeepNumDims())}),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", {"depth_multiplier": lambda t: t.DepthMultiplier()}),
    "RESHAPE": ("ReshapeOptions", {"new_shape": lambda t: numbers(t, "NewShape")}),
    "SQUEEZE": ("SqueezeOptions", {"squeeze_dims": lambda t: numbers(t, "SqueezeDims")}),
    "SPLIT": ("SplitOptions", {"num_splits": lambda t: t.NumSplits()}),
    "SPLIT_V": ("SplitVOptions", {"num_splits": lambda t: t.NumSplits()}),
}  # fmt: skip
# what changes nothing here, and why
UNUSED = {
    "PotScaleInt16": "of 16-bit codes, which are refused",
    "AsymmetricQuantizeInputs": "of float activations by INT8 weights: such a network is float here",
    "QuantizedBiasType": "of 16-bit codes; a bias has to be of int32",
}


def stated(operator: Any, opcode: str) -> dict[str, Any]:
    """Options that shapes repeat; none where the file has none."""
    union = operator.BuiltinOptions()
    if opcode not in STATED or union is None:
        return {}
    name, fields = STATED[opcode]
    if operator.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, name):
        return {}
    return filled(name, fields, union)


def filled(name: str, fields: dict[str, Field], union: Any) -> dict[str, Any]:
    """The fields of a table of options; BadValue for a number that is not finite."""
    made: Any = getattr(tflite, name)()
    made.Init(union.Bytes, union.Pos)
    found = {key: field(made) for key, field in fields.items()}
    for key, value in found.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise check.fail(key, value, "a finite number")
    return found


def read(file: Bytes, operator: Any, opcode: str, where: str) -> dict[str, Any]:
    """Options of one operator; its defaults where the file states none."""
    if opcode == "VAR_HANDLE":
        return variable(file, operator)
    if opcode not in TABLES:
        return {}
    name, fields = TABLES[opcode]
    union = operator.BuiltinOptions()
    number = operator.BuiltinOptionsType()
    if union is None:
        raise check.fail(f"{where}: options", "missing", name)
    if number != getattr(tflite.BuiltinOptions, name):
        raise check.fail(f"{where}: options", names(tflite.BuiltinOptions).get(number, number), name)
    return filled(name, fields, union)


def variable(file: Bytes, operator: Any) -> dict[str, Any]:
    """The name of a variable, and of its container."""
    union = operator.BuiltinOptions()
    made: Any = tflite.VarHandleOptions()
    if union is None or operator.BuiltinOptionsType() != tflite.BuiltinOptions.VarHandleOptions:
        return {"variable": ("", "")}
    made.Init(union.Bytes, union.Pos)
    return {"variable": (file.text(made.Container()), file.text(made.SharedName()))}
