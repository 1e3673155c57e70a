"""Primitives for elementwise operators: comparisons by differences, logic by products and sums, maxima by
relu.
"""

import numpy as np

from golden import check
from mapping.legalise.primitives.masks import tamed
from mapping.legalise.primitives.writer import Rule, Writer
from mapping.network import Node


def compared(w: Writer, node: Node) -> bool:
    """A comparison a ? b as (a - b) ? 0."""
    if w.is_function(node):
        return False
    a, b = (w.signed(t) for t in node.inputs)
    difference = w("Sub", a, b)
    w(node.operator, difference, w.value(0, w.dtype(difference)), out=node.outputs[0])
    return True


def wrapped(w: Writer, node: Node) -> bool:
    """Sums, differences and products of 8 or 16 bits that were observed to wrap: computed exactly, then
    wrapped."""
    y = node.outputs[0]
    if w.dtype(y).kind not in "iu" or w.dtype(y).itemsize > 2 or w.is_function(node):
        return False
    a, b = (w.values[t].astype(np.int64) for t in node.inputs)
    if np.array_equal(ARITHMETIC[node.operator](a, b), w.values[y]):
        return False
    w.cast(w(node.operator, *(w.signed(t) for t in node.inputs)), w.dtype(y), out=y)
    return True


def logical(w: Writer, node: Node) -> bool:
    if w.is_function(node):
        return False
    a, b = (w.signed(t) for t in node.inputs)
    zero = w.value(0, np.int32)
    if node.operator == "Xor":
        w("Not", w("Equal", w("Sub", a, b), zero), out=node.outputs[0])
    else:
        w("Greater", w("Mul" if node.operator == "And" else "Add", a, b), zero, out=node.outputs[0])
    return True


def extreme(w: Writer, node: Node) -> bool:
    """max(a, b) = a + relu(b - a), min(a, b) = a - relu(a - b); a is the operand that the result is closest
    to.

    So where the result is a everywhere, rounding adds nothing.
    """
    if len(node.inputs) == 1:
        return w.named(node.inputs[0], node.outputs[0])
    if w.is_function(node) and len(node.inputs) == 2:
        return False
    result = w.values[node.outputs[0]].astype(np.float64)
    given = sorted(node.inputs, key=lambda t: float(np.abs(w.values[t] - result).sum()))
    made = w.signed(given[0])
    for tensor in given[1:]:
        other = w.signed(tensor)
        if node.operator == "Max":
            made = w("Add", made, w("Relu", w("Sub", other, made)))
        else:
            made = w("Sub", made, w("Relu", w("Sub", made, other)))
    w.cast(made, w.dtype(node.outputs[0]), out=node.outputs[0])
    return True


def summed(w: Writer, node: Node) -> bool:
    made = node.inputs[0]
    for tensor in node.inputs[1:]:
        made = w("Add", made, tensor)
    if node.operator == "Mean" and len(node.inputs) > 1:
        made = w("Mul", made, w.value(1 / len(node.inputs), w.dtype(made)))
    return w.named(made, node.outputs[0])


def clipped(w: Writer, node: Node) -> bool:
    low, high = (*node.inputs[1:], "", "")[:2]
    if all(not t or w.single(t) for t in (low, high)):
        return False
    made = node.inputs[0]
    made = w("Max", made, low) if low else made
    made = w("Min", made, high) if high else made
    return w.named(made, node.outputs[0])


def chosen(w: Writer, node: Node) -> bool:
    """Where: c a + (1 - c) b."""
    new = tamed(w, node)
    condition, a, b = new.inputs
    if w.is_function(node) and condition not in w.constants:
        if new is not node:
            w("Where", *new.inputs, out=node.outputs[0])
        return new is not node
    dtype = w.dtype(a)
    c = w.cast(condition, dtype if dtype.kind == "f" else np.int32)
    a, b = w.signed(a), w.signed(b)
    if c in w.constants:
        other = w.value(1 - w.constants[c], w.dtype(c))
        made = w("Add", w("Mul", a, c), w("Mul", b, other))
    else:
        made = w("Add", w("Mul", c, w("Sub", a, b)), b)
    w.cast(made, dtype, out=node.outputs[0])
    return True


def added(w: Writer, node: Node) -> bool:
    """An Add of a constant mask, or a Pad with one; sums of integers that wrap."""
    if node.operator == "Add" and wrapped(w, node):
        return True
    new = tamed(w, node)
    if new is node:
        return False
    w(node.operator, *new.inputs, out=node.outputs[0], **node.attributes)
    return True


def cast_like(w: Writer, node: Node) -> bool:
    w.cast(node.inputs[0], w.dtype(node.inputs[1]), out=node.outputs[0])
    return True


def divided(w: Writer, node: Node) -> bool:
    """Division by a constant: times its inverse; by a tensor: times the tensor's Reciprocal."""
    a, b = node.inputs
    if w.is_function(node):
        return False
    if w.dtype(a).kind != "f":
        raise check.fail("division", f"of {w.dtype(a)}", "reals")
    value = w.constant(b)
    inverse = w("Reciprocal", b) if value is None else w.value(1 / value, value.dtype)
    w("Mul", a, inverse, out=node.outputs[0])
    return True


def raised(w: Writer, node: Node) -> bool:
    """A power: x^y = exp(y log x)."""
    x, y = node.inputs
    if w.is_function(node):
        return False
    if w.dtype(x).kind != "f":
        raise check.fail("powers", f"of {w.dtype(x)}", "reals")
    if (w.values[x] <= 0).any():
        raise check.fail("powers", f"of numbers down to {w.values[x].min():.4g}", "positive numbers")
    w("Exp", w("Mul", w("Log", x), w.cast(y, w.dtype(x))), out=node.outputs[0])
    return True


def sloped(w: Writer, node: Node) -> bool:
    """PRelu: relu(x) - slope relu(-x)."""
    x, slope = node.inputs
    if w.is_function(node):
        return False
    w("Sub", w("Relu", x), w("Mul", w("Relu", w("Neg", x)), slope), out=node.outputs[0])
    return True


def dropped(w: Writer, node: Node) -> bool:
    if any(node.outputs[1:]):
        return False
    return w.named(node.inputs[0], node.outputs[0])


ARITHMETIC = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}
RULES: dict[str, Rule] = {
    "Sub": wrapped, "Mul": wrapped,
    **dict.fromkeys(("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"), compared),
    **dict.fromkeys(("And", "Or", "Xor"), logical), **dict.fromkeys(("Max", "Min"), extreme),
    **dict.fromkeys(("Sum", "Mean"), summed), "Clip": clipped, "Where": chosen, "Add": added, "Pad": added,
    "CastLike": cast_like, "Div": divided, "Pow": raised, "PRelu": sloped, "Dropout": dropped,
}  # fmt: skip
