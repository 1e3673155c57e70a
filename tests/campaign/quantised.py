"""Random QDQ graphs: a product or two, what stands between, codes of either sign, scales of either kind."""

import numpy as np

from tests.campaign.builder import Builder, Illegal
from tests.campaign.products import spatial

BETWEEN = ("Relu", "Clip", "Add", "Mul", "MaxPool", "AveragePool", "GlobalAveragePool", "Reshape",
           "Transpose", "Sigmoid", "Tanh", "Concat", "Softmax", "HardSwish", "Identity")  # fmt: skip


def q_and_dq(b: Builder, x: str) -> str:
    """x to codes and back: asymmetric or not, by the range that x has, now and then too narrow for it."""
    value = b.values[x]
    low, high = min(float(value.min()), 0.0), max(float(value.max()), 0.0)
    if b.chance(0.15):
        low, high = low / 2, high / 2
    if b.chance(0.15):
        low = 0.0  # a ReLU that stands in the range alone
    dtype = b.pick(np.int8, np.uint8)
    info = np.iinfo(dtype)
    if b.chance(0.4) and dtype == np.int8:
        scale, zero = max(-low, high, 1e-3) / 127, 0
    else:
        scale = max(high - low, 1e-3) / 255
        zero = int(np.clip(np.rint(info.min - low / scale), info.min, info.max))
    s = b.constant(np.float32(scale))
    if zero == 0 and dtype == np.uint8 and b.chance(0.3):
        return b.node("DequantizeLinear", [b.node("QuantizeLinear", [x, s]), s])
    z = b.constant(dtype(zero))
    return b.node("DequantizeLinear", [b.node("QuantizeLinear", [x, s, z]), s, z])


def weights(b: Builder, shape, fan: int, axis: int) -> str:
    """Constant weights behind a DequantizeLinear: a scale a tensor or a channel."""
    codes = b.random.integers(-127, 128, shape).astype(np.int8)
    scale = np.float32(1 / (60 * np.sqrt(max(fan, 1))))
    if b.chance(0.5):
        return b.node("DequantizeLinear", [b.constant(codes), b.constant(scale), b.constant(np.int8(0))])
    scales = (scale * b.random.uniform(0.5, 2, shape[axis])).astype(np.float32)
    zeros = np.zeros(shape[axis], np.int8)
    return b.node("DequantizeLinear", [b.constant(codes), b.constant(scales), b.constant(zeros)], axis=axis)


def bias(b: Builder, count: int) -> str:
    """Real, or codes of 32 bits behind a DequantizeLinear."""
    if b.chance(0.5):
        return b.constant(b.real((count,)) / np.float32(50))
    codes = b.random.integers(-3000, 3000, count).astype(np.int32)
    return b.node("DequantizeLinear", [b.constant(codes), b.constant(np.float32(1e-3))])


def product(b: Builder, x: str) -> str:
    shape = b.values[x].shape
    if len(shape) == 4:
        given = spatial(b, shape)
        filters = int(b.pick(1, 3, 8, 16))
        fan = shape[1] * int(np.prod(given["kernel_shape"]))
        inputs = [x, weights(b, (filters, shape[1], *given["kernel_shape"]), fan, 0)]
        if b.chance(0.6):
            inputs.append(bias(b, filters))
        return b.node("Conv", inputs, **given)
    k, n = shape[-1], b.size()
    if len(shape) == 2 and b.chance(0.5):
        inputs = [x, weights(b, (n, k), k, 0)]
        if b.chance(0.6):
            inputs.append(bias(b, n))
        return b.node("Gemm", inputs, transB=1)
    return b.node("MatMul", [x, weights(b, (k, n), k, 1)])


def between(b: Builder, x: str, name: str) -> str:
    """An operator on dequantised numbers."""
    value = b.values[x]
    if name == "Clip":
        return b.node(
            "Clip", [x, b.constant(np.float32(b.pick(-2, 0))), b.constant(np.float32(b.pick(1, 6)))]
        )
    if name in ("Add", "Mul"):
        alike = [t for t in b.made if t.startswith("DequantizeLinear") and b.values[t].shape == value.shape]
        y = b.pick(*alike) if alike and b.chance(0.6) else q_and_dq(b, b.constant(b.real(value.shape[-1:])))
        return b.node(name, [x, y])
    if name in ("MaxPool", "AveragePool"):
        if value.ndim != 4:
            raise Illegal("no image")
        return b.node(name, [x], **spatial(b, value.shape))
    if name == "GlobalAveragePool" and value.ndim != 4:
        raise Illegal("no image")
    if name == "Reshape":
        return b.node("Reshape", [x, b.constant(np.array([1, -1], np.int64))])
    if name == "Transpose":
        return b.node("Transpose", [x], perm=[int(i) for i in b.random.permutation(value.ndim)])
    if name == "Concat":
        return b.node("Concat", [x, q_and_dq(b, b.constant(b.real(value.shape)))], axis=value.ndim - 1)
    return b.node(name, [x])


def build(b: Builder) -> list[str]:
    """The outputs of a graph of one or two products."""
    b.opset = b.pick(13, 17, 19, 21)
    x = q_and_dq(b, b.input(b.real(b.shape(b.pick(2, 2, 4)))))
    x = product(b, x)
    for _ in range(int(b.pick(0, 1, 1, 2))):
        name = b.pick(*BETWEEN)
        if b.chance(0.7):
            x = q_and_dq(b, x)
        x = between(b, x, name)
    if b.chance(0.4) and b.values[x].ndim in (2, 4):
        x = product(b, q_and_dq(b, x))
    if b.chance(0.9):
        x = q_and_dq(b, x)
        if b.chance(0.25):  # the output in codes, as a user of integers asks for
            node = next(n for n in b.nodes if x in n.output)
            return [node.input[0]]
    return [x]
