"""TFLite's products: convolutions and fully connected layers, rounded twice."""

from math import prod
from typing import Any

import numpy as np

from golden import check
from golden.host.window import Window
from golden.tflite.fixed_point import quantise_multiplier
from golden.tflite.products import PADDINGS, VECTOR, channel_multipliers
from golden.tflite.quantisation import Quantisation
from mapping.coded import graph
from mapping.coded.fixed import bias as whole
from mapping.coded.fixed import plain
from mapping.coded.tflite_translation import Translation, ends, reshaped
from mapping.importers.tflite_graph import Operator
from mapping.integer_call import scale_of

HIGH = 31  # the first rounding takes off as many bits


def image(t: Translation, operator: Operator, name: str, kernel: tuple[int, int]) -> dict[str, Any]:
    """Geometry of a window over the operand [h, w, c]."""
    options = operator.options
    shape = t.tensors[name].shape
    if len(shape) != 3:
        raise check.fail("input 0", list(shape), "[1, height, width, channels]")
    check.one_of("padding", options["padding"], PADDINGS)
    dilations = tuple(options.get("dilations", (1, 1)))
    window = Window.resolve(
        shape[:2], kernel, options["strides"], None, dilations, PADDINGS[options["padding"]]
    )
    (top, bottom), (left, right) = window.pads
    return {"strides": tuple(options["strides"]), "dilations": dilations, "pads": (top, left, bottom, right)}


def rounded_once(multipliers: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The first rounding, as fields of an epilogue, and the shifts [n] of the second."""
    significand, shift = quantise_multiplier(multipliers)
    check.in_range("shift of a multiplier", int(shift.max()), -31, HIGH)
    return {"multiplier": significand, "shift": HIGH - np.maximum(shift, 0)}, np.maximum(-shift, 0)


def product_bias(t: Translation, operator: Operator, total: np.ndarray, zero: int) -> np.ndarray:
    """bias - zero_point * sum of weights. total: sums of weights [n]."""
    given = t.call(operator).optional(2)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0 and given is None:
        raise check.fail("bias", "computed", "a constant")
    if given is not None:
        check.shape("bias", given, total.shape)
    return whole((0 if given is None else given.astype(np.int64)) - zero * total)


def weights_of(t: Translation, operator: Operator) -> tuple[np.ndarray, Quantisation]:
    found = t.graph.tensors[operator.inputs[1]]
    if found.data is None:
        raise check.fail("weights", "computed", "a constant")
    q = scale_of(found)
    if len(q.scale) > 1 and q.zero_point.any():
        raise check.fail("zero points of the weights", q.zero_point.tolist(), "0 where each has a scale")
    zero = 0 if len(q.scale) > 1 else q.zero
    return found.data.astype(np.int64) - zero, q


def sums_to_codes(
    t: Translation, operator: Operator, sums: str, shifts: np.ndarray, y: str, whole_vectors: int
) -> None:
    """The second rounding, of the 32-bit tensor `sums`, zero point and clip.

    whole_vectors  channels from the first whose ties go up; those behind have ties away from zero
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
    first, shifts = rounded_once(every(channel_multipliers(xq, wq, yq), len(weights)))
    y = t.result(operator)
    sums = t.tensor(f"{y}:sums", t.tensors[y].shape, "int32")
    bias = product_bias(t, operator, weights.sum((1, 2, 3)), xq.zero)
    t.add(
        graph.Product(
            name=sums, x=x, y=sums, weights=weights.transpose(1, 2, 3, 0),
            epilogue=plain(bias=bias, **first), pad_value=xq.zero,
            **image(t, operator, x, weights.shape[1:3]),
        )
    )  # fmt: skip
    sums_to_codes(t, operator, sums, shifts, y, len(weights))


def every(values: np.ndarray, n: int) -> np.ndarray:
    return np.asarray(np.broadcast_to(values, (n,)))


def depthwise(t: Translation, operator: Operator) -> None:
    x_tensor, y_tensor = ends(t, operator)
    weights, wq = weights_of(t, operator)
    channels = x_tensor.shape[-1]
    if weights.ndim != 4 or weights.shape[0] != 1 or weights.shape[3] != channels:
        raise check.fail("depthwise weights", list(weights.shape), f"[1, height, width, {channels}]")
    xq, yq, x = scale_of(x_tensor), scale_of(y_tensor), t.input(operator)
    first, shifts = rounded_once(every(channel_multipliers(xq, wq, yq), channels))
    y = t.result(operator)
    sums = t.tensor(f"{y}:sums", t.tensors[y].shape, "int32")
    t.add(
        graph.Depthwise(
            name=sums, x=x, y=sums, weights=weights[0], x_zero=xq.zero, pad_value=xq.zero,
            epilogue=plain(bias=product_bias(t, operator, np.zeros(channels, np.int64), 0), **first),
            **image(t, operator, x, weights.shape[1:3]),
        )
    )  # fmt: skip
    sums_to_codes(t, operator, sums, shifts, y, channels - channels % VECTOR)


def fully_connected(t: Translation, operator: Operator) -> None:
    x_tensor, y_tensor = ends(t, operator)
    if operator.options.get("format", 0):
        raise check.fail("weights' format", "shuffled", "default")
    weights, wq = weights_of(t, operator)
    xq, yq, x = scale_of(x_tensor), scale_of(y_tensor), t.input(operator)
    n, k = weights.shape
    count = prod(x_tensor.shape) // k
    multiplier = channel_multipliers(xq, wq, yq)
    if len(wq.scale) == 1:
        scale = np.asarray(xq.one_scale * wq.scale, np.float32)
        multiplier = scale.astype(np.float64) / np.float64(yq.one_scale)
    first, shifts = rounded_once(every(multiplier, n))
    y = t.result(operator)
    x = reshaped(t, x, (count, k))
    sums = t.tensor(f"{y}:sums", (count, n), "int32")
    bias = product_bias(t, operator, weights.sum(1), xq.zero)
    t.add(
        graph.Product(
            name=sums, x=x, y=sums, weights=weights.T[None, None], epilogue=plain(bias=bias, **first)
        )
    )
    shape = t.tensors[y].shape
    sums_to_codes(t, operator, reshaped(t, sums, shape), shifts, y, n)
