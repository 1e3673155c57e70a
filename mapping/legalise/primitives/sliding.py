"""Primitives for products and windows: elements laid out window by window, then multiplied or reduced."""

from math import prod

import numpy as np

from golden import check, operators
from golden.operators.convolution import conv_window
from golden.operators.pooling import elements_under, windows_of
from golden.operators.window import OperatorWindow
from mapping.legalise.primitives.reducing import reduced
from mapping.legalise.primitives.writer import Rule, Writer
from mapping.network import Node, Shape


def matmul(w: Writer, node: Node) -> bool:
    """MatMul of vectors, as matrices of one row or column."""
    a, b = node.inputs[:2]
    if len(w.shape(a)) > 1 and len(w.shape(b)) > 1:
        return False
    a = w.reshape(a, (1, *w.shape(a))) if len(w.shape(a)) == 1 else a
    b = w.reshape(b, (*w.shape(b), 1)) if len(w.shape(b)) == 1 else b
    made = w("MatMul", a, b, *node.inputs[2:])
    w.reshape(made, w.shape(node.outputs[0]), out=node.outputs[0])
    return True


def places(spatial: Shape, window: OperatorWindow) -> np.ndarray:
    """The places that each stop of a window covers: int64 [stops, taps], places in space, -1 outside."""
    at = np.arange(1, prod(spatial) + 1).reshape(1, 1, *spatial)
    view = window.view(at)
    rank = len(spatial)
    return np.asarray(view.reshape(prod(view.shape[2 : 2 + rank]), -1)) - 1


def laid_out(w: Writer, x: str, at: np.ndarray, *, zeros: bool) -> str:
    """x [N, C, space] as [N, C, stops, taps]; zeros: outside elements are 0, else the window has none."""
    flat = w.reshape(x, (*w.shape(x)[:2], prod(w.shape(x)[2:])))
    if zeros and (at < 0).any():
        flat = w("Pad", flat, w.value(np.array([0, 0, 0, 0, 0, 1], np.int64)))
        at = np.where(at < 0, w.shape(flat)[2] - 1, at)
    return w("Gather", flat, w.value(at, np.int64), axis=2)


def slides(w: Writer, node: Node, window: OperatorWindow) -> bool:
    """Whether the vector unit can slide this window."""
    shape = w.shape(node.inputs[0])
    return len(shape) in (3, 4) and shape[0] == 1 and all(d == 1 for d in window.dilations)


def max_pool(w: Writer, node: Node) -> bool:
    """MaxPool laid out: a place outside repeats an element of the window."""
    if any(node.outputs[1:]):
        raise check.fail("output 1", "asked for", "1 of MaxPool")
    _, window = windows_of(w.shape(node.inputs[0])[2:], **node.attributes)
    if slides(w, node, window):
        return False
    at = places(w.shape(node.inputs[0])[2:], window)
    if (at.max(1) < 0).any():
        raise check.fail("a window", "wholly outside", "windows that meet the input")
    at = np.where(at < 0, at.max(1, keepdims=True), at)
    made = reduced(w, "ReduceMax", laid_out(w, node.inputs[0], at, zeros=False), [3], 0)
    w.reshape(made, w.shape(node.outputs[0]), out=node.outputs[0])
    return True


def average_pool(w: Writer, node: Node) -> bool:
    x, a = node.inputs[0], node.attributes
    spatial = w.shape(x)[2:]
    stated, window = windows_of(spatial, **a)
    if slides(w, node, window):
        return False
    number = elements_under(spatial, stated, window, padding=a.get("count_include_pad", 0))
    made = reduced(w, "ReduceSum", laid_out(w, x, places(spatial, window), zeros=True), [3], 0)
    made = w.reshape(made, w.shape(node.outputs[0]))
    w("Mul", made, w.value(1 / number, w.dtype(x)), out=node.outputs[0])
    return True


def global_pool(w: Writer, node: Node) -> bool:
    """A global pool of a batch, or over another number of axes than an image has."""
    x = node.inputs[0]
    if len(w.shape(x)) in (3, 4) and w.shape(x)[0] == 1:
        return False
    operator = "ReduceMax" if "Max" in node.operator else "ReduceMean"
    reduced(w, operator, x, list(range(2, len(w.shape(x)))), 1, node.outputs[0])
    return True


def convolution(w: Writer, node: Node) -> bool:
    """A convolution: a batch image by image; computed weights, and other spaces than images, laid out."""
    x, weights = node.inputs[:2]
    shape = w.shape(x)
    if weights in w.constants and len(shape) in (3, 4):
        return shape[0] > 1 and each_image(w, node)
    made = laid_out_convolution(w, node)
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = w.reshape(node.inputs[2], (w.shape(weights)[0], *(1,) * (len(shape) - 2)))
        made = w("Add", made, bias)
    return w.named(made, node.outputs[0])


def each_image(w: Writer, node: Node) -> bool:
    x, parts = node.inputs[0], []
    for number in range(w.shape(x)[0]):
        part = w.cut(x, number, number + 1, 0)
        parts.append(w(node.operator, part, *node.inputs[1:], **node.attributes))
    w("Concat", *parts, out=node.outputs[0], axis=0)
    return True


def laid_out_convolution(w: Writer, node: Node) -> str:
    """A convolution as a product of [N, g, stops, c k] by [g, c k, n]."""
    x, weights = node.inputs[:2]
    shape, kernel = w.shape(x), w.shape(weights)
    attributes = {k: v for k, v in node.attributes.items() if k not in ("function", "activation")}
    window = conv_window(shape, kernel, **attributes)
    groups = int(attributes.get("group", 1))
    at = places(shape[2:], window)
    stops, taps = at.shape
    depth, n = kernel[1] * taps, kernel[0] // groups
    every = laid_out(w, x, at, zeros=True)  # [N, C, stops, taps]
    every = w.reshape(every, (shape[0], groups, kernel[1], stops, taps))
    every = w.reshape(w.turn(every, [0, 1, 3, 2, 4]), (shape[0], groups, stops, depth))
    factors = w.turn(w.reshape(weights, (groups, n, depth)), [0, 2, 1])
    made = w.turn(w("MatMul", every, factors), [0, 1, 3, 2])
    return w.reshape(made, w.shape(node.outputs[0]))


def length_pool(w: Writer, node: Node) -> bool:
    """LpPool: the p-th root of the sum of |x|^p."""
    x, p = node.inputs[0], float(node.attributes.get("p", 2))
    _, window = windows_of(w.shape(x)[2:], **node.attributes)
    powers = w("Mul", x, x) if p == 2 else w("Pow", w("Abs", x), w.value(p, w.dtype(x)))
    total = reduced(w, "ReduceSum", laid_out(w, powers, places(w.shape(x)[2:], window), zeros=True), [3], 0)
    root = w("Pow", total, w.value(1 / p, w.dtype(x)))
    w.reshape(root, w.shape(node.outputs[0]), out=node.outputs[0])
    return True


def transposed(w: Writer, node: Node) -> bool:
    """ConvTranspose: each element times the whole kernel, then sums of the products that meet in one
    place."""
    x, weights = node.inputs[:2]
    shape, kernel, y = w.shape(x), w.shape(weights), w.shape(node.outputs[0])
    groups = int(node.attributes.get("group", 1))
    stops, taps, depth = prod(shape[2:]), prod(kernel[2:]), shape[1] // groups
    left = w.turn(w.reshape(x, (shape[0], groups, depth, stops)), [0, 1, 3, 2])
    made = w("MatMul", left, w.reshape(weights, (groups, depth, kernel[1] * taps)))
    made = w.turn(w.reshape(made, (shape[0], groups, stops, kernel[1], taps)), [0, 1, 3, 2, 4])
    flat = w.reshape(made, (shape[0], y[1], stops * taps))
    every = laid_out(w, flat, meetings(node, shape, kernel, y), zeros=True)
    total = w.reshape(reduced(w, "ReduceSum", every, [3], 0), y)
    if len(node.inputs) > 2 and node.inputs[2]:
        total = w("Add", total, w.reshape(node.inputs[2], (y[1], *(1,) * (len(y) - 2))))
    return w.named(total, node.outputs[0])


def meetings(node: Node, shape: Shape, kernel: Shape, y: Shape) -> np.ndarray:
    """The products [stops, taps] that add up at each place of the result: int64 [places, most], or -1.

    They are found by ONNX's own operator, applied to a kernel of distinct numbers.
    """
    stops, taps = prod(shape[2:]), prod(kernel[2:])
    one = np.eye(taps).reshape(1, taps, *kernel[2:])
    numbers = np.arange(1, stops + 1, dtype=np.float64).reshape(1, 1, *shape[2:])
    plain = {key: value for key, value in node.attributes.items() if key not in ("group", "activation")}
    found = operators.evaluate("ConvTranspose", [numbers, one], plain)[0].reshape(taps, prod(y[2:]))
    stop = np.rint(found).astype(np.int64) - 1  # [taps, places]
    at = np.where(stop < 0, -1, stop * taps + np.arange(taps)[:, None]).T
    at = -np.sort(-at, axis=1)
    return at[:, : max(1, int((at >= 0).sum(1).max()))]


RULES: dict[str, Rule] = {
    "MatMul": matmul, "MaxPool": max_pool, "AveragePool": average_pool,
    "GlobalMaxPool": global_pool, "GlobalAveragePool": global_pool, "Conv": convolution,
    "LpPool": length_pool, "ConvTranspose": transposed,
}  # fmt: skip
