"""Legalisation of attention: projections as one product, scores in octaves, their exponentials, the
context.
"""

from dataclasses import replace
from math import prod

import numpy as np

from golden import check, pe
from golden.pe import counted
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise import attend
from mapping.legalise.coder import Coded, Coder, standing
from mapping.legalise.products import coded_weights, constant_bias, function_behind, is_weighted, weighted_of
from mapping.legalise.scores import check_scores
from mapping.legalise.turning import positions, selected
from mapping.network import Node, Shape
from mapping.patterns.curves import Stage, coded_as
from mapping.unknown import column_sums, is_unknown, side_by_side


def projections(c: Coder, node: Node) -> list[Node] | None:
    """The products that compute q, k and v from one tensor and have no other reader, or None."""
    made = [c.producers.get(tensor) for tensor in node.inputs[:3]]
    found = [n for n in made if n is not None and n.operator == "MatMul" and is_weighted(c, n)]
    alone = all(len(c.readers.get(t, ())) == 1 and t not in c.network.outputs for t in node.inputs[:3])
    plain = all(len(n.inputs) < 4 and not {"activation", "function"} & set(n.attributes) for n in found)
    if len(found) != 3 or not alone or not plain or len({n.inputs[0] for n in found}) > 1:
        return None
    return found


def absorbed(c: Coder) -> set[str]:
    """Names of products that an attention computes together (see `together`)."""
    found: set[str] = set()
    for node in c.network.nodes:
        if node.operator == "Attend":
            found |= {n.name for n in projections(c, node) or ()}
    return found


def together(c: Coder, node: Node, made: list[Node]) -> list[Coded]:
    """Compute q, k and v as slices of the columns of one product."""
    x = c.rows(made[0].inputs[0], "byte")
    every = [weighted_of(c, n) for n in made]
    forms = [c.form(t, "even") for t in node.inputs[:3]]
    w = side_by_side([p.w.reshape(-1, p.w.shape[-1]) for p in every])
    bias = np.concatenate([p.bias for p in every])
    widths = [p.w.shape[-1] for p in every]
    if x.form.evened is not None and not is_unknown(w):
        w = w * x.form.evened[:, None]
    codes, scale = coded_weights(c, w, bias, x.scale, c.p.unit.pe)
    out = np.repeat([f.scale for f in forms], widths)
    one = Affine(dtype=forms[0].dtype, scale=1.0, low=forms[0].low, high=forms[0].high)
    how = Stage(scale=1.0, fields={"low": one.low, "high": one.high})
    e = c.epilogue(one, x.scale * scale / out, how, bias / out, -x.zero * column_sums(codes))
    rows = every[0].shape[0]
    name = c.tensor(f"{node.name}:qkv", (rows, sum(widths)), one)
    c.add(graph.Product(name=name, x=x.name, y=name, weights=codes[None, None], epilogue=e))
    found, start = [], 0
    for tensor, form, width in zip(node.inputs, forms, widths, strict=False):
        piece = c.tensor(tensor, (rows, width), form)
        c.add(graph.Slice(name=piece, x=name, y=piece, axis=1, start=start, length=width))
        found.append(Coded(name=piece, order=(), form=form))
        start += width
    return found


def attention(c: Coder, node: Node) -> None:
    """Legalise an attention: as one operation of the attention unit, or as scores in octaves, their
    exponentials, and the context scaled by each row's reciprocal."""
    for tensor in node.inputs[:3]:
        c.factor(tensor)
    made = projections(c, node)
    q, k, v = together(c, node, made) if made else [c.rows(t, "even") for t in node.inputs[:3]]
    check_right(c, k, v)
    keys = c.tensors[k.name].shape[0]
    check_scores(c, node.attributes["scores"])
    score = c.form(node.attributes["scores"], "score")
    mask = None
    if len(node.inputs) > 3:
        found = c.need(node.inputs[3], "score", range(len(c.shape(node.inputs[3]))), (keys,))
        mask = graph.Residual(b=found.name, multiplier=c.masks[node.inputs[3]])
    whole, why = attend.choice(c, node, q, k, v, score)
    if whole:
        attend.attend(c, node, q, k, v, score, mask, why)
    else:
        in_turn(c, node, q, k, v, score, mask, why)


def in_turn(
    c: Coder, node: Node, q: Coded, k: Coded, v: Coded, score: Affine, mask: graph.Residual | None, why: str
) -> None:
    """An attention as scores, their exponentials and the weighted values."""
    heads = int(node.attributes["heads"])
    rows, keys = c.tensors[q.name].shape[0], c.tensors[k.name].shape[0]
    unit = q.scale * k.scale * float(node.attributes["scale"])
    scores = c.tensor(f"{node.name}:scores", (heads, rows, keys), score)
    c.add(graph.MatMul(
        name=scores, x=q.name, w=k.name, y=scores, heads=heads, transposed=True, residual=mask,
        epilogue=c.epilogue(score, unit, coded_as(score)),
    ))  # fmt: skip
    weights, r = add_exponential(c, f"{node.name}:weights", scores, (heads, rows), why)
    y = node.outputs[0]

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        return graph.MatMul(
            name=name, x=weights, w=v.name, y=name, heads=heads, transposed=False, heads_in_x="first",
            heads_in_y="columns", row_scale=r, epilogue=c.epilogue(form, v.scale * 2.0**-22, how),
        )  # fmt: skip

    c.emit(y, (rows, c.tensors[v.name].shape[1]), c.natural(y), make)


def check_right(c: Coder, *factors: Coded) -> None:
    """BadValue where the codes of a computed right factor are no weights of the PE."""
    weight = c.p.unit.pe.weight
    if not counted.plain(c.p.unit.pe):
        allowed = f"constant: weights of {pe.kind_of(c.p.unit.pe)} stand for other numbers"
        raise check.fail("right factor", "computed", allowed)
    for w in factors:
        if not weight.holds(w.form.low, w.form.high):
            what = f"in codes of {w.form.low} to {w.form.high}"
            raise check.fail("computed right factor", what, f"a pe.weight that holds them, not {weight}")


def add_exponential(
    c: Coder, name: str, scores: str, r_shape: Shape, why: str = ""
) -> tuple[str, str]:
    """Emit an Exponential; returns its codes and reciprocals. why: see mapping.ir.graph.Exponential."""
    shape = c.tensors[scores].shape
    codes = c.tensor(name, shape, Affine(dtype="int8", scale=1.0))
    r = c.tensor(f"{name}:r", r_shape, Affine(dtype="uint16", scale=1.0))
    c.add(graph.Exponential(name=codes, x=scores, y=codes, r=r, length=shape[-1], why=why))
    return codes, r


def factor(c: Coder, tensor: str, batch: Shape) -> Coded:
    """A factor as matrices [batch, rows, width], repeated where the other factor's batch is larger."""
    shape = c.shape(tensor)
    matrix = (prod(batch), *shape[-2:])
    if prod(shape[:-2]) == prod(batch):
        found = c.need(tensor, "even", range(len(shape)), matrix)
        return found if prod(batch) > 1 else replace(found, name=c.reshaped(found.name, shape[-2:]))
    wide = (*batch, *shape[-2:])
    found = c.need(tensor, "even", range(len(shape)))
    at = np.broadcast_to(positions(shape, found), wide)
    order = tuple(axis for axis, size in enumerate(wide) if size > 1)
    found = selected(c, f"{tensor}:{'x'.join(map(str, wide))}", found, at, order)
    return replace(found, name=c.reshaped(found.name, matrix))


def computed_product(c: Coder, node: Node) -> None:
    """Legalise a MatMul of two computed factors, or by constant matrices that differ from batch to batch."""
    shape, y = c.shape(node.outputs[0]), node.outputs[0]
    batch, shapes = shape[:-2], [c.shape(t) for t in node.inputs[:2]]
    if len(node.inputs) > 3 or min(len(s) for s in shapes) < 2 or node.operator != "MatMul":
        raise check.fail("factors", [list(s) for s in shapes], "two matrices, or as many of each")
    heads, right, rank = prod(batch), node.inputs[1], len(shapes[1])
    swapped = (rank - 1, rank - 2)
    turned = heads == 1 and right not in c.network.constants and standing(c, right, "even").order == swapped
    x = factor(c, node.inputs[0], batch)
    w = c.need(right, "even", swapped) if turned else factor(c, right, batch)
    check_right(c, w)
    bias = constant_bias(c, node, shape[-1])
    function, before = function_behind(c, node)

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        e = c.epilogue(form, x.scale * w.scale, how, bias if bias.any() else 0.0)
        where = "first" if heads > 1 else "columns"
        return graph.MatMul(name=name, x=x.name, w=w.name, y=name, heads=heads, transposed=turned,
                            heads_in_x=where, heads_in_w=where, heads_in_y=where, epilogue=e)  # fmt: skip

    made = (heads, *shape[-2:]) if heads > 1 else shape[-2:]
    c.emit(y, made, c.natural(y), make, function, before)
