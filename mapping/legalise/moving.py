"""Legalisation of operators that move or select codes: reshapes, slices, concatenations, gathers."""

from math import prod

import numpy as np

from golden import check, operators
from golden.division import ceil_div
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.coder import PASSED, Coded, Coder, computed, standing
from mapping.legalise.turning import positions, regrouped, selected
from mapping.network import Node
from mapping.patterns.curves import Stage
from mapping.patterns.subgraphs import permutation
from mapping.unknown import reals


def move(c: Coder, node: Node) -> None:
    """Legalise Reshape and its like: the same codes."""
    x, y = node.inputs[0], node.outputs[0]
    for form in sorted(c.wanted[y]):
        found = placed(c, x, form)
        order = None if found.places is not None else regrouped(c.shape(x), c.shape(y), found.order)
        if order is not None:
            c.alias(y, found, form, order)
        else:
            at = positions(c.shape(x), found).ravel()
            c.alias(y, found, form, c.natural(y), places=at)


def placed(c: Coder, x: str, form: str) -> Coded:
    """The tensor's codes in a form, its elements in any places."""
    return c.coded.get((x, c.actual(form))) or standing(c, x, form)


def transpose(c: Coder, node: Node) -> None:
    """Legalise a Transpose: the same codes, whose axes are named in another order."""
    x, y = node.inputs[0], node.outputs[0]
    perm = permutation(c.network, node)
    for form in sorted(c.wanted[y]):
        if (x, form) not in c.coded and x in c.network.inputs:
            continue  # an input of the network: placed by its first reader, see Coder.place_turned
        found = placed(c, x, form)
        places = None
        if found.places is not None:
            places = positions(c.shape(x), found).transpose(perm).ravel()
        c.alias(y, found, form, tuple(perm.index(axis) for axis in found.order), places=places)


def gather(c: Coder, node: Node) -> None:
    table, index = node.inputs[:2]
    y = node.outputs[0]
    if index in c.network.constants:
        rearrange(c, node)
        return
    if table not in c.network.constants or node.attributes.get("axis", 0) or len(c.shape(table)) != 2:
        raise check.fail("table", list(c.shape(table)), "a constant [rows, channels], gathered along axis 0")
    n = prod(c.shape(index))
    numbers = c.need(index, "index", range(len(c.shape(index))), (n,))
    value = reals(c.network.constants[table])

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        rows = c.tensor(f"{name}:table", value.shape, form, data=form.code(value))
        return graph.Gather(name=name, x=rows, i=numbers.name, y=name)

    c.emit(y, (n, value.shape[1]), c.natural(y), make)


def rearrange(c: Coder, node: Node) -> None:
    """Legalise an operator that moves elements as constants say: each result is an element of x, or a
    constant."""
    x, y = node.inputs[0], node.outputs[0]
    check_resize(node)
    for tensor in node.inputs[1:]:
        if tensor and tensor not in c.network.constants:
            raise check.fail(f"input {tensor}", "computed", "a constant")
    for form in sorted({f if f in PASSED else c.actual("half") for f in c.wanted[y]}):
        found = filled(c, node, form)
        at = moved(c, node, positions(c.shape(x), found) + 1) - 1
        order = tuple(axis for axis in found.order if len(c.shape(x)) == at.ndim and at.shape[axis] > 1)
        order = (*(axis for axis in c.natural(y) if axis not in order), *order)
        fill = int(found.form.code(np.array(put(c, node) or 0.0)))
        c.coded[y, form] = selected(c, y, found, at, order, fill)
    for form in sorted(c.wanted[y] - set(PASSED)):
        c.again(y, c.coded[y, c.actual("half")], form)


def check_resize(node: Node) -> None:
    """BadValue for a Resize that interpolates between elements."""
    if node.operator == "Resize":
        check.one_of("attribute mode", node.attributes.get("mode", "nearest"), ("nearest",))


def filled(c: Coder, node: Node, form: str) -> Coded:
    """The first input in codes that also hold the constant that the node puts beside its elements."""
    x, y = node.inputs[0], node.outputs[0]
    found = placed(c, x, form)
    value, out = put(c, node), c.form(y, form)
    if c.given or value is None:
        return found
    held = (int(found.form.code(np.array(value))) - found.zero) * found.scale
    if abs(held - value) <= found.scale / 2:
        return found
    return c.recoded(f"{y}:{form}:wide", found, out)


def put(c: Coder, node: Node) -> float | None:
    """The constant that a Pad or a Resize puts where there is no element; None if it has none."""
    if fills(node):
        return float(c.network.constants[node.inputs[2]].item())
    if node.operator == "Resize" and "extrapolation_value" in node.attributes:
        return float(node.attributes["extrapolation_value"])
    return None


def fills(node: Node) -> bool:
    """Whether a Pad has a constant to pad with."""
    return node.operator == "Pad" and len(node.inputs) > 2 and bool(node.inputs[2])


def moved(c: Coder, node: Node, numbers: np.ndarray) -> np.ndarray:
    """The node applied to the numbers 1, 2, ... in place of its first input's elements; 0 marks its own
    constant."""
    given = [c.network.constants[t] if t else None for t in node.inputs[1:]]
    if fills(node):
        given[1] = np.zeros((), numbers.dtype)
    attributes = {key: value for key, value in node.attributes.items() if key != "extrapolation_value"}
    return np.asarray(operators.evaluate(node.operator, [numbers, *given], attributes)[0])


def cut(c: Coder, node: Node) -> None:
    """Legalise Split, and Slice with constant bounds along one axis."""
    x, shape = node.inputs[0], c.shape(node.inputs[0])
    pieces: list[tuple[str, int, int, int, int]] = []
    if node.operator == "Split":
        axis, start = int(node.attributes.get("axis", 0)) % len(shape), 0
        for out in node.outputs:
            pieces.append((out, axis, start, c.shape(out)[axis], 1))
            start += c.shape(out)[axis]
    else:
        given = [c.network.constants[t].ravel().tolist() if t else [] for t in node.inputs[1:]]
        starts, ends, axes, steps = (*given, [], [])[:4]
        axes, steps = axes or list(range(len(starts))), steps or [1] * len(starts)
        for first, last, axis, step in zip(starts, ends, axes, steps, strict=True):
            bounds = slice(first, last, step).indices(shape[axis])
            if bounds[2] < 0:
                rearrange(c, node)
                return
            if len(range(*bounds)) != shape[axis]:
                start, stop, step = bounds
                pieces.append((node.outputs[0], axis % len(shape), start, stop - start, step))
    if node.operator == "Slice" and len(pieces) != 1:
        rearrange(c, node)
        return
    for y, axis, start, length, step in pieces:
        wanted = c.wanted.get(y, set())
        for form in sorted({f if f in PASSED else c.actual("half") for f in wanted}):
            found = standing(c, x, form)
            if axis not in found.order:  # of length 1, and taken whole
                c.coded[y, form] = found
                continue
            sizes = tuple(shape[i] for i in found.order)
            source = c.reshaped(found.name, sizes)
            at = found.order.index(axis)
            count = ceil_div(length, step)
            name = c.tensor(f"{y}:{form}", (*sizes[:at], count, *sizes[at + 1 :]), found.form)
            c.add(graph.Slice(name=name, x=source, y=name, axis=at, start=start, length=length, step=step))
            order = tuple(i for i in found.order if c.shape(y)[i] > 1)
            c.coded[y, form] = Coded(name=name, order=order, form=found.form)
        for form in sorted(wanted - set(PASSED)):
            c.again(y, c.coded[y, c.actual("half")], form)


def concat(c: Coder, node: Node) -> None:
    y = node.outputs[0]
    axis = int(node.attributes["axis"]) % len(c.shape(y))
    for form in [c.actual("byte")] if c.given else sorted(c.wanted[y]):
        out = c.form(y, form)
        order = next((standing(c, t, form).order for t in computed(c, node, *range(len(node.inputs)))), ())
        order = tuple(i for i in order if i != axis) if axis not in order else order
        full = order if axis in order else tuple(sorted((*order, axis)))
        names = []
        for i, tensor in enumerate(node.inputs):
            shape = tuple(c.shape(tensor)[j] for j in full)
            if tensor in c.network.constants:
                value = c.network.constants[tensor].astype(np.float64)
                axes = (*full, *(j for j in range(value.ndim) if j not in full))
                codes = out.code(value.transpose(axes).reshape(shape))
                names.append(c.tensor(f"{y}:{form}:{i}", shape, out, data=codes))
                continue
            found = c.need(tensor, form, full)
            if (found.scale, found.zero) != (out.scale, out.zero):
                found = c.recoded(f"{y}:{form}:{i}", found, out)
            names.append(found.name)
        name = c.tensor(f"{y}:{form}", tuple(c.shape(y)[j] for j in full), out)
        c.add(graph.Concat(name=name, x=names[0], others=tuple(names[1:]), axis=full.index(axis), y=name))
        c.coded[y, form] = Coded(name=name, order=tuple(j for j in full if c.shape(y)[j] > 1), form=out)
    for form in sorted(c.wanted[y]) if c.given else ():
        if (y, form) not in c.coded:
            c.again(y, c.coded[y, c.actual("byte")], form)
