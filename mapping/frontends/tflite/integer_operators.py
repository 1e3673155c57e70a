"""TFLite's operators on codes: the golden function of each, and where its arguments are found."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from golden import check
from golden.tflite import elementwise, moving, pooling, products, tables
from mapping.frontends.tflite.integer_call import IntegerCall, scale_of


def product(function: Callable[..., np.ndarray], call: IntegerCall) -> list[np.ndarray]:
    """Call a convolution or fully connected layer: input, weights, bias."""
    options = call.options
    if options.pop("format", 0):
        raise check.fail("weights' format", "shuffled", "default")
    x = call.x() if function is products.fully_connected else call.image()
    weights = call.x(1) if function is products.fully_connected else call.image(1)
    q, bias = call.q(0, 1), call.optional(2)
    if len(q[1].scale) > 1 and q[1].zero_point.any():
        raise check.fail("zero points of the weights", q[1].zero_point.tolist(), "0 where each has a scale")
    if bias is not None and (bias.dtype != np.int32 or bias.ndim != 1):
        raise check.fail("bias", f"{bias.dtype} {list(bias.shape)}", "int32, one axis")
    made = function(x, weights, bias, q, rounding=call.product_rounding, **options)
    return [made.reshape(call.result.shape) if function is products.fully_connected else made]


def binary(function: Callable[..., np.ndarray], call: IntegerCall, **more: Any) -> list[np.ndarray]:
    a, b, q = call.x(), call.x(1), call.q(0, 1)
    if np.broadcast_shapes(a.shape, b.shape) != call.result.shape:
        shapes = [list(a.shape), list(b.shape)]
        raise check.fail("operands", shapes, f"what makes {list(call.result.shape)}")
    return [function(a, b, q, rounding=call.rounding, **call.options, **more)]


def pool(function: Callable[..., np.ndarray], call: IntegerCall) -> list[np.ndarray]:
    call.unmoved(0)
    return [function(call.image(), call.q(0)[1], **call.options)]


def mean(call: IntegerCall) -> list[np.ndarray]:
    axes = call.integers(1).ravel().tolist()
    if call.x().ndim == 4 and sorted(axes) == [1, 2] and call.options["keep"]:
        return [pooling.mean_of_image(call.x(), call.q(0), rounding=call.product_rounding)]
    return [pooling.mean(call.x(), call.q(0), axes=axes, rounding=call.rounding, **call.options)]


def scaled(function: Callable[..., np.ndarray], call: IntegerCall, **more: Any) -> list[np.ndarray]:
    """Call a function of one input whose result has its own scale."""
    return [function(call.x(), call.q(0), **call.options, **more)]


def rounded(function: Callable[..., np.ndarray], call: IntegerCall) -> list[np.ndarray]:
    """Call a function of one input whose multiplier is rounded."""
    return scaled(function, call, rounding=call.rounding)


def relu(activation: str, call: IntegerCall) -> list[np.ndarray]:
    made = rounded(elementwise.relu, call)
    return [call.q(0)[1].codes(made[0].astype(np.int64), activation)]


def quantise(call: IntegerCall) -> list[np.ndarray]:
    if call.x().dtype == np.float32:
        return [elementwise.quantise(call.x(), scale_of(call.result))]
    return scaled(
        elementwise.requantise, call, rounding=call.rounding, vector_rounding=call.product_rounding
    )  # fmt: skip


def dequantise(call: IntegerCall) -> list[np.ndarray]:
    return [elementwise.dequantise(call.x(), scale_of(call.tensor(0)))]


def reshape(call: IntegerCall) -> list[np.ndarray]:
    call.unmoved(0)
    return [call.x().reshape(call.result.shape)]


def concatenate(call: IntegerCall) -> list[np.ndarray]:
    call.unmoved(*range(len(call.given)))
    values = [call.x(index) for index in range(len(call.given))]
    if call.options["activation"] != "NONE":
        raise check.fail("fused activation", call.options["activation"], "NONE")
    return [np.concatenate(values, call.options["axis"])]


def split(call: IntegerCall) -> list[np.ndarray]:
    """Equal pieces; the axis comes first."""
    x, axis, count = call.x(1), int(call.integers(0).item()), len(call.operator.outputs)
    check.in_range("axis", axis, -x.ndim, x.ndim - 1)
    check.in_range("pieces", count, 1, max(x.shape[axis], 1))
    return moving.split(x, [x.shape[axis] // count] * count, axis)


def split_v(call: IntegerCall) -> list[np.ndarray]:
    return moving.split(call.x(), call.integers(1).ravel().tolist(), int(call.integers(2).item()))


def strided_slice(call: IntegerCall) -> list[np.ndarray]:
    call.unmoved(0)
    options = call.options
    for key in ("ellipsis_mask", "new_axis_mask", "offset"):
        check.in_range(key, int(options.pop(key)), 0, 0)
    begin, end, strides = (call.integers(index).ravel().tolist() for index in (1, 2, 3))
    return [np.ascontiguousarray(call.x()[moving.slices(call.x().shape, begin, end, strides, **options)])]


def pad(call: IntegerCall) -> list[np.ndarray]:
    call.unmoved(0)
    amounts = call.integers(1)
    if amounts.shape == (call.x().ndim, 2) and (amounts.sum(1) + call.x().shape != call.result.shape).any():
        raise check.fail("paddings", amounts.tolist(), f"what makes {list(call.result.shape)}")
    quantisation = call.result.quantisation
    return [moving.pad(call.x(), amounts, quantisation.zero if quantisation else 0)]


OPERATORS: dict[str, Callable[[IntegerCall], list[np.ndarray]]] = {
    "CONV_2D": partial(product, products.conv_2d),
    "DEPTHWISE_CONV_2D": partial(product, products.depthwise_conv_2d),
    "FULLY_CONNECTED": partial(product, products.fully_connected),
    "ADD": partial(binary, elementwise.add), "SUB": partial(binary, elementwise.add, sign=-1),
    "MUL": partial(binary, elementwise.mul),
    "AVERAGE_POOL_2D": partial(pool, pooling.average_pool_2d),
    "MAX_POOL_2D": partial(pool, pooling.max_pool_2d), "MEAN": mean,
    "RESHAPE": reshape, "SQUEEZE": reshape, "EXPAND_DIMS": reshape, "CONCATENATION": concatenate,
    "SPLIT": split, "SPLIT_V": split_v, "STRIDED_SLICE": strided_slice, "PAD": pad,
    "LOGISTIC": partial(scaled, tables.logistic), "TANH": partial(scaled, tables.tanh),
    "SOFTMAX": partial(scaled, tables.softmax), "HARD_SWISH": partial(scaled, elementwise.hard_swish),
    "RELU": partial(relu, "RELU"), "RELU6": partial(relu, "RELU6"),
    "LEAKY_RELU": partial(rounded, elementwise.leaky_relu),
    "QUANTIZE": quantise, "DEQUANTIZE": dequantise,
}  # fmt: skip
