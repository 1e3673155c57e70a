"""TFLite's products: convolutions and fully connected layers, rounded twice."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from golden import check
from golden.formats import Int
from golden.operators.window import OperatorWindow
from golden.tflite.fixed_point import quantise_multiplier
from golden.tflite.products import PADDINGS, VECTOR, channel_multipliers
from golden.tflite.quantisation import Quantisation
from mapping.frontends.tflite.integer_call import scale_of
from mapping.frontends.tflite.reader import Operator
from mapping.frontends.tflite.translation import Translation, ends, reshaped
from mapping.ir import graph
from mapping.legalise.fixed import bias as whole
from mapping.legalise.fixed import plain
from mapping.legalise.products import each_channel, summands

HIGH = 31  # the first rounding takes off as many bits


def image(t: Translation, operator: Operator, name: str, kernel: tuple[int, int]) -> dict[str, Any]:
    """Geometry of a window over the operand [h, w, c]."""
    options = operator.options
    shape = t.tensors[name].shape
    if len(shape) != 3:
        raise check.fail("input 0", list(shape), "[1, height, width, channels]")
    check.one_of("padding", options["padding"], PADDINGS)
    dilations = tuple(options.get("dilations", (1, 1)))
    window = OperatorWindow.resolve(
        shape[:2], kernel, options["strides"], None, dilations, PADDINGS[options["padding"]]
    )
    (top, bottom), (left, right) = window.pads
    return {"strides": tuple(options["strides"]), "dilations": dilations, "pads": (top, left, bottom, right)}


def rounded_once(multipliers: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The first rounding as fields of an epilogue, and the second's shifts [n]."""
    significand, shift = quantise_multiplier(multipliers)
    check.in_range("shift of a multiplier", int(shift.max()), -31, HIGH)
    return {"multiplier": significand, "shift": HIGH - np.maximum(shift, 0)}, np.maximum(-shift, 0)


def product_bias(t: Translation, operator: Operator, total: np.ndarray, zero: int) -> np.ndarray:
    """bias - zero_point * sum of weights. total: sums of weights [n]."""
    given = t.call(operator).optional(2)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0 and given is None:
        raise check.fail("bias", "computed", "a constant")
    if given is not None and (given.dtype != np.int32 or given.shape != total.shape):
        allowed = f"int32, one for each of {len(total)} filters"
        raise check.fail("bias", f"{given.dtype} {list(given.shape)}", allowed)
    return whole((0 if given is None else given.astype(np.int64)) - zero * total)


def weights_of(t: Translation, operator: Operator) -> tuple[np.ndarray, Quantisation]:
    found = t.graph.tensors[operator.inputs[1]]
    if found.data is None:
        raise check.fail("weights", "computed", "a constant")
    q = scale_of(found)
    if len(q.scale) > 1 and q.zero_point.any():
        raise check.fail("zero points of the weights", q.zero_point.tolist(), "0 where each has a scale")
    zero = 0 if len(q.scale) > 1 else q.zero
    if zero and not t.unsigned(operator) and operator.opcode != "FULLY_CONNECTED":
        raise check.fail("zero point of int8 weights", zero, "0: TFLite's kernel takes none off")
    return found.data.astype(np.int64) - zero, q


def multipliers(
    t: Translation, operator: Operator, xq: Quantisation, wq: Quantisation, yq: Quantisation, n: int
) -> np.ndarray:
    """scale_x scale_w / scale_y, float64 [n]; the scales' product in float32 where the kernel
    computes it so."""
    found = channel_multipliers(xq, wq, yq)
    if len(wq.scale) == 1 and (t.unsigned(operator) or operator.opcode == "FULLY_CONNECTED"):
        scale = np.asarray(xq.one_scale * wq.scale, np.float32)
        found = scale.astype(np.float64) / np.float64(yq.one_scale)
    return np.asarray(np.broadcast_to(found, (n,)))


def doubled(t: Translation, x: str, times: int) -> str:
    """An operand whose channels are repeated `times` over, once for each summand of the weights."""
    if times == 1:
        return x
    made, shape, old = f"{x}:x{times}", t.tensors[x].shape, t.tensors[x]
    if made not in t.tensors:
        t.tensors[made] = replace(old, name=made, shape=(*shape[:-1], times * shape[-1]))
        t.add(graph.Concat(name=made, x=x, others=(x,) * (times - 1), axis=len(shape) - 1, y=made))
    return made


def sums_to_codes(
    t: Translation, operator: Operator, sums: str, shifts: np.ndarray, y: str, whole_vectors: int
) -> None:
    """The second rounding of the 32-bit tensor `sums`, plus zero point, clipped.

    whole_vectors  channels from the first on whose ties go up; ties of the others go away from zero
    """
    q = scale_of(ends(t, operator)[1])
    low, high = q.activation_range(operator.options.get("activation", "NONE"))
    shape = t.tensors[y].shape
    ones = np.ones(len(shifts), np.int64)
    scale = {"multiplier": ones, "shift": shifts}
    final = {"zero_point": q.zero, "low": low, "high": high}
    if whole_vectors == shape[-1] or not shifts[whole_vectors:].any():
        t.add(graph.Map(name=y, x=sums, y=y, epilogue=plain(**scale, **final)))
        return
    tie = np.arange(shape[-1]) < whole_vectors
    above = t.tensor(f"{y}:above", shape, "int16")
    below = t.tensor(f"{y}:below", shape, "int16")
    minus = t.tensor(f"{y}:minus", shape[-1:], "int16", data=np.full(shape[-1], -1))
    t.add(graph.Map(name=above, x=sums, y=above, epilogue=plain("int16", **scale, low=0)))
    # ties of -x / 2^s up are ties of x / 2^s down; with one taken off first they stay up
    off = {"bias": -(tie & (shifts > 0)).astype(np.int64)}
    e = plain("int16", **scale, **off, low=0)
    t.add(graph.Map(name=below, x=sums, y=below, operation="mul", b=minus, epilogue=e))
    t.add(graph.Map(name=y, x=above, y=y, operation="add", b=below, b_multiplier=-1, epilogue=plain(**final)))


def conv_2d(t: Translation, operator: Operator) -> None:
    x_tensor, y_tensor = ends(t, operator)
    weights, wq = weights_of(t, operator)
    if weights.ndim != 4 or weights.shape[3] != x_tensor.shape[-1]:
        raise check.fail("weights", list(weights.shape), f"[filters, height, width, {x_tensor.shape[-1]}]")
    xq, yq, x = scale_of(x_tensor), scale_of(y_tensor), t.input(operator)
    first, shifts = rounded_once(multipliers(t, operator, xq, wq, yq, len(weights)))
    pieces = summands(weights, Int(8))
    x = doubled(t, x, len(pieces))
    y = t.result(operator)
    sums = t.tensor(f"{y}:sums", t.tensors[y].shape, "int32")
    bias = product_bias(t, operator, weights.sum((1, 2, 3)), xq.zero)
    t.add(
        graph.Product(
            name=sums, x=x, y=sums, weights=np.concatenate(pieces, 3).transpose(1, 2, 3, 0),
            epilogue=plain(bias=bias, **first), pad_value=xq.zero,
            **image(t, operator, x, weights.shape[1:3]),
        )
    )  # fmt: skip
    sums_to_codes(t, operator, sums, shifts, y, len(weights))


def depthwise(t: Translation, operator: Operator) -> None:
    x_tensor, y_tensor = ends(t, operator)
    weights, wq = weights_of(t, operator)
    channels = x_tensor.shape[-1]
    if weights.ndim != 4 or weights.shape[0] != 1 or weights.shape[3] != channels:
        raise check.fail("depthwise weights", list(weights.shape), f"[1, height, width, {channels}]")
    xq, yq, x = scale_of(x_tensor), scale_of(y_tensor), t.input(operator)
    first, shifts = rounded_once(multipliers(t, operator, xq, wq, yq, channels))
    y = t.result(operator)
    sums = t.tensor(f"{y}:sums", t.tensors[y].shape, "int32")
    where = image(t, operator, x, weights.shape[1:3])
    if len(summands(weights, Int(8))) == 1:
        bias = product_bias(t, operator, np.zeros(channels, np.int64), 0)
        e = plain(bias=bias, **first)
        t.add(graph.Depthwise(name=sums, x=x, y=sums, weights=weights[0], x_zero=xq.zero,
                              pad_value=xq.zero, epilogue=e, **where))  # fmt: skip
    else:  # of uint8: filters of all channels, since the unit of depthwise ones holds 8 bits
        pieces = summands(each_channel(weights.transpose(1, 2, 0, 3)), Int(8))
        bias = product_bias(t, operator, weights.sum((0, 1, 2)), xq.zero)
        e, far = plain(bias=bias, **first), doubled(t, x, len(pieces))
        t.add(graph.Product(name=sums, x=far, y=sums, weights=np.concatenate(pieces, 2), epilogue=e,
                            pad_value=xq.zero, **where))  # fmt: skip
    vectors = 0 if t.unsigned(operator) else channels - channels % VECTOR
    sums_to_codes(t, operator, sums, shifts, y, vectors)


def fully_connected(t: Translation, operator: Operator) -> None:
    x_tensor, y_tensor = ends(t, operator)
    if operator.options.get("format", 0):
        raise check.fail("weights' format", "shuffled", "default")
    weights, wq = weights_of(t, operator)
    xq, yq, x = scale_of(x_tensor), scale_of(y_tensor), t.input(operator)
    n, k = weights.shape
    count = prod(x_tensor.shape) // k
    first, shifts = rounded_once(multipliers(t, operator, xq, wq, yq, n))
    y = t.result(operator)
    pieces = summands(weights, Int(8))
    x = doubled(t, reshaped(t, x, (count, k)), len(pieces))
    sums = t.tensor(f"{y}:sums", (count, n), "int32")
    bias = product_bias(t, operator, weights.sum(1), xq.zero)
    t.add(
        graph.Product(
            name=sums, x=x, y=sums, weights=np.concatenate(pieces, 1).T[None, None],
            epilogue=plain(bias=bias, **first),
        )
    )  # fmt: skip
    shape = t.tensors[y].shape
    sums_to_codes(t, operator, reshaped(t, sums, shape), shifts, y, n)
