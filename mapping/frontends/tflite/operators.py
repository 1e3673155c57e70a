"""TFLite's operators translated to ONNX: weights transposed, fused activations separated."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from golden import check
from mapping.frontends.tflite import moving
from mapping.frontends.tflite.step import OperatorStep, activation

AUTO_PAD = {"SAME": "SAME_UPPER", "VALID": "VALID"}


def window(step: OperatorStep, kernel: Sequence[int]) -> dict[str, Any]:
    """Strides and padding as ONNX attributes, of a window with at least one stop."""
    check.one_of(f"{step.where}: padding", step.options["padding"], AUTO_PAD)
    for key in ("strides", "dilations", "kernel"):
        for value in step.options.get(key, ()):
            check.in_range(f"{step.where}: {key}", value, 1, 1 << 15)
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, step.options.get("dilations", (1, 1)), strict=True)]
    image = step.source(0).shape[1:3]
    if step.options["padding"] == "VALID" and any(e > size for e, size in zip(extent, image, strict=False)):
        raise check.fail(f"{step.where}: extent of the kernel", extent, f"at most the input's {list(image)}")
    return {"auto_pad": AUTO_PAD[step.options["padding"]], "strides": step.options["strides"]}


def convolution(turn: tuple[int, ...], step: OperatorStep) -> None:
    """CONV_2D and DEPTHWISE_CONV_2D. turn: the weights' axes in ONNX's order."""
    weights = step.constant(1, 4).transpose(turn)
    if step.source(0).shape[3:] == () or not weights.size:
        raise check.fail(f"{step.where}: input", list(step.source(0).shape), "four axes, and weights")
    group = max(step.source(0).shape[3] // weights.shape[1], 1)
    inputs = [step.image(), step.value("weights", weights.astype(np.float32))]
    if step.has(2):
        inputs.append(step.value("bias", bias(step, len(weights)).astype(np.float32)))
    attributes = window(step, weights.shape[2:]) | {"dilations": step.options["dilations"], "group": group}
    step.activated(step.node("Conv", *inputs, **attributes), first=True)


def bias(step: OperatorStep, filters: int) -> np.ndarray:
    """The third operand, a number for each filter."""
    found = step.constant(2, 1)
    check.shape(f"{step.where}: bias", found, (filters,))
    return found


def dequantise(step: OperatorStep) -> None:
    """DEQUANTIZE of codes, or of float16: constants become constants, as weights of half precision are
    stored."""
    if step.source(0).data is None:
        unary("Identity", step)
        return
    value = np.asarray(step.constant(0), np.float32)
    check.shape(f"{step.where}: result", value, step.result().shape)
    step.to.folded[step.operator.outputs[0]] = value


def fully_connected(step: OperatorStep) -> None:
    """x W^T + bias, x flattened to rows."""
    check.in_range(f"{step.where}: weights' format", step.options["format"], 0, 0)
    weights = step.constant(1, 2).astype(np.float32)
    shape, k = step.source(0).shape, weights.shape[1]
    if k < 1 or prod(shape) % k:
        raise check.fail(f"{step.where}: inputs of a row", k, f"a divisor of {prod(shape)}")
    x = step.x()
    if len(shape) != 2 or shape[1] != k:
        x = step.node("Reshape", x, step.value("rows", np.array([-1, k])), suffix=".rows")
    y = step.node("MatMul", x, step.value("weights", weights.T))
    if step.has(2):
        y = step.node("Add", y, step.value("bias.value", bias(step, len(weights))), suffix=".bias")
    wanted = step.result().shape
    if wanted != (prod(shape) // k, len(weights)):
        y = step.node("Reshape", y, step.value("shape", np.array(wanted, np.int64)), suffix=".shape")
    step.activated(y)


def unary(operator: str, step: OperatorStep, **attributes: Any) -> None:
    """An operator that accepts either order of axes."""
    first = step.index(0) in step.to.first
    step.done(step.node(operator, step.image() if first else step.x(), **attributes), first=first)


def binary(operator: str, step: OperatorStep) -> None:
    """An operator of two operands, channels first if one of them is, and the other is too or is a constant
    number."""
    firsts = [step.index(place) in step.to.first for place in (0, 1)]
    lone = [step.source(place).data is not None and prod(step.source(place).shape) == 1 for place in (0, 1)]
    first = any(firsts) and all(a or b for a, b in zip(firsts, lone, strict=True))
    try:
        fits = np.broadcast_shapes(step.source(0).shape, step.source(1).shape) == step.result().shape
    except ValueError:
        fits = False
    if not fits:
        shapes = [list(step.source(place).shape) for place in (0, 1)]
        raise check.fail(f"{step.where}: operands", shapes, f"what makes {list(step.result().shape)}")
    names = [step.image(i) if first and not lone[i] else step.x(i) for i in (0, 1)]
    step.activated(step.node(operator, *names), first=first)


def leaky_relu(step: OperatorStep) -> None:
    unary("LeakyRelu", step, alpha=step.options["alpha"])


def relu6(step: OperatorStep) -> None:
    step.done(activation(step, step.x(), "RELU6"))


def rsqrt(step: OperatorStep) -> None:
    step.done(step.node("Reciprocal", step.node("Sqrt", step.x(), suffix=".root")))


def softmax(step: OperatorStep) -> None:
    x = step.x()
    if step.options["beta"] != 1:
        x = step.node("Mul", x, step.value("beta", np.float32(step.options["beta"])), suffix=".scaled")
    step.done(step.node("Softmax", x, axis=-1))


def pool(operator: str, step: OperatorStep) -> None:
    attributes = window(step, step.options["kernel"]) | {"kernel_shape": step.options["kernel"]}
    step.activated(step.node(operator, step.image(), **attributes), first=True)


def reduce(operator: str, step: OperatorStep) -> None:
    axes = step.value("axes", np.array(step.integers(1), np.int64))
    step.done(step.node(operator, step.x(), axes, keepdims=int(step.options["keep"])))


def matmul(step: OperatorStep) -> None:
    if any(step.options["adjoint"]):
        raise check.fail(f"{step.where}: adjoint", step.options["adjoint"], "neither")
    step.done(step.node("MatMul", step.x(), step.x(1)))


OPERATORS: dict[str, Callable[[OperatorStep], None]] = {
    "CONV_2D": partial(convolution, (0, 3, 1, 2)), "DEPTHWISE_CONV_2D": partial(convolution, (3, 0, 1, 2)),
    "FULLY_CONNECTED": fully_connected, "BATCH_MATMUL": matmul,
    "ADD": partial(binary, "Add"), "SUB": partial(binary, "Sub"), "MUL": partial(binary, "Mul"),
    "MAXIMUM": partial(binary, "Max"), "MINIMUM": partial(binary, "Min"),
    "AVERAGE_POOL_2D": partial(pool, "AveragePool"), "MAX_POOL_2D": partial(pool, "MaxPool"),
    "MEAN": partial(reduce, "ReduceMean"), "REDUCE_MAX": partial(reduce, "ReduceMax"),
    **moving.OPERATORS,
    "LOGISTIC": partial(unary, "Sigmoid"), "TANH": partial(unary, "Tanh"), "RELU": partial(unary, "Relu"),
    "RELU6": relu6, "LEAKY_RELU": leaky_relu, "HARD_SWISH": partial(unary, "HardSwish"), "SOFTMAX": softmax,
    "RSQRT": rsqrt, "LOG": partial(unary, "Log"), "QUANTIZE": partial(unary, "Identity"),
    "DEQUANTIZE": dequantise,
}  # fmt: skip
