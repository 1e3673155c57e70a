"""Primitives for normalisations: rows that LayerNormalization standardises, then factors and sums."""

from math import prod

import numpy as np

from golden.division import ceil_div
from mapping.legalise.primitives.reducing import reduced
from mapping.legalise.primitives.writer import Rule, Writer
from mapping.network import Node


def standardised(w: Writer, x: str, rows: int, epsilon: float) -> str:
    """Each of `rows` equal parts of x, less its mean, divided by its deviation; of x's shape."""
    n = prod(w.shape(x)) // rows
    one = w.value(np.ones(n), w.dtype(x))
    flat = w("LayerNormalization", w.reshape(x, (rows, n)), one, axis=-1, epsilon=epsilon)
    return w.reshape(flat, w.shape(x))


def layer(w: Writer, node: Node) -> bool:
    """LayerNormalization over several axes, or with computed factors."""
    x, scale, bias = (*node.inputs, "")[:3]
    shape = w.shape(x)
    axis = int(node.attributes.get("axis", -1)) % len(shape)
    if axis == len(shape) - 1 and all(not t or t in w.constants for t in (scale, bias)):
        return False
    made = standardised(w, x, prod(shape[:axis]), float(node.attributes.get("epsilon", 1e-5)))
    made = w("Mul", made, scale)
    return w.named(w("Add", made, bias) if bias else made, node.outputs[0])


def along_channels(w: Writer, tensor: str, rank: int) -> str:
    """A tensor [channels] in a shape that broadcasts with [N, channels, ...]."""
    return w.reshape(tensor, (w.shape(tensor)[0], *(1,) * (rank - 2)))


def instance(w: Writer, node: Node) -> bool:
    x, scale, bias = node.inputs
    shape = w.shape(x)
    made = standardised(w, x, prod(shape[:2]), float(node.attributes.get("epsilon", 1e-5)))
    made = w("Mul", made, along_channels(w, scale, len(shape)))
    return w.named(w("Add", made, along_channels(w, bias, len(shape))), node.outputs[0])


def batch(w: Writer, node: Node) -> bool:
    """BatchNormalization: (x - mean) f + bias, f = scale / sqrt(variance + epsilon); constants give one
    factor and one sum."""
    x, scale, bias, mean, variance = node.inputs
    rank = len(w.shape(x))
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    factor = w("Div", scale, w("Sqrt", w("Add", variance, w.value(epsilon, w.dtype(variance)))))
    offset = w("Sub", bias, w("Mul", mean, factor))
    made = w("Mul", x, along_channels(w, factor, rank))
    w("Add", made, along_channels(w, offset, rank), out=node.outputs[0])
    return True


def length(w: Writer, node: Node) -> bool:
    """LpNormalization: x over the sum of |x|, or over the root of the sum of squares."""
    x = node.inputs[0]
    axis = int(node.attributes.get("axis", -1)) % len(w.shape(x))
    if int(node.attributes.get("p", 2)) == 1:
        size = reduced(w, "ReduceSum", w("Abs", x), [axis], 1)
    else:
        size = w("Sqrt", reduced(w, "ReduceSum", w("Mul", x, x), [axis], 1))
    w("Div", x, size, out=node.outputs[0])
    return True


def log_softmax(w: Writer, node: Node) -> bool:
    """LogSoftmax: (x - greatest) - log(sum of exponentials); of one element 0."""
    x = node.inputs[0]
    axis = int(node.attributes.get("axis", -1)) % len(w.shape(x))
    if w.shape(x)[axis] == 1:
        w("Sub", x, x, out=node.outputs[0])
        return True
    low = w("Sub", x, reduced(w, "ReduceMax", x, [axis], 1))
    log = w("Log", reduced(w, "ReduceSum", w("Exp", low), [axis], 1))
    w("Sub", low, log, out=node.outputs[0])
    return True


def neighbours(w: Writer, node: Node) -> bool:
    """LRN: x (bias + alpha / size * sum of squares of `size` channels)^-beta."""
    x, a = node.inputs[0], node.attributes
    shape, size = w.shape(x), int(a["size"])
    before, after = (size - 1) // 2, ceil_div(size - 1, 2)
    total = flat = w.reshape(w("Mul", x, x), (shape[0], shape[1], prod(shape[2:])))
    if size > 1:  # sums in 16 bits: of a product's 8 bits too little is left of small squares
        wide = w("Pad", flat, w.value(np.array([0, before, 0, 0, after, 0], np.int64)))
        for number in range(size):
            part = w.cut(wide, number, number + shape[1], 1)
            total = part if number == 0 else w("Add", total, part)
    inner = w("Mul", total, w.value(float(a.get("alpha", 1e-4)) / size, w.dtype(x)))
    inner = w("Add", inner, w.value(float(a.get("bias", 1.0)), w.dtype(x)))
    factor = w("Pow", inner, w.value(-float(a.get("beta", 0.75)), w.dtype(x)))
    w("Mul", x, w.reshape(factor, shape), out=node.outputs[0])
    return True


RULES: dict[str, Rule] = {
    "LayerNormalization": layer, "InstanceNormalization": instance, "BatchNormalization": batch,
    "LpNormalization": length, "LogSoftmax": log_softmax, "LRN": neighbours,
}  # fmt: skip
