"""Primitives for reductions: sums and greatest elements of functions."""

import numpy as np

from golden import check
from mapping.legalise.primitives.writer import Rule, Writer
from mapping.network import Node
from mapping.passes.rewrite import reduced_axes

MOST = 64  # factors of a product


def axes_of(w: Writer, node: Node) -> list[int]:
    return reduced_axes(node, len(w.shape(node.inputs[0])), w.constants)


def reduced(w: Writer, operator: str, x: str, axes: list[int], keep: int, out: str = "") -> str:
    if not axes:
        return w("Identity", x, out=out)
    given = w.value(np.array(axes, np.int64))
    return w(operator, x, given, out=out, keepdims=keep, noop_with_empty_axes=1)


def composed(w: Writer, node: Node) -> bool:
    """Reductions by L1, L2, sums of squares, of exponentials, their logarithms; the least element."""
    x, y = node.inputs[0], node.outputs[0]
    axes, keep = axes_of(w, node), int(node.attributes.get("keepdims", 1))

    def total(of: str, out: str = "") -> str:
        return reduced(w, "ReduceSum", of, axes, keep, out)

    match node.operator:
        case "ReduceL1":
            total(w("Abs", x), y)
        case "ReduceSumSquare":
            total(w("Mul", x, x), y)
        case "ReduceL2":
            w("Sqrt", total(w("Mul", x, x)), out=y)
        case "ReduceLogSum":
            w("Log", total(x), out=y)
        case "ReduceLogSumExp" if all(w.shape(x)[axis] == 1 for axis in axes):
            w.reshape(x, w.shape(y), out=y)
        case "ReduceLogSumExp":
            top = reduced(w, "ReduceMax", x, axes, 1)
            log = w("Log", total(w("Exp", w("Sub", x, top))))
            w("Add", log, w.reshape(top, w.shape(log)), out=y)
        case "ReduceMin":
            high = reduced(w, "ReduceMax", w("Neg", w.signed(x)), axes, keep)
            w.cast(w("Neg", high), w.dtype(y), out=y)
    return True


def mean(w: Writer, node: Node) -> bool:
    """ReduceMean of integers: the sum over the count, truncated."""
    x = node.inputs[0]
    if w.dtype(x).kind == "f":
        return False
    axes, keep = axes_of(w, node), int(node.attributes.get("keepdims", 1))
    number = int(np.prod([w.shape(x)[axis] for axis in axes]))
    total = reduced(w, "ReduceSum", x, axes, keep)
    w("Div", total, w.value(number, w.dtype(x)), out=node.outputs[0])
    return True


def multiplied(w: Writer, node: Node) -> bool:
    """ReduceProd: multiply the slices one after the other."""
    x, shape = node.inputs[0], w.shape(node.inputs[0])
    axes = axes_of(w, node)
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    count = int(np.prod([shape[axis] for axis in axes]))
    check.in_range("factors", count, 1, MOST)
    flat = w.reshape(w.turn(x, [*axes, *rest]), [count, *(shape[axis] for axis in rest)])
    made = ""
    for number in range(count):
        part = w.cut(flat, number, number + 1, 0)
        made = w("Mul", made, part) if made else part
    w.reshape(made, w.shape(node.outputs[0]), out=node.outputs[0])
    return True


def placed(w: Writer, node: Node) -> bool:
    """ArgMax and ArgMin: mark the greatest elements with numbers that fall along the axis; take the greatest
    number."""
    x, a = node.inputs[0], node.attributes
    axis = int(a.get("axis", 0)) % len(w.shape(x))
    keep, last = int(a.get("keepdims", 1)), bool(a.get("select_last_index", 0))
    top = first_of_greatest(w, w.signed(x), axis, keep, last=last, least=node.operator == "ArgMin")[1]
    one = w.value(1, np.int32)
    place = w("Sub", top, one) if last else w("Sub", w.value(w.shape(x)[axis], np.int32), top)
    w.cast(place, np.int64, out=node.outputs[0])
    return True


def first_of_greatest(
    w: Writer, x: str, axis: int, keep: int, *, last: bool = False, least: bool = False
) -> tuple[str, str]:
    """Numbers n to 1 (last: 1 to n) along `axis` where x is greatest, else 0; the greatest of these
    numbers."""
    n, rank = w.shape(x)[axis], len(w.shape(x))
    x = w("Neg", x) if least else x
    greatest = w("Sub", x, reduced(w, "ReduceMax", x, [axis], 1))
    is_it = w.cast(w("Equal", greatest, w.value(0, w.dtype(greatest))), np.int32)
    numbers = np.arange(1, n + 1) if last else np.arange(n, 0, -1)
    numbers = numbers.reshape([n if i == axis else 1 for i in range(rank)])
    marks = w("Mul", is_it, w.value(numbers, np.int32))
    return marks, reduced(w, "ReduceMax", marks, [axis], keep)


def hard(w: Writer, node: Node) -> bool:
    """Hardmax: 1 at the first of the greatest elements."""
    x = node.inputs[0]
    axis = int(node.attributes.get("axis", -1)) % len(w.shape(x))
    marks, top = first_of_greatest(w, x, axis, 1)
    w.cast(w("Equal", w("Sub", marks, top), w.value(0, np.int32)), w.dtype(x), out=node.outputs[0])
    return True


RULES: dict[str, Rule] = {
    **dict.fromkeys(
        ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp", "ReduceMin"), composed
    ),
    "ReduceMean": mean, "ReduceProd": multiplied, "ArgMax": placed, "ArgMin": placed, "Hardmax": hard,
}  # fmt: skip
