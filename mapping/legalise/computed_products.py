"""Products of two computed factors of a quantised network, with any zero points.

    sum (x - zx)(w - zw) = sum x w - zx sum w - zw sum x + k zx zw

The sums of w's columns are a product by ones, added to the product of the factors; the sums of x's rows are
another, to which both are added. Matrices of several heads are separate products.
"""

from dataclasses import dataclass
from math import prod

import numpy as np

from golden import check
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.coder import Coded, Coder, standing
from mapping.legalise.fixed import plain
from mapping.legalise.products import function_behind
from mapping.network import Node
from mapping.patterns.curves import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """x [m, k] and w [k, n], or [n, k] where turned; name: prefix of the tensors computed from them."""

    name: str
    x: Coded
    w: Coded
    turned: bool


def computed_product(c: Coder, node: Node) -> None:
    """Legalise a MatMul of two computed tensors: two matrices, or as many matrices on either side."""
    for tensor in node.inputs[:2]:
        c.factor(tensor)
    shapes = [c.shape(t) for t in node.inputs[:2]]
    y = node.outputs[0]
    heads = prod(c.shape(y)[:-2])
    alike = all(len(s) > 1 and prod(s[:-2]) == heads for s in shapes)
    if not alike or len(node.inputs) > 2:
        raise check.fail("factors", [list(s) for s in shapes], "as many matrices on either side, no bias")
    function, before = function_behind(c, node)
    sums = [summed(c, each) for each in factors(c, node, heads)]
    shape = (heads * shapes[0][-2], c.shape(y)[-1])
    x, w = (c.given[t] for t in node.inputs[:2])
    whole = shapes[0][-1] * x.zero * w.zero
    name = sums[0]
    if heads > 1:
        name = c.tensor(f"{y}:sums", shape, Affine(dtype="int32", scale=1.0))
        c.add(graph.Concat(name=name, x=sums[0], others=tuple(sums[1:]), axis=0, y=name))

    def make(made: str, form: Affine, how: Stage) -> graph.Operation:
        e = c.epilogue(form, x.scale * w.scale, how, 0.0, whole)
        return graph.Map(name=made, x=name, y=made, epilogue=e)

    c.emit(y, shape, c.natural(y), make, function, before)


def factors(c: Coder, node: Node, heads: int) -> list[Factors]:
    """The matrices of a product, one pair a head."""
    left, right = node.inputs[:2]
    y, rank = node.outputs[0], len(c.shape(right))
    if heads == 1:
        x = c.rows(left, "even", offset=True)
        turned = right not in c.network.constants and standing(c, right, "even").order == (rank - 1, rank - 2)
        axes = (rank - 1, rank - 2) if turned else (rank - 2, rank - 1)
        return [Factors(name=y, x=x, w=c.need(right, "even", axes, offset=True), turned=turned)]
    found = []
    for head in range(heads):
        pair = [sliced(c, tensor, heads, head) for tensor in (left, right)]
        found.append(Factors(name=f"{y}:{head}", x=pair[0], w=pair[1], turned=False))
    return found


def sliced(c: Coder, tensor: str, heads: int, head: int) -> Coded:
    """A head's matrix [rows, channels]."""
    rows, channels = c.shape(tensor)[-2:]
    whole = c.rows(tensor, "even", offset=True)
    name = f"{whole.name}:head{head}"
    if name not in c.tensors:
        c.tensor(name, (rows, channels), whole.form)
        c.add(graph.Slice(name=name, x=whole.name, y=name, axis=0, start=head * rows, length=rows))
    return Coded(name=name, order=(0, 1), form=whole.form)


def summed(c: Coder, f: Factors) -> str:
    """32-bit sums [m, n] of x w, less the zero points' part except for their product."""
    k = c.tensors[f.x.name].shape[1]
    m, n = c.tensors[f.x.name].shape[0], c.tensors[f.w.name].shape[0 if f.turned else 1]
    wide = Affine(dtype="int32", scale=1.0)
    residual = None
    if f.x.zero:
        one = Affine(dtype="int8", scale=1.0)
        ones = c.tensor(f"{f.name}:ones", (1, k), one, data=np.ones((1, k), np.int64))
        columns = c.tensor(f"{f.name}:columns", (1, n), wide)
        c.add(graph.MatMul(name=columns, x=ones, w=f.w.name, y=columns, heads=1, transposed=f.turned,
                           heads_in_y="columns", epilogue=plain()))  # fmt: skip
        residual = graph.Residual(b=c.reshaped(columns, (n,)), multiplier=-f.x.zero)
    sums = c.tensor(f"{f.name}:sums", (m, n), wide)
    c.add(graph.MatMul(name=sums, x=f.x.name, w=f.w.name, y=sums, heads=1, transposed=f.turned,
                       heads_in_y="columns", epilogue=plain(), residual=residual))  # fmt: skip
    if not f.w.zero:
        return sums
    both = c.tensor(f"{f.name}:both", (m, n), wide)
    less = np.full((1, 1, k, n), -np.sign(f.w.zero))
    c.add(graph.Product(
        name=both, x=f.x.name, y=both, weights=less, epilogue=plain(multiplier=np.array([abs(f.w.zero)])),
        residual=graph.Residual(b=sums),
    ))  # fmt: skip
    return both
