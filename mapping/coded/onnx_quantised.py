"""Quantised ONNX networks as they are: the scales, zero points and weights that the file states.

QDQ (QuantizeLinear and DequantizeLinear around float operators) and QOperator (QLinearConv and its like)
become one: the float network, what each tensor is coded by, and the scales of constant weights. That is coded
as a float network is, except that no range is observed. A tensor of uint8 stands as int8, its codes and its
zero point 128 less.

Requantisation rounds ties up, by a multiplier of 31 bits; onnxruntime multiplies in float32, rounds ties to
even and adds operands before it rounds: where operands are equal, codes differ by 1 at most. A function that
several operators spell out, and a constant added to a product, are computed without the codes between.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from golden import check
from golden.accelerator.params import AcceleratorParams
from mapping.coded import graph
from mapping.coded.coder import Coder
from mapping.coded.curves import Form
from mapping.coded.quantise import finished, known_operators, lower, plan
from mapping.coded.recognise import recognise
from mapping.coded.regions import BINARY, MOVING, UNARY
from mapping.importers import onnx_file
from mapping.network import Network, Node
from mapping.passes import simplify

QUANTISE, DEQUANTISE = "QuantizeLinear", "DequantizeLinear"


def is_quantised(model: onnx.ModelProto) -> bool:
    """Does the model state how its tensors are coded?"""
    return any(n.op_type == QUANTISE or n.op_type.startswith("QLinear") for n in model.graph.node)


def coded(
    model: onnx.ModelProto, p: AcceleratorParams, where: str, name: str,
    *, tokens: int | None = None, dims: Mapping[str, int] | None = None,
) -> graph.CodedNetwork:  # fmt: skip
    """A quantised model for the accelerator. Inputs and outputs keep their names; their reals are float32.

    where   begins each error: the file's name
    raises  BadValue, naming the node or tensor
    """
    bare = Stripped(model, where)
    network = onnx_file.from_model(bare.model(), where, name, tokens=tokens, dims=dims)
    network = simplify(network)
    given = completed(network, bare.given)
    known = recognise(network)
    known_operators(known)
    c = Coder(known, p, {}, "max")
    c.given, c.weight_scales = given, bare.weight_scales
    plan(c)
    lower(c)
    for (tensor, _), made in c.coded.items():
        own = bare.given.get(tensor)
        if own is not None and made.form.dtype == "int8" and (made.scale, made.zero) != (own.scale, own.zero):
            what = f"{own.scale}, zero point {own.zero}"
            allowed = f"{made.scale}, {made.zero}, as before an operator that only moves codes"
            raise check.fail(f"{where}: tensor {tensor}: scale", what, allowed)
    return finished(c)


def completed(network: Network, given: dict[str, Form]) -> dict[str, Form]:
    """The forms, and those of tensors before and behind what only moves codes or takes the greatest."""
    passing = [n for n in network.nodes if passes(n)]
    for node in reversed(passing):
        if node.outputs[0] in given:
            given.setdefault(node.inputs[0], given[node.outputs[0]])
    for node in passing:
        if node.inputs[0] in given:
            given.setdefault(node.outputs[0], given[node.inputs[0]])
    return given


def passes(node: Node) -> bool:
    """Does a node leave codes what they are?"""
    return node.operator in (*MOVING, "Transpose", "MaxPool", "GlobalMaxPool")


class Stripped:
    """A model without its quantisation.

    given          how a tensor is coded, by its float name
    weight_scales  of constants that are codes: float64 [1] or [channels]
    """

    def __init__(self, model: onnx.ModelProto, where: str) -> None:
        self.source, self.where = model, where
        self.values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                self.values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        self.given: dict[str, Form] = {}
        self.weight_scales: dict[str, np.ndarray] = {}
        self.names: dict[str, str] = {}  # the float tensor that a name stands for
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        for node in model.graph.node:
            try:
                self.strip(node)
            except (KeyError, IndexError, ValueError) as wrong:
                if isinstance(wrong, check.BadValue):
                    raise
                what = f"{where}: node {node.name or node.output[0]} ({node.op_type})"
                allowed = "constant scales, zero points and weights"
                raise check.fail(what, f"impossible ({wrong})", allowed) from None

    def strip(self, node: onnx.NodeProto) -> None:
        if node.op_type == QUANTISE:
            self.names[node.output[0]] = self.clipped(node.input[0], *self.coding(node.input[1:]))
        elif node.op_type == DEQUANTISE and node.input[0] in self.values:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            self.constant(node.output[0], node.input[0], *self.coding(node.input[1:]), axis)
        elif node.op_type == DEQUANTISE:
            self.names[node.output[0]] = self.state(node.input[0], *self.coding(node.input[1:]))
        elif node.op_type in QLINEAR:
            QLINEAR[node.op_type](self, node)
        else:
            made = onnx.NodeProto()
            made.CopyFrom(node)
            made.ClearField("input")
            made.input.extend(self.names.get(x, x) for x in node.input)
            self.add_float(made)

    def add_float(self, node: onnx.NodeProto) -> None:
        """A float node; a Gemm by constant weights as MatMul and Add: its weights keep their scales."""
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        weights = self.constants.get(node.input[1]) if len(node.input) > 1 else None
        plain = not attributes.get("transA") and all(attributes.get(k, 1.0) == 1.0 for k in ("alpha", "beta"))
        if node.op_type != "Gemm" or weights is None or not plain:
            self.nodes.append(node)
            return
        name = f"{node.output[0]}:weights"
        self.constants[name] = weights.T if attributes.get("transB") else weights
        self.weight_scales[name] = self.weight_scales[node.input[1]]
        bias = len(node.input) > 2 and node.input[2]
        product = f"{node.output[0]}:product" if bias else node.output[0]
        self.add("MatMul", [node.input[0], name], product)
        if bias:
            self.add("Add", [product, node.input[2]], node.output[0])

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))

    def coding(self, names: Any) -> tuple[np.ndarray, np.ndarray]:
        """Scale and zero point by name; a zero point left out is 0."""
        scale = np.asarray(self.values[names[0]], np.float64).ravel()
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise check.fail(f"{self.where}: scale {names[0]}", scale.tolist(), "positive")
        zero = self.values[names[1]].ravel() if len(names) > 1 and names[1] else np.zeros(1, np.uint8)
        return scale, zero

    def state(self, tensor: str, scale: np.ndarray, zero: np.ndarray) -> str:
        """Note how a tensor is coded; its float name."""
        name = self.names.get(tensor, tensor)
        if len(scale) != 1 or zero.dtype not in (np.int8, np.uint8):
            what = f"coded by {len(scale)} scales, {zero.dtype}"
            raise check.fail(f"{self.where}: tensor {name}", what, "one scale, 8 bits")
        off = 128 if zero.dtype == np.uint8 else 0
        form = Form(dtype="int8", scale=float(scale[0]), zero=int(zero[0]) - off)
        old = self.given.setdefault(name, form)
        if (old.scale, old.zero) != (form.scale, form.zero):
            what = f"coded by {old.scale} and by {form.scale}"
            raise check.fail(f"{self.where}: tensor {name}", what, "one scale and zero point")
        return name

    def clipped(self, tensor: str, scale: np.ndarray, zero: np.ndarray) -> str:
        """The tensor within what its codes reach: exporters leave a Relu or Clip to that.

        Of a sum or a factor, which a function may go on from; what else is coded stands in codes anyway.
        """
        name = self.state(tensor, scale, zero)
        if not any(name in node.output and node.op_type in UNARY | BINARY for node in self.nodes):
            return name
        form, made = self.given[name], f"{name}:coded"
        ends = []
        for end, code in (("low", form.low), ("high", form.high)):
            ends.append(f"{name}:{end}")
            self.constants[ends[-1]] = np.asarray((code - form.zero) * form.scale, np.float32)
        if made not in self.given:
            self.add("Clip", [name, *ends], made)
            self.given[made] = form
        return made

    def constant(self, name: str, codes: str, scale: np.ndarray, zero: np.ndarray, axis: int) -> str:
        """The reals of constant codes."""
        value = self.values[codes]
        shape: list[int] = []
        if len(scale) > 1:
            shape = [-1 if i == axis % value.ndim else 1 for i in range(value.ndim)]
        zeros = zero.astype(np.int64).reshape(shape if len(zero) > 1 else [])
        self.constants[name] = ((value.astype(np.int64) - zeros) * scale.reshape(shape)).astype(np.float32)
        self.weight_scales[name] = scale
        return name

    def model(self) -> onnx.ModelProto:
        """The float network."""
        g = self.source.graph
        stored = set(self.constants) | {t.name for t in g.initializer}
        made = {out for node in self.nodes for out in node.output}
        for output in g.output:
            if output.name not in made:
                self.add("Identity", [self.names[output.name]], output.name)
        inputs = [as_float(value) for value in g.input if value.name not in stored]
        constants = [t for t in g.initializer if t.name not in self.constants]
        constants += [numpy_helper.from_array(np.ascontiguousarray(v), n) for n, v in self.constants.items()]
        whole = helper.make_graph(self.nodes, g.name, inputs, [as_float(o) for o in g.output], constants)
        opsets = [o for o in self.source.opset_import if o.domain in ("", "ai.onnx")]
        return helper.make_model(whole, opset_imports=opsets, ir_version=self.source.ir_version)


def as_float(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    """The same tensor as reals, where it is codes."""
    made = onnx.ValueInfoProto()
    made.CopyFrom(value)
    if made.type.tensor_type.elem_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8):
        made.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return made


def operand(s: Stripped, node: onnx.NodeProto, at: int, axis: int = 0) -> str:
    """The float tensor of codes, scale and zero point from input `at` on; axis: of a constant's scales."""
    codes, coding = node.input[at], s.coding(node.input[at + 1 : at + 3])
    if codes in s.values:
        return s.constant(f"{codes}:real", codes, *coding, axis)
    return s.state(codes, *coding)


def finish(
    s: Stripped, operator: str, inputs: list[str], node: onnx.NodeProto, at: int, attributes: Any = None
) -> None:
    """The float operator, its result coded by the scale and zero point at input `at`."""
    y = node.output[0]
    s.add_float(helper.make_node(operator, inputs, [y], name=y, **(attributes or {})))
    s.names[y] = s.clipped(y, *s.coding(node.input[at : at + 2]))


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    """Those that the float operator has too."""
    own = ("channels_last", "opset")
    return {a.name: helper.get_attribute_value(a) for a in node.attribute if a.name not in own}


def bias(s: Stripped, node: onnx.NodeProto, at: int) -> list[str]:
    """The float bias of 32-bit sums at input `at`, if there is one."""
    if len(node.input) <= at or not node.input[at]:
        return []
    x, w = s.coding(node.input[1:3])[0], s.coding(node.input[4:6])[0]
    name = f"{node.output[0]}:bias"
    s.constants[name] = (s.values[node.input[at]] * (x * w)).astype(np.float32)
    return [name]


def q_conv(s: Stripped, node: onnx.NodeProto) -> None:
    inputs = [operand(s, node, 0), operand(s, node, 3), *bias(s, node, 8)]
    finish(s, "Conv", inputs, node, 6, attributes_of(node))


def q_matmul(s: Stripped, node: onnx.NodeProto) -> None:
    finish(s, "MatMul", [operand(s, node, 0), operand(s, node, 3, -1)], node, 6)


def q_gemm(s: Stripped, node: onnx.NodeProto) -> None:
    attributes = attributes_of(node)
    weights = operand(s, node, 3, 0 if attributes.get("transB") else 1)
    finish(s, "Gemm", [operand(s, node, 0), weights, *bias(s, node, 6)], node, 7, attributes)


def q_binary(operator: str) -> Callable[[Stripped, onnx.NodeProto], None]:
    return lambda s, node: finish(s, operator, [operand(s, node, 0), operand(s, node, 3)], node, 6)


def q_single(operator: str) -> Callable[[Stripped, onnx.NodeProto], None]:
    return lambda s, node: finish(s, operator, [operand(s, node, 0)], node, 3, attributes_of(node))


QLINEAR: dict[str, Callable[[Stripped, onnx.NodeProto], None]] = {
    "QLinearConv": q_conv, "QLinearMatMul": q_matmul, "QGemm": q_gemm, "QLinearAdd": q_binary("Add"),
    "QLinearMul": q_binary("Mul"), "QLinearGlobalAveragePool": q_single("GlobalAveragePool"),
    "QLinearAveragePool": q_single("AveragePool"), "QLinearLeakyRelu": q_single("LeakyRelu"),
    "QLinearSigmoid": q_single("Sigmoid"), "QLinearSoftmax": q_single("Softmax"),
}  # fmt: skip
