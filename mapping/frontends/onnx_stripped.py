"""A quantised ONNX file stripped of its quantisation: a float network, and the encodings that the file
states.

    given          encodings of tensors, by their float names
    marks          QuantizeLinear and DequantizeLinear nodes, an Identity each, by the output's name
    weight_scales  of constants that are codes: a scale for each element

A tensor of codes stands for the reals that they mean. An int8 or uint8 input or output of the network is
coded with scale 1, so that its reals are its codes. Constants are moved and quantised here, by the file's own
operators, so that weights behind a Transpose keep their codes. Codes of uint8 are stored as int8, their zero
point 128 less. Source: the ONNX specification of QuantizeLinear and DequantizeLinear, opsets 10 to 25, and
onnxruntime's contributed QLinear operators.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from golden import check
from mapping.frontends import onnx_graph
from mapping.frontends.onnx_qlinear import QLINEAR
from mapping.ir.encodings import Affine
from mapping.patterns.regions import BINARY, MOVING, UNARY
from mapping.run.floating import run_node

QUANTISE, DEQUANTISE = "QuantizeLinear", "DequantizeLinear"
ATTRIBUTES = {
    QUANTISE: ("axis", "block_size", "output_dtype", "precision", "saturate"),
    DEQUANTISE: ("axis", "block_size", "output_dtype"),
}
DYNAMIC = ("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulInteger", "MatMulIntegerToFloat",
           "ConvInteger")  # fmt: skip
TURNING = (*MOVING, "Transpose")  # what moves constants, and their scales with them
ON_CODES = (*TURNING, "Slice", "Split", "Concat", "MaxPool")  # means the same of codes and of reals
CODES = (TensorProto.INT8, TensorProto.UINT8)


class Mark(NamedTuple):
    """QUANTISE: reals become codes of an encoding; DEQUANTISE: codes are read with another encoding."""

    operator: str
    form: Affine


class Coding(NamedTuple):
    """scale: float64, zero: integers, as in the file; dtype: the codes' own."""

    scale: np.ndarray
    zero: np.ndarray
    dtype: np.dtype[Any]
    axis: int
    block: int


def form_of(scale: float, zero: int, dtype: np.dtype[Any]) -> Affine:
    """The encoding of 8-bit codes, as int8."""
    return Affine(dtype="int8", scale=scale, zero=zero - (128 if dtype == np.uint8 else 0))


class Stripped:
    """A model without its quantisation. where: begins each error."""

    def __init__(self, model: onnx.ModelProto, where: str) -> None:
        self.source, self.where = model, where
        self.outputs = {value.name for value in model.graph.output}
        self.values: dict[str, np.ndarray] = {}  # of constants, codes and reals
        self.weight_scales: dict[str, np.ndarray] = {}
        self.names: dict[str, str] = {}  # the float tensor that a name stands for
        self.forms: dict[str, Affine] = {}  # of tensors of codes
        self.dtypes: dict[str, np.dtype[Any]] = {}  # and their own types
        self.marks: dict[str, Mark] = {}
        self.nodes: list[onnx.NodeProto] = []
        for tensor in model.graph.initializer:
            self.values[tensor.name] = self.array(tensor, f"tensor {tensor.name}")
        for value in model.graph.input:
            dtype = value.type.tensor_type.elem_type
            if value.name not in self.values and dtype in CODES:
                self.raw(value.name, np.dtype(helper.tensor_dtype_to_np_dtype(dtype)))
        for node in model.graph.node:
            self.guarded(node)

    def array(self, tensor: TensorProto, what: str) -> np.ndarray:
        try:
            return np.asarray(numpy_helper.to_array(tensor))
        except (ValueError, TypeError, KeyError, RuntimeError) as wrong:
            reason = " ".join(str(wrong).split())
            raise check.fail(f"{self.where}: {what}", f"corrupt ({reason})", "a whole tensor") from None

    def raw(self, name: str, dtype: np.dtype[Any]) -> None:
        """An input of the network that is codes: its reals are the codes themselves."""
        self.names[name], self.dtypes[name], self.forms[name] = name, dtype, form_of(1.0, 0, dtype)

    # errors

    def at(self, node: onnx.NodeProto) -> str:
        name = node.name or (node.output[0] if node.output else "")
        return f"{self.where}: node {name} ({node.op_type})"

    def guarded(self, node: onnx.NodeProto) -> None:
        """`strip`, with the node named in a BadValue."""
        try:
            self.strip(node)
        except check.BadValue as bad:
            if str(bad).startswith(self.where):
                raise
            raise check.BadValue(f"{self.at(node)}: {bad}") from None
        except KeyError as wrong:
            what = f"{wrong.args[0]!r}, which is computed or missing"
            raise check.fail(f"{self.at(node)}: input", what, "constant scales, zero points") from None
        except (IndexError, ValueError, TypeError) as wrong:
            reason = " ".join(str(wrong).split())
            allowed = "constant scales, zero points and weights that fit"
            raise check.fail(self.at(node), f"impossible ({reason})", allowed) from None

    # operators

    def strip(self, node: onnx.NodeProto) -> None:
        given = [name for name in node.input if name]
        if node.op_type in DYNAMIC:
            allowed = "QuantizeLinear, DequantizeLinear or QLinear operators of constant scales"
            raise check.fail(self.at(node), "scaled as it runs, or left in 32 bits", allowed)
        if node.op_type == "Constant":
            self.constant_node(node)
        elif node.op_type == QUANTISE:
            self.quantise(node)
        elif node.op_type == DEQUANTISE:
            self.dequantise(node)
        elif node.op_type in QLINEAR:
            QLINEAR[node.op_type](self, node)
        elif given and all(name in self.values for name in given) and self.folded(node):
            pass
        elif any(name in self.forms for name in given):
            self.on_codes(node)
        else:
            self.keep(node)

    def constant_node(self, node: onnx.NodeProto) -> None:
        """Take a Constant whose value is a tensor or numbers; any other is left for the importer to
        refuse."""
        entry = node.attribute[0] if len(node.attribute) == 1 else None
        if entry is not None and entry.name == "value":
            self.values[node.output[0]] = self.array(entry.t, f"tensor {node.output[0]}")
        elif entry is not None and entry.name in ("value_float", "value_floats", "value_int", "value_ints"):
            dtype = np.float32 if "float" in entry.name else np.int64
            self.values[node.output[0]] = np.asarray(helper.get_attribute_value(entry), dtype)
        else:
            self.nodes.append(node)

    def quantise(self, node: onnx.NodeProto) -> None:
        x, y = node.input[0], node.output[0]
        coding = self.coding(node, node.input[1:])
        if x in self.values:
            self.values[y] = self.codes_of(self.values[x], coding)
            return
        if x in self.forms:
            raise check.fail("input 0", f"codes ({self.dtypes[x]})", "reals")
        self.coded(y, self.names.get(x, x), coding)

    def dequantise(self, node: onnx.NodeProto) -> None:
        x, y = node.input[0], node.output[0]
        if x in self.values:
            self.real(y, x, self.coding(node, node.input[1:], self.values[x].dtype))
        elif x not in self.forms:
            raise check.fail("input 0", x, "constant codes, or 8-bit codes that QuantizeLinear made")
        else:
            self.names[y] = self.read_as(x, self.coding(node, node.input[1:], self.dtypes[x]), y)

    def folded(self, node: onnx.NodeProto) -> bool:
        """Fold a small operator whose operands are all constants; returns whether it is one."""
        if node.op_type not in (*TURNING, *UNARY, *BINARY) or len(node.output) != 1 or node.domain:
            return False
        name = node.name or node.output[0]
        made = onnx_graph.read_node(node, name, f"{self.where}: node {name}")
        y = node.output[0]
        self.values[y] = run_node(made, self.values)[0]
        if node.op_type in TURNING and node.input[0] in self.weight_scales:
            turned = {**self.values, node.input[0]: self.weight_scales[node.input[0]]}
            self.weight_scales[y] = run_node(made, turned)[0]
        return True

    def on_codes(self, node: onnx.NodeProto) -> None:
        """Apply an operator on codes to the reals that they mean, where the result is the same."""
        x, y = node.input[0], node.output[0]
        form = next(self.forms[name] for name in node.input if name in self.forms)
        dtype = next(self.dtypes[name] for name in node.input if name in self.dtypes)
        if node.op_type in ("Shape", "Size"):
            self.keep(node)
        elif node.op_type == "Cast":
            whole = form_of(1.0, 0, dtype)
            self.names[y] = self.marked(DEQUANTISE, self.names[x], y, whole)
        elif node.op_type in ("Clip", "Relu"):
            self.clip_codes(node, form, dtype)
        elif node.op_type in ON_CODES and (
            node.op_type != "Concat" or all(self.forms.get(name) == form for name in node.input)
        ):
            made = [f"{out}:codes" if out in self.outputs else out for out in node.output]
            self.keep(node, made)
            for out, name in zip(node.output, made, strict=True):
                self.names[out], self.forms[out], self.dtypes[out] = name, form, dtype
        else:
            raise check.fail("operator", f"{node.op_type} of codes", f"{', '.join(sorted(ON_CODES))}, Clip, "
                             "Relu of codes, or of reals behind a DequantizeLinear")  # fmt: skip

    def clip_codes(self, node: onnx.NodeProto, form: Affine, dtype: np.dtype[Any]) -> None:
        """Clip and Relu of codes: Clip of their reals, then the same codes."""
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        given = [self.values[name] for name in node.input[1:] if name]
        ends = [int(v) for v in given] if len(given) == 2 else [low, high]
        if len(given) == 1:
            ends[0 if len(node.input) > 1 and node.input[1] else 1] = int(given[0])
        if node.op_type == "Relu":
            ends[0] = 0
        off = 128 if dtype == np.uint8 else 0
        x, y = node.input[0], node.output[0]
        names = []
        for end, code in (("low", ends[0]), ("high", ends[1])):
            names.append(f"{y}:{end}")
            self.values[names[-1]] = np.asarray((code - off - form.zero) * form.scale, np.float32)
        self.add("Clip", [self.names[x], *names], f"{y}:clipped")
        name = f"{y}:codes" if y in self.outputs else y
        self.names[y] = self.marked(QUANTISE, f"{y}:clipped", name, form)
        self.forms[y], self.dtypes[y] = form, dtype

    # codes

    def coding(
        self, node: onnx.NodeProto, names: Sequence[str], dtype: np.dtype[Any] | None = None
    ) -> Coding:
        """The Coding that a node states by its attributes and by the inputs of these names, scale and zero
        point.

        dtype  the codes' type where no zero point gives it
        """
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        for name in attributes if node.op_type in ATTRIBUTES else ():
            check.one_of("attribute", name, ATTRIBUTES[node.op_type])
        scale = self.values[names[0]]
        if scale.dtype != np.float32:
            raise check.fail(f"scale {names[0]}", scale.dtype, "float32")
        if not scale.size or not (np.isfinite(scale).all() and (scale > 0).all()):
            raise check.fail(f"{self.where}: scale {names[0]}", scale.ravel().tolist()[:4], "positive")
        stated = int(attributes.get("output_dtype", 0)) if node.op_type in ATTRIBUTES else 0
        real = node.op_type == DEQUANTISE
        for key, value in (("precision", attributes.get("precision", 0)), ("output_dtype", stated * real)):
            if value not in (0, TensorProto.FLOAT):
                raise check.fail(key, onnx_graph.enum_name(TensorProto.DataType, value), "FLOAT")
        zero = self.values[names[1]] if len(names) > 1 and names[1] else None
        if dtype is None and stated:
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(stated))
        if zero is not None and dtype is not None and zero.dtype != dtype:
            raise check.fail(f"zero point {names[1]}", zero.dtype, f"{dtype}, as the codes")
        if zero is None:
            zero = np.zeros(scale.shape, dtype or np.uint8)
        if zero.size not in (1, scale.size):
            raise check.fail(f"zero point {names[1]}", list(zero.shape), f"{list(scale.shape)}, as the scale")
        return Coding(scale.astype(np.float64), zero.astype(np.int64), zero.dtype,
                      int(attributes.get("axis", 1)), int(attributes.get("block_size", 0)))  # fmt: skip

    def single(self, coding: Coding, tensor: str) -> Affine:
        """The encoding of a computed tensor: one scale, 8 bits."""
        if coding.scale.size != 1 or coding.dtype not in (np.int8, np.uint8):
            what = f"coded by {coding.scale.size} scales, {coding.dtype}"
            raise check.fail(f"tensor {tensor}", what, "one scale, int8 or uint8")
        return form_of(float(coding.scale.ravel()[0]), int(coding.zero.ravel()[0]), coding.dtype)

    def coded(self, y: str, real: str, coding: Coding) -> None:
        """Let y be the codes of the float tensor `real`."""
        form = self.single(coding, real)
        name = f"{y}:codes" if y in self.outputs else y
        self.names[y] = self.marked(QUANTISE, real, name, form)
        self.forms[y], self.dtypes[y] = form, coding.dtype

    def read_as(self, codes: str, coding: Coding, y: str) -> str:
        """Let y be the float tensor that computed codes stand for, read with a scale and zero point."""
        form = self.single(coding, codes)
        old = self.forms[codes]
        if (old.scale, old.zero) == (form.scale, form.zero):
            return self.names[codes]
        return self.marked(DEQUANTISE, self.names[codes], f"{y}:real" if y in self.outputs else y, form)

    def marked(self, operator: str, x: str, y: str, form: Affine) -> str:
        self.add("Identity", [x], y)
        self.marks[y] = Mark(operator, form)
        return y

    def spread(self, value: np.ndarray, shape: Sequence[int], coding: Coding, what: str) -> np.ndarray:
        """Scales or zero points, one for each element of a constant of that shape."""
        if value.size == 1:
            return np.broadcast_to(value.reshape(()), shape)
        axis = coding.axis
        check.in_range("axis", axis, -len(shape), len(shape) - 1)
        axis %= len(shape)
        if coding.block:
            value = np.repeat(value, coding.block, axis).take(range(shape[axis]), axis)
        elif value.shape == (shape[axis],):
            value = value.reshape([-1 if i == axis else 1 for i in range(len(shape))])
        else:
            raise check.fail(what, list(value.shape), f"[] or [{shape[axis]}], as axis {axis} of the codes")
        return np.broadcast_to(value, shape)

    def codes_of(self, value: np.ndarray, coding: Coding) -> np.ndarray:
        """Codes of constant reals, as onnxruntime computes them: in float32, ties to even."""
        scale = self.spread(coding.scale, value.shape, coding, "scale").astype(np.float32)
        zero = self.spread(coding.zero, value.shape, coding, "zero point")
        low, high = limits(coding.dtype)
        codes = np.clip(np.rint(value.astype(np.float32) / scale) + zero, low, high)
        return np.asarray(codes, coding.dtype)

    def real(self, name: str, codes: str, coding: Coding) -> str:
        """The reals of constant codes, as a constant `name`."""
        value = self.values[codes]
        limits(value.dtype)
        scale = self.spread(coding.scale, value.shape, coding, "scale")
        zero = self.spread(coding.zero, value.shape, coding, "zero point")
        self.values[name] = np.asarray((value.astype(np.int64) - zero) * scale, np.float32)
        self.weight_scales[name] = np.asarray(scale, np.float64)
        return name

    # the float network

    def keep(self, node: onnx.NodeProto, outputs: Sequence[str] | None = None) -> None:
        """Keep a node in the float network."""
        made = onnx.NodeProto()
        made.CopyFrom(node)
        made.ClearField("input")
        made.input.extend(self.names.get(x, x) for x in node.input)
        if outputs is not None:
            made.ClearField("output")
            made.output.extend(outputs)
        self.nodes.append(made)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))

    def finish(self) -> None:
        """Give outputs their own names; outputs that are codes stay codes."""
        made = {out for node in self.nodes for out in node.output}
        for name in [value.name for value in self.source.graph.output]:
            if name in self.forms:
                self.marked(DEQUANTISE, self.names[name], name, form_of(1.0, 0, self.dtypes[name]))
            elif name in self.names and name not in made:
                self.add("Identity", [self.names[name]], name)

    def model(self) -> onnx.ModelProto:
        """The float network."""
        g = self.source.graph
        self.finish()
        made = {out for node in self.nodes for out in node.output}
        used = {name for node in self.nodes for name in node.input} | self.outputs
        kept = {name: value for name, value in self.values.items() if name in used - made}
        constants = [
            numpy_helper.from_array(np.ascontiguousarray(v).reshape(v.shape), n) for n, v in kept.items()
        ]
        inputs = [as_float(value) for value in g.input if value.name not in self.values]
        whole = helper.make_graph(self.nodes, g.name, inputs, [as_float(o) for o in g.output], constants)
        opsets = [o for o in self.source.opset_import if o.domain in ("", "ai.onnx")]
        return helper.make_model(whole, opset_imports=opsets, ir_version=self.source.ir_version)

    def output_dtypes(self) -> Mapping[str, np.dtype[Any]]:
        """Types of the outputs that are codes."""
        return {name: self.dtypes[name] for name in self.outputs if name in self.forms}


def limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Least and greatest code of a type, of 4 bits too."""
    ends = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}
    if dtype.name in ends:
        return ends[dtype.name]
    if dtype.kind not in "iu":
        raise check.fail("codes", dtype.name, "integers")
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def as_float(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    """The same tensor as reals, where it is codes."""
    made = onnx.ValueInfoProto()
    made.CopyFrom(value)
    if made.type.tensor_type.elem_type in CODES:
        made.type.tensor_type.elem_type = TensorProto.FLOAT
    return made


