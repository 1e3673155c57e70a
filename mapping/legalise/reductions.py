"""Legalisation of reductions over any axes: a window of the vector unit over all elements reduced."""

from math import prod
from typing import Any

from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.coder import Coded, Coder, standing
from mapping.legalise.fixed import plain
from mapping.legalise.moving import move
from mapping.legalise.pooling import over_image, windowed
from mapping.network import Node, Shape
from mapping.passes.rewrite import reduced_axes
from mapping.patterns.curves import Stage


def axes_of(c: Coder, node: Node) -> list[int]:
    return reduced_axes(node, len(c.shape(node.inputs[0])), c.network.constants)


def reduce(c: Coder, node: Node) -> None:
    """Legalise ReduceSum, ReduceMean and ReduceMax by a window over all elements reduced."""
    x, shape, every = node.inputs[0], c.shape(node.inputs[0]), axes_of(c, node)
    axes = [axis for axis in every if shape[axis] > 1]
    if not axes:
        move(c, node)
        return
    form = c.has(x) if node.operator == "ReduceMean" else "half"
    order = standing(c, x, form).order
    at = [order.index(axis) for axis in axes]
    if node.operator == "ReduceSum" or len(order) > 3 or len(order) - 1 in at:
        over_rows(c, node, every, form)
        return
    full = order if len(order) == 3 else (None, *order)
    kernel = [shape[axis] if axis in axes else 1 for axis in full[:2]]
    reduction = "sum" if node.operator == "ReduceMean" else "max"
    windowed(c, node.outputs[0], x, full, over_image(kernel), reduction)


def over_rows(c: Coder, node: Node, axes: list[int], form: str) -> None:
    """A reduction over any axes: these are turned to the front, as the rows of an image of their total
    length."""
    x_name, y, shape = node.inputs[0], node.outputs[0], c.shape(node.inputs[0])
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    last = next((axis for axis in reversed(rest) if shape[axis] > 1), -1)
    width = shape[last] if last >= 0 else 1
    high = prod(shape[axis] for axis in axes)
    image = (high, prod(shape) // high // width, width)
    x = c.need(x_name, form, (*axes, *rest), image)
    keeps = len(c.shape(y)) == len(shape)
    order = tuple(
        axis if keeps else rest.index(axis) for axis in rest if shape[axis] > 1
    )
    fixed: dict[str, Any] = {"kernel": (high, 1)}
    if node.operator == "ReduceMax":
        greatest(c, y, x, (1, *image[1:]), order, fixed)
        return
    count = high if node.operator == "ReduceMean" else 1

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        e = c.epilogue(form, x.scale / count, how)
        return graph.Pool(
            name=name, x=x.name, y=name, reduction="sum", epilogue=e, x_zero=x.zero, pad_value=x.zero, **fixed
        )

    c.emit(y, (1, *image[1:]), order, make)


def greatest(
    c: Coder, y: str, x: Coded, shape: Shape, order: tuple[int, ...], fixed: dict[str, Any]
) -> None:
    """Emit the greatest codes, in the form that x has."""
    name = c.tensor(f"{y}:greatest", shape, x.form)
    e = plain(x.form.dtype, low=x.form.low, high=x.form.high)
    c.add(graph.Pool(name=name, x=x.name, y=name, reduction="max", epilogue=e, pad_value=x.form.low, **fixed))
    made = Coded(name=name, order=order, form=x.form)
    for form in sorted(c.wanted[y]):
        if form == "half" and x.form.dtype == "int16":
            c.coded[y, form] = made
        else:
            c.again(y, made, form)
