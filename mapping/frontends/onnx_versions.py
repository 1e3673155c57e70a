"""Old forms of ONNX operators in the words of a later opset, so that one meaning is left of each.

    operator               until opset   what differed                          becomes
    Clip                   11            min, max were attributes               inputs (6e38 and beyond: none)
    Slice                  10            starts, ends, axes were attributes     inputs
    Pad                    11            pads, value were attributes            inputs
    Dropout                12            ratio was an attribute, unused         no ratio
    Softmax, LogSoftmax,   13            over all axes from `axis` (1) on       Reshape, the last axis,
    Hardmax                                                                     Reshape
    BatchNormalization     14            spatial: statistics of a channel       no attribute; 0 is refused
                                         (1) or of an element
    TopK                   10            k was an attribute                     an input
    Upsample               10            scales an attribute, then an input     Resize, asymmetric, floor
    Resize                 11            no rule of coordinates                 asymmetric, floor
    Scatter                11                                                   ScatterElements
    OneHot                 11            a negative index is outside            one far beyond the depth

Squeeze, Unsqueeze, Split and reductions take axes and sizes in either form and need nothing here. What else
differs between versions (types, negative axes) only widens what is allowed.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper

from golden import check

CANNOT_BOUND = float(np.finfo(np.float32).max)  # the default of Clip's old attributes: no bound at all


class Made(NamedTuple):
    """A node, and the opset in which it is written."""

    message: onnx.NodeProto
    opset: int


class Old:
    """A node in an old form. where: begins each error. constants: receives the constants of its new form."""

    def __init__(
        self, message: onnx.NodeProto, name: str, where: str, types: Mapping[str, onnx.TypeProto],
        constants: dict[str, np.ndarray],
    ) -> None:  # fmt: skip
        self.message, self.name, self.where = message, name, where
        self.types, self.constants = types, constants
        self.attributes: dict[str, Any] = {
            entry.name: helper.get_attribute_value(entry) for entry in message.attribute
        }

    def constant(self, key: str, value: Any) -> str:
        """Add a constant whose name no tensor of the file has; returns the name."""
        name = f"{self.name}:{key}"
        while name in self.types or name in self.constants:
            name += "'"
        self.constants[name] = np.asarray(value)
        return name

    def new(
        self, inputs: Sequence[str], operator: str = "", outputs: Sequence[str] = (), name: str = "",
        **attributes: Any,
    ) -> onnx.NodeProto:  # fmt: skip
        """A node in the new form; operator, outputs and name are the old one's unless given."""
        named = name or self.message.name
        made: onnx.NodeProto = helper.make_node(
            operator or self.message.op_type, list(inputs), list(outputs or self.message.output), named,
            **attributes,
        )  # fmt: skip
        return made

    def shape(self, place: int) -> list[int]:
        """The shape of an input."""
        return [dim.dim_value for dim in self.types[self.message.input[place]].tensor_type.shape.dim]

    def real(self, value: float) -> np.ndarray:
        """A number in the type of the first input."""
        element = self.types[self.message.input[0]].tensor_type.elem_type
        return np.asarray(value, helper.tensor_dtype_to_np_dtype(element))

    def need(self, key: str) -> Any:
        """An attribute that must be there."""
        if key not in self.attributes:
            raise check.fail(f"{self.where}: attribute {key}", "missing", f"a {self.message.op_type} with it")
        return self.attributes[key]

    def only_output(self, count: int, why: str) -> None:
        """BadValue if an output beyond `count` is asked for."""
        if any(self.message.output[count:]):
            raise check.fail(f"{self.where}: output {self.message.output[count]}", "asked for", why)


def clip(old: Old) -> list[Made]:
    bounds = [float(old.attributes.get(k, s * CANNOT_BOUND)) for k, s in (("min", -1), ("max", 1))]
    names = [
        "" if abs(bound) >= CANNOT_BOUND else old.constant(key, old.real(bound))
        for key, bound in zip(("min", "max"), bounds, strict=True)
    ]
    return [Made(old.new([old.message.input[0], *names]), 11)]


def slice_of(old: Old) -> list[Made]:
    keys = ("starts", "ends", "axes") if "axes" in old.attributes else ("starts", "ends")
    names = [old.constant(key, np.array(old.need(key), np.int64)) for key in keys]
    return [Made(old.new([old.message.input[0], *names]), 10)]


def pad(old: Old) -> list[Made]:
    pads = old.constant("pads", np.array(old.need("pads"), np.int64))
    value = old.constant("value", old.real(old.attributes.get("value", 0.0)))
    mode = old.attributes.get("mode", b"constant").decode()
    return [Made(old.new([old.message.input[0], pads, value], mode=mode), 11)]


def dropout(old: Old) -> list[Made]:
    old.only_output(1, "1 of Dropout before opset 12: its mask is of training")
    return [Made(old.new(old.message.input[:1]), 12)]


def flattened(old: Old) -> list[Made]:
    """Softmax and its like over all axes from `axis` on, taken as one."""
    x, y = old.message.input[0], old.message.output[0]
    shape, operator = old.shape(0), old.message.op_type
    axis = int(old.attributes.get("axis", 1))
    check.in_range(f"{old.where}: attribute axis", axis, -len(shape), len(shape) - 1)
    axis %= len(shape)
    if prod(shape[axis:]) == shape[-1]:
        return [Made(old.new([x], axis=-1), 13)]
    apart = [f"{old.name}:flat", f"{old.name}:shares"]
    rows = old.constant("rows", np.array([prod(shape[:axis]), prod(shape[axis:])], np.int64))
    whole = old.constant("shape", np.array(shape, np.int64))
    return [
        Made(old.new([x, rows], "Reshape", apart[:1], f"{old.name}:flatten"), 13),
        Made(old.new(apart[:1], operator, apart[1:], axis=-1), 13),
        Made(old.new([apart[1], whole], "Reshape", [y], f"{old.name}:unflatten"), 13),
    ]


def batch_normalisation(old: Old) -> list[Made]:
    if int(old.attributes.get("spatial", 1)) != 1:
        raise check.fail(f"{old.where}: attribute spatial", 0, "1: statistics of each channel")
    old.only_output(1, "1 of BatchNormalization before opset 14: the others are of training")
    kept = {key: value for key, value in old.attributes.items() if key != "spatial"}
    return [Made(old.new(old.message.input, outputs=old.message.output[:1], **kept), 14)]


def top_k(old: Old) -> list[Made]:
    k = old.constant("k", np.array([old.need("k")], np.int64))
    return [Made(old.new([old.message.input[0], k], axis=int(old.attributes.get("axis", -1))), 10)]


def upsample(old: Old) -> list[Made]:
    scales = [*old.message.input, ""][1]
    if "scales" in old.attributes:
        scales = old.constant("scales", np.array(old.attributes["scales"], np.float32))
    return resized(old, scales)


def resize(old: Old) -> list[Made]:
    return resized(old, old.message.input[1])


def resized(old: Old, scales: str) -> list[Made]:
    """Upsample, and Resize of opset 10: an output's coordinate over the scale, rounded down for the nearest
    element."""
    mode = old.attributes.get("mode", b"nearest").decode()
    new = old.new(
        [old.message.input[0], "", scales], "Resize", mode=mode, coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )  # fmt: skip
    return [Made(new, 13)]


def one_hot(old: Old) -> list[Made]:
    """OneHot in which a negative index gives no 1."""
    indices, *others = old.message.input
    dtype = old.real(0).dtype
    far = old.real(2.0**24 if dtype.kind == "f" else np.iinfo(dtype).max)
    names = [f"{old.name}:outside", f"{old.name}:indices"]
    zero, beyond = old.constant("zero", old.real(0)), old.constant("beyond", far)
    return [
        Made(old.new([indices, zero], "Less", names[:1], names[0]), 9),
        Made(old.new([names[0], beyond, indices], "Where", names[1:], names[1]), 9),
        Made(old.new([names[1], *others], **old.attributes), 11),
    ]


def scatter(old: Old) -> list[Made]:
    return [Made(old.new(old.message.input, "ScatterElements", **old.attributes), 11)]


# operator -> (first opset of the later form, the rewriting)
OLD: dict[str, tuple[int, Callable[[Old], list[Made]]]] = {
    "Clip": (11, clip), "Slice": (10, slice_of), "Pad": (11, pad), "Dropout": (12, dropout),
    "Softmax": (13, flattened), "LogSoftmax": (13, flattened), "Hardmax": (13, flattened),
    "BatchNormalization": (14, batch_normalisation), "TopK": (10, top_k), "Upsample": (10, upsample),
    "Resize": (11, resize), "Scatter": (11, scatter), "OneHot": (11, one_hot),
}  # fmt: skip


def is_old(operator: str, opset: int) -> bool:
    """Whether the operator's form in that opset has to be rewritten."""
    return opset < OLD.get(operator, (0,))[0]


def modern(
    message: onnx.NodeProto, opset: int, name: str, where: str, types: Mapping[str, onnx.TypeProto],
    constants: dict[str, np.ndarray],
) -> list[Made]:  # fmt: skip
    """The node in its latest form, with the opset in which that is written: itself, or nodes that mean the
    same.

    constants  receives the constants of the new form
    raises     BadValue for an old form that has no later one
    """
    if not is_old(message.op_type, opset):
        return [Made(message, opset)]
    return OLD[message.op_type][1](Old(message, name, where, types, constants))
