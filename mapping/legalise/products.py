"""Legalisation of products by constant weights, with their epilogues, and of depthwise convolutions."""

from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from golden import check
from golden import pe as pes
from golden.formats import Int
from golden.operators.convolution import conv_window
from golden.pe import counted
from golden.pe.multiplier import MultiplierParams
from mapping.frontends import onnx_stated
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.coder import Coded, Coder, function_of
from mapping.legalise.fixed import short_factor
from mapping.legalise.pooling import check_fits
from mapping.network import Node, Shape
from mapping.patterns.curves import Function, Spelt, Stage
from mapping.patterns.recognise import weighted
from mapping.patterns.structure import Line
from mapping.quantise.channels import quantise_channels
from mapping.quantise.weights import check_formats
from mapping.unknown import column_sums, is_unknown, reals, unknown

SHORT = Int(16)
BYTES = MultiplierParams()  # of the vector unit's depthwise convolutions: int8 weights
MOST_SUMMANDS = 3  # of weights beyond the format: 255 is 127 + 127 + 1
ROOM = 1 << 29  # a bias takes no more of 32 bits


def is_weighted(c: Coder, node: Node) -> bool:
    """Whether a node is a product by constant weights, the same for all rows."""
    return node.is_product and weighted(c.network, node)


def function_behind(c: Coder, node: Node) -> tuple[Function | None, str]:
    """The function fused to a product, and the tensor that it is applied to."""
    fused = node.attributes.get("function")
    if node.attributes.get("activation") == "Relu":
        relu = Line(low=0.0)
        if fused is None:
            return Spelt(of=partial(np.maximum, 0), line=relu), node.outputs[0]
        then = function_of(fused, relu)
        assert then is not None
        return replace(then, of=lambda x: then(np.maximum(x, 0)), marks=(0.0, *then.marks)), fused.inputs[0]
    return function_of(fused), fused.inputs[0] if fused else node.outputs[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """A product by weights. w: real [kh, kw, c, n]. bias: [n]. axes: of x and y in their codes. shape: of y's
    codes."""

    w: np.ndarray
    bias: np.ndarray
    axes: tuple[int, ...]
    shape: Shape
    geometry: dict[str, Any]


def weighted_of(c: Coder, node: Node) -> Weighted:
    if node.operator == "Conv":
        return convolution(c, node)
    w = reals(c.network.constants[node.inputs[1]])
    if node.operator == "Gemm":
        if node.attributes.get("transA"):
            raise check.fail("transA", 1, "0")
        w = (w.T if node.attributes.get("transB") else w) * float(node.attributes.get("alpha", 1.0))
    if (w.ndim > 2 and prod(w.shape[:-2]) > 1) or w.ndim < 2:
        raise check.fail("weights", list(w.shape), "[k, n]")
    w = w.reshape(1, 1, *w.shape[-2:])
    y = c.shape(node.outputs[0])
    bias = constant_bias(c, node, w.shape[-1]) * float(node.attributes.get("beta", 1.0))
    return Weighted(w=w, bias=bias, axes=tuple(range(len(y))), shape=(prod(y[:-1]), y[-1]), geometry={})


def constant_bias(c: Coder, node: Node, n: int) -> np.ndarray:
    name = node.inputs[2] if len(node.inputs) > 2 else ""
    if name and name not in c.network.constants:
        raise check.fail("bias", "computed", "a constant")
    value = c.network.constants[name].ravel() if name else np.zeros(1)
    return np.broadcast_to(value.astype(np.float64), (n,))


def convolution(c: Coder, node: Node) -> Weighted:
    x, w = c.shape(node.inputs[0]), reals(c.network.constants[node.inputs[1]])
    attributes = {k: v for k, v in node.attributes.items() if k not in ("function", "activation")}
    window = conv_window(x, w.shape, **attributes)
    if len(x) not in (3, 4) or x[0] != 1:
        raise check.fail("input", list(x), "[1, channels, height, width] or [1, channels, length]")
    check_fits(window, x[2:])
    groups = int(attributes.get("group", 1))
    if groups > 1 and not depthwise_weights(x, w, groups):
        w = dense(w, groups)
    y, axes = c.shape(node.outputs[0]), (2, 3, 1)
    shape: Shape = (*y[2:], y[1])
    if len(x) == 3:
        w, axes, shape = w[:, :, None], (0, 2, 1), (1, *shape)
        window = window.as_image()
    geometry = {"pads": window.sides, "strides": window.strides, "dilations": window.dilations}
    bias = constant_bias(c, node, len(w))
    return Weighted(w=w.transpose(2, 3, 1, 0), bias=bias, axes=axes, shape=shape, geometry=geometry)


def depthwise_weights(x: Shape, w: np.ndarray, groups: int) -> bool:
    return groups == x[1] == len(w) and w.shape[1] == 1


def dense(w: np.ndarray, groups: int) -> np.ndarray:
    """Grouped filters [n, c / groups, ...] as filters of all channels: zeros elsewhere."""
    n, depth = w.shape[:2]
    if is_unknown(w):
        return unknown((n, depth * groups, *w.shape[2:]), w.dtype)
    made = np.zeros((n, depth * groups, *w.shape[2:]))
    for i in range(n):
        first = i // (n // groups) * depth
        made[i, first : first + depth] = w[i]
    return made


def coded_weights(
    c: Coder, w: np.ndarray, bias: np.ndarray, scale: float, pe: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Codes [k, n], the numbers that `pe` adds up, and scales [n] of w [k, n]; scale: of the other factor."""
    check_formats(c.p.unit)
    if is_unknown(w):
        return unknown(w.shape, np.int64), np.ones(w.shape[1])
    return quantise_channels(pe, w, method=c.method, least=np.abs(bias) / (scale * ROOM))


def stated_weights(c: Coder, node: Node, part: Weighted) -> tuple[np.ndarray, np.ndarray]:
    """Codes [k, n] and scales [n] of a quantised network's weights, less their zero points: 9 bits."""
    name, pe = node.inputs[1], c.p.unit.pe
    called = c.weight_names.get(name, name)
    if not counted.plain(pe):
        allowed = f"real: weights of {pes.kind_of(pe)} stand for other numbers"
        raise check.fail(f"weights {called}", "in codes", allowed)
    if name not in c.weight_scales:
        raise check.fail(f"weights {called}", "not in codes", "constants behind a DequantizeLinear")
    shadow = copy(c)
    shadow.network = replace(c.network, constants={**c.network.constants, name: c.weight_scales[name]})
    w, each = (p.w.reshape(-1, p.w.shape[-1]) for p in (part, weighted_of(shadow, node)))
    each = np.abs(each)
    scale = each.max(0)
    if (np.abs(np.where(each > 0, each, scale) / scale - 1) > 1e-6).any():
        allowed = "one, or one for each output channel: a product's sums have one scale"
        raise check.fail(f"scales of weights {called}", "several within an output channel", allowed)
    codes = np.rint(w / scale)
    if (np.abs(w / scale - codes) > 0.01).any():
        raise check.fail(f"weights {called}", "multiplied behind their DequantizeLinear", "codes as they are")
    return codes.astype(np.int64), scale


def summands(codes: np.ndarray, fmt: Int) -> list[np.ndarray]:
    """Codes as a sum of arrays in the PE's format: without their zero point, 8-bit codes need up to
    9 bits."""
    found: list[np.ndarray] = []
    while not found or codes.any():
        if len(found) == MOST_SUMMANDS:
            allowed = f"{fmt.min} to {fmt.max}, as the design's weights, or {MOST_SUMMANDS} times that"
            raise check.fail("weights less their zero points", "wider", allowed)
        found.append(np.clip(codes, fmt.min, fmt.max))
        codes = codes - found[-1]
    return found


def doubled(c: Coder, x: Coded, times: int) -> Coded:
    """An operand whose channels are repeated, once for each summand of the weights."""
    if times == 1:
        return x
    name = f"{x.name}:x{times}"
    if name not in c.tensors:
        shape = c.tensors[x.name].shape
        c.tensor(name, (*shape[:-1], times * shape[-1]), x.form)
        c.add(graph.Concat(name=name, x=x.name, others=(x.name,) * (times - 1), axis=len(shape) - 1, y=name))
    return replace(x, name=name)


def product(c: Coder, node: Node) -> None:
    """Legalise MatMul, Gemm and Conv by constant weights."""
    part = weighted_of(c, node)
    c.factor(node.inputs[0])
    x, part = (
        (c.need(node.inputs[0], "byte", part.axes), part)
        if node.operator == "Conv"
        else as_they_stand(c, node.inputs[0], part)
    )
    given = stated_weights(c, node, part) if c.given else None
    if node.operator == "Conv" and int(node.attributes.get("group", 1)) > 1 and part.w.shape[2] == 1:
        if given is None or len(summands(given[0], Int(8))) == 1:
            depthwise(c, node, part, x, given)
            return
        part = replace(part, w=each_channel(part.w))
        given = each_channel(given[0].reshape(part.w.shape[0], part.w.shape[1], 1, -1)), given[1]
    residual = None
    if len(node.inputs) > 3:
        other = node.inputs[3]
        residual = c.need(other, "half", part.axes) if node.operator == "Conv" else c.rows(other, "half")
    function, before = function_behind(c, node)
    y = node.outputs[0]
    order = tuple(axis for axis in part.axes if c.shape(y)[axis] > 1)
    w, bias = part.w, part.bias
    if x.form.evened is not None and not is_unknown(w):
        w = w * x.form.evened[:, None]
    if given is None:
        codes, scale = coded_weights(c, w.reshape(-1, w.shape[-1]), bias, x.scale, c.p.unit.pe)
        weights = codes.reshape(w.shape)
    else:
        codes, scale = given[0].reshape(-1, w.shape[-1]), given[1]
        pieces = summands(codes.reshape(w.shape), c.p.unit.pe.weight)
        x, weights = doubled(c, x, len(pieces)), np.concatenate(pieces, axis=2)

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        if residual is not None and c.given and form.dtype == "int8":
            how = onnx_stated.finer(how, residual.scale)
        e = c.epilogue(form, x.scale * scale, how, bias, -x.zero * column_sums(codes))
        added = None if residual is None else residual_of(residual, how)
        return graph.Product(
            name=name, x=x.name, y=name, weights=weights, epilogue=e, residual=added, pad_value=x.zero,
            **part.geometry,
        )  # fmt: skip

    c.emit(y, part.shape, order, make, function, before)


def as_they_stand(c: Coder, tensor: str, part: Weighted) -> tuple[Coded, Weighted]:
    """A product's rows. If a single row has its elements in another order, the rows of the weights
    follow it."""
    found = c.coded.get((tensor, c.actual("byte")))
    if found is None or found.places is None or part.shape[0] > 1:
        return c.rows(tensor, "byte"), part
    x = replace(found, name=c.reshaped(found.name, (1, len(found.places))), places=None)
    if is_unknown(part.w):
        return x, part
    w = np.empty_like(part.w)
    w[:, :, found.places] = part.w
    return x, replace(part, w=w)


def residual_of(b: Coded, how: Stage) -> graph.Residual:
    multiplier, shift = short_factor(b.scale / how.scale, SHORT)
    return graph.Residual(b=b.name, zero=b.zero, multiplier=multiplier, shift=shift)


def each_channel(w: np.ndarray) -> np.ndarray:
    """Filters [kh, kw, 1, n] of single channels as filters of all channels [kh, kw, n, n]."""
    return np.asarray(w * np.eye(w.shape[-1], dtype=w.dtype))


def depthwise(
    c: Coder, node: Node, part: Weighted, x: Coded, given: tuple[np.ndarray, np.ndarray] | None
) -> None:
    """Legalise a depthwise convolution. given: codes and scales of its weights that a quantised network
    states."""
    function, before = function_behind(c, node)
    y = node.outputs[0]
    order = tuple(axis for axis in part.axes if c.shape(y)[axis] > 1)
    w = part.w[:, :, 0]
    codes, scale = given or coded_weights(c, w.reshape(-1, w.shape[-1]), part.bias, x.scale, BYTES)

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        return graph.Depthwise(
            name=name, x=x.name, y=name, weights=codes.reshape(w.shape), x_zero=x.zero, pad_value=x.zero,
            epilogue=c.epilogue(form, x.scale * scale, how, part.bias), **part.geometry,
        )  # fmt: skip

    c.emit(y, part.shape, order, make, function, before)


# attention
