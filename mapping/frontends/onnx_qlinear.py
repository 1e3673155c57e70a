"""onnxruntime's QLinear operators: the float operator between a DequantizeLinear and a QuantizeLinear."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from golden import check

if TYPE_CHECKING:
    from mapping.frontends.onnx_stripped import Stripped


def operand(s: Stripped, node: onnx.NodeProto, at: int, axis: int = 0) -> str:
    """The float tensor of codes, scale and zero point from input `at` on; axis: of a constant's scales."""
    codes = node.input[at]
    name = f"{node.output[0]}:{at}"
    dtype = s.values[codes].dtype if codes in s.values else s.dtypes.get(codes)
    if dtype is None:
        raise check.fail(f"input {at}", codes, "8-bit codes")
    coding = s.coding(node, node.input[at + 1 : at + 3], dtype)._replace(axis=axis, block=0)
    return s.real(name, codes, coding) if codes in s.values else s.read_as(codes, coding, name)


def finish(
    s: Stripped, operator: str, inputs: list[str], node: onnx.NodeProto, at: int, attributes: Any = None
) -> None:
    """Add the float operator, its result coded by the scale and zero point at input `at`; without them it is
    real."""
    y, coding = node.output[0], node.input[at : at + 2]
    stated = bool(coding) and bool(coding[0])
    name = f"{y}:real" if stated else y
    s.nodes.append(helper.make_node(operator, inputs, [name], name=node.name or y, **(attributes or {})))
    if stated:
        s.coded(y, name, s.coding(node, coding))


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    """Attributes that the float operator has too; BadValue for one that would change its meaning."""
    found = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    check.in_range("channels_last", int(found.pop("channels_last", 0)), 0, 0)
    return found


def bias(s: Stripped, node: onnx.NodeProto, at: int, factor: float = 1.0) -> list[str]:
    """The float bias of 32-bit sums at input `at`, if there is one."""
    if len(node.input) <= at or not node.input[at]:
        return []
    x, w = (s.values[node.input[i]].astype(np.float64).ravel() for i in (1, 4))
    name = f"{node.output[0]}:bias"
    s.values[name] = (s.values[node.input[at]] * (factor * x * w)).astype(np.float32)
    return [name]


def q_conv(s: Stripped, node: onnx.NodeProto) -> None:
    inputs = [operand(s, node, 0), operand(s, node, 3), *bias(s, node, 8)]
    finish(s, "Conv", inputs, node, 6, attributes_of(node))


def q_matmul(s: Stripped, node: onnx.NodeProto) -> None:
    finish(s, "MatMul", [operand(s, node, 0), operand(s, node, 3, -1)], node, 6)


def q_gemm(s: Stripped, node: onnx.NodeProto) -> None:
    """QGemm: C is in units of alpha times both scales."""
    attributes = attributes_of(node)
    weights = operand(s, node, 3, 0 if attributes.get("transB") else 1)
    added = bias(s, node, 6, float(attributes.get("alpha", 1.0)))
    finish(s, "Gemm", [operand(s, node, 0), weights, *added], node, 7, attributes)


def q_softmax(s: Stripped, node: onnx.NodeProto) -> None:
    """QLinearSoftmax. `opset`: that of its Softmax; before 13 all axes from `axis` on are taken as one."""
    attributes = attributes_of(node)
    if int(attributes.pop("opset", 13)) < 13 and int(attributes.get("axis", 1)) != -1:
        raise check.fail("opset", "below 13", "13 or more, or axis -1")
    finish(s, "Softmax", [operand(s, node, 0)], node, 3, attributes)


def q_binary(operator: str) -> Callable[[Stripped, onnx.NodeProto], None]:
    return lambda s, node: finish(s, operator, [operand(s, node, 0), operand(s, node, 3)], node, 6)


def q_single(operator: str) -> Callable[[Stripped, onnx.NodeProto], None]:
    return lambda s, node: finish(s, operator, [operand(s, node, 0)], node, 3, attributes_of(node))


QLINEAR: dict[str, Callable[[Stripped, onnx.NodeProto], None]] = {
    "QLinearConv": q_conv, "QLinearMatMul": q_matmul, "QGemm": q_gemm, "QLinearAdd": q_binary("Add"),
    "QLinearMul": q_binary("Mul"), "QLinearGlobalAveragePool": q_single("GlobalAveragePool"),
    "QLinearAveragePool": q_single("AveragePool"), "QLinearLeakyRelu": q_single("LeakyRelu"),
    "QLinearSigmoid": q_single("Sigmoid"), "QLinearSoftmax": q_softmax,
}  # fmt: skip

