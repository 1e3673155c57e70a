"""Redundant statements of a TFLite operator: its number of operands, and shapes that follow from its options.

TFLite takes the shape of a result from operands and options, whatever the file says of the tensor; a file in
which they contradict each other is refused by operator, since the rest of the network goes by its tensors.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from golden import check

if TYPE_CHECKING:
    from mapping.frontends.tflite.reader import Operator, TfliteTensor

Shape = tuple[int, ...]
MANY = 1 << 16
# inputs at least and at most, outputs at least and at most; of what is not here, one of each at least
ARITY: dict[str, tuple[int, int, int, int]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), (2, 3, 1, 1)),
    **dict.fromkeys(("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "BATCH_MATMUL"), (2, 2, 1, 1)),
    **dict.fromkeys(("MEAN", "REDUCE_MAX", "PAD", "TRANSPOSE", "EXPAND_DIMS"), (2, 2, 1, 1)),
    "RESHAPE": (1, 2, 1, 1), "CONCATENATION": (1, MANY, 1, 1), "STRIDED_SLICE": (4, 4, 1, 1),
    "SPLIT": (2, 2, 1, MANY), "SPLIT_V": (3, 3, 1, MANY),
    **dict.fromkeys(
        ("AVERAGE_POOL_2D", "MAX_POOL_2D", "SQUEEZE", "LOGISTIC", "TANH", "RELU", "RELU6", "LEAKY_RELU",
         "HARD_SWISH", "SOFTMAX", "RSQRT", "LOG", "QUANTIZE", "DEQUANTIZE"), (1, 1, 1, 1)
    ),
}  # fmt: skip


def check_operator(operator: "Operator", tensors: Sequence["TfliteTensor"]) -> None:
    """BadValue, naming the operator, for a count or a shape that contradicts its opcode and options."""
    if operator.opcode not in ARITY:
        return
    least, most, made, makes = ARITY[operator.opcode]
    count, outputs = len(operator.inputs), len(operator.outputs)
    if not (least <= count <= most and made <= outputs <= makes) or -1 in operator.inputs[:least]:
        given = f"{[i for i in operator.inputs]} and {list(operator.outputs)}"
        allowed = f"{least} to {most} operands, {made} to {makes} results".replace(str(MANY), "more")
        raise check.fail(f"{operator.where}: inputs and outputs", given, allowed)
    rule = RULES.get(operator.opcode)
    wanted = rule(operator, tensors) if rule else None
    shape = tensors[operator.outputs[0]].shape
    if wanted is not None and wanted != shape:
        name = tensors[operator.outputs[0]].name
        raise check.fail(f"{operator.where}: shape of the result {name}", list(shape), f"{list(wanted)}")


def constant(operator: "Operator", tensors: Sequence["TfliteTensor"], place: int) -> list[int] | None:
    """Integers of an operand that the file holds."""
    if place >= len(operator.inputs) or operator.inputs[place] < 0:
        return None
    data = tensors[operator.inputs[place]].data
    return None if data is None or data.dtype.kind != "i" else [int(v) for v in data.ravel()]


def reshaped(operator: "Operator", tensors: Sequence["TfliteTensor"]) -> Shape | None:
    """The shape from the second operand, or from the option where there is none; -1 is the remaining size."""
    size = prod(tensors[operator.inputs[0]].shape)
    given = constant(operator, tensors, 1)
    if len(operator.inputs) < 2:
        given = list(operator.stated.get("new_shape", ())) or None
    if given is None:
        return None
    rest = prod(v for v in given if v != -1)
    if given.count(-1) > 1 or (-1 in given and (rest < 1 or size % rest)):
        raise check.fail(f"{operator.where}: shape", given, f"what {size} elements have")
    return tuple(size // rest if v == -1 else v for v in given)


def squeezed(operator: "Operator", tensors: Sequence["TfliteTensor"]) -> Shape | None:
    shape = tensors[operator.inputs[0]].shape
    axes = [int(axis) for axis in operator.stated.get("squeeze_dims", ())]
    for axis in axes:
        check.in_range(f"{operator.where}: axis", axis, -len(shape), len(shape) - 1)
    chosen = {axis % len(shape) for axis in axes} or {i for i, size in enumerate(shape) if size == 1}
    if any(shape[axis] != 1 for axis in chosen):
        raise check.fail(f"{operator.where}: axes", axes, f"axes of length 1 of {list(shape)}")
    return tuple(size for axis, size in enumerate(shape) if axis not in chosen)


def connected(operator: "Operator", tensors: Sequence["TfliteTensor"]) -> Shape | None:
    """The shape [rows, filters], or the input's axes with `keep_num_dims`."""
    x, w = (tensors[index].shape for index in operator.inputs[:2])
    if len(w) != 2 or w[1] < 1 or prod(x) % w[1]:
        return None  # told where the operator is read
    if operator.stated.get("keep_num_dims"):
        return (*x[:-1], w[0])
    return prod(x) // w[1], w[0]


def pieces(operator: "Operator", tensors: Sequence["TfliteTensor"]) -> Shape | None:
    stated = int(operator.stated.get("num_splits", 0))
    if stated and stated != len(operator.outputs):
        raise check.fail(f"{operator.where}: num_splits", stated, f"{len(operator.outputs)}, its results")
    return None


def depthwise(operator: "Operator", tensors: Sequence["TfliteTensor"]) -> Shape | None:
    """BadValue unless the channel multiplier agrees with the weights' shape, which repeats it."""
    stated = int(operator.stated.get("depth_multiplier", 0))
    x, w = (tensors[index].shape for index in operator.inputs[:2])
    if stated and len(x) == len(w) == 4 and w[3] != stated * x[3]:
        allowed = f"{w[3] / x[3]:g}, as {w[3]} filters for {x[3]} channels" if x[3] else "none"
        raise check.fail(f"{operator.where}: depth_multiplier", stated, allowed)
    return None


RULES: Mapping[str, Callable[["Operator", Sequence["TfliteTensor"]], Shape | None]] = {
    "RESHAPE": reshaped, "SQUEEZE": squeezed, "FULLY_CONNECTED": connected, "SPLIT": pieces,
    "SPLIT_V": pieces, "DEPTHWISE_CONV_2D": depthwise,
}  # fmt: skip


def numbers(table: Any, field: str) -> tuple[int, ...]:
    """A vector of an options table, which may be missing."""
    size = int(getattr(table, f"{field}Length")())
    return tuple(int(v) for v in np.asarray(getattr(table, f"{field}AsNumpy")())) if size else ()
