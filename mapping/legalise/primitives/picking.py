"""Primitives for elements picked by computed indices: each candidate times whether its index matches, added
up.
"""

import numpy as np

from golden import check
from mapping.legalise.primitives.reducing import reduced
from mapping.legalise.primitives.writer import Rule, Writer
from mapping.network import Node, Shape

MOST = 1 << 18  # candidates of all results


def inserted(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], 1, *shape[axis:])


def hits(w: Writer, numbers: str, n: int, axis: int) -> str:
    """Whether an index along `axis` (of length 1) equals each place 0 to n - 1, or the place less n;
    0 or 1."""
    rank = len(w.shape(numbers))
    places = np.arange(n).reshape([n if i == axis else 1 for i in range(rank)])
    apart = w("Sub", w.cast(numbers, np.int32), w.value(places, np.int32))
    here, there = (w("Equal", apart, w.value(v, np.int32)) for v in (0, -n))
    return w("Or", here, there)


def gathered(w: Writer, node: Node) -> bool:
    """GatherElements by computed indices."""
    x, index = node.inputs
    if index in w.constants:
        return False
    axis = int(node.attributes.get("axis", 0)) % len(w.shape(x))
    n, shape = w.shape(x)[axis], w.shape(index)
    check.in_range("candidates", n * int(np.prod(shape)), 1, MOST)
    for other, size in enumerate(shape):
        if other != axis and size != w.shape(x)[other]:
            x = w.cut(x, 0, size, other)
    hit = hits(w, w.reshape(index, inserted(shape, axis + 1)), n, axis + 1)
    return picked(w, x, hit, axis, node.outputs[0])


def picked(w: Writer, x: str, hit: str, axis: int, out: str) -> bool:
    """Sums of x, with one more axis before `axis`, over the places where `hit` is 1."""
    dtype = w.dtype(x)
    x = w.signed(x)
    wide = w.reshape(x, inserted(w.shape(x), axis))
    total = reduced(w, "ReduceSum", w("Mul", w.cast(hit, w.dtype(x)), wide), [axis + 1], 0)
    w.cast(w.reshape(total, w.shape(out)), dtype, out=out)
    return True


def rows(w: Writer, node: Node) -> bool:
    """Gather by computed indices from a computed tensor, or along another axis than the first."""
    x, index = node.inputs
    axis = int(node.attributes.get("axis", 0)) % len(w.shape(x))
    if index in w.constants or (x in w.constants and axis == 0 and len(w.shape(x)) == 2):
        return False
    before, n, after = w.shape(x)[:axis], w.shape(x)[axis], w.shape(x)[axis + 1 :]
    count = int(np.prod(w.shape(index)))
    check.in_range("candidates", n * count * int(np.prod(before + after)), 1, MOST)
    numbers = w.reshape(index, (*(1,) * len(before), count, 1, *(1,) * len(after)))
    return picked(w, x, hits(w, numbers, n, axis + 1), axis, node.outputs[0])


def triangle(w: Writer, node: Node) -> bool:
    """Trilu from a computed diagonal on."""
    x, k = (*node.inputs, "")[:2]
    if not k or k in w.constants:
        return False
    high, wide = w.shape(x)[-2:]
    diagonal = w.value(np.arange(wide) - np.arange(high)[:, None], np.int32)
    apart = w("Sub", diagonal, w.cast(w.reshape(k, ()), np.int32))
    operator = "GreaterOrEqual" if node.attributes.get("upper", 1) else "LessOrEqual"
    kept = w(operator, apart, w.value(0, np.int32))
    number = w.signed(x)
    w.cast(w("Mul", number, w.cast(kept, w.dtype(number))), w.dtype(x), out=node.outputs[0])
    return True


def joined(w: Writer, node: Node) -> bool:
    """Concat without operands that have no elements."""
    given = [t for t in node.inputs if 0 not in w.shape(t)]
    if len(given) == len(node.inputs) or not given:
        return False
    if len(given) == 1:
        return w.named(given[0], node.outputs[0])
    w("Concat", *given, out=node.outputs[0], **node.attributes)
    return True


RULES: dict[str, Rule] = {
    "GatherElements": gathered, "Gather": rows, "Trilu": triangle, "Concat": joined,
}  # fmt: skip
