"""Legalisation of pools: the greatest or the mean element under a window of an image."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from golden import check
from golden.operators.pooling import elements_under, windows_of
from golden.operators.window import OperatorWindow
from mapping.ir import graph
from mapping.ir.encodings import Affine
from mapping.legalise.coder import FORMS, PASSED, Coded, Coder
from mapping.legalise.fixed import plain
from mapping.network import Node, Shape
from mapping.patterns.curves import Stage


def image(c: Coder, x: str) -> tuple[tuple[int, ...], Shape]:
    """The axes of an image [1, channels, height, width] or [1, channels, length] in its codes, and its
    extent."""
    shape = c.shape(x)
    if len(shape) not in (3, 4) or shape[0] != 1:
        raise check.fail("input", list(shape), "[1, channels, height, width] or [1, channels, length]")
    return ((2, 3, 1), shape[2:]) if len(shape) == 4 else ((0, 2, 1), (1, *shape[2:]))


def check_fits(window: OperatorWindow, spatial: Shape) -> None:
    """BadValue for a kernel that is larger than its image and the padding."""
    if min(window.out(spatial)) < 1:
        size, apart, around = (list(part) for part in (window.kernel, window.dilations, window.pads))
        what = f"{size}, dilations {apart}, pads {around}"
        raise check.fail("kernel", what, f"one that fits into {list(spatial)}")


def pool(c: Coder, node: Node) -> None:
    """Legalise MaxPool, AveragePool and their global forms."""
    x_name, y = node.inputs[0], node.outputs[0]
    axes, (height, width) = image(c, x_name)
    window, counts = over_image((height, width)), None
    if not node.operator.startswith("Global"):
        window, counts = window_of(c, node)
    reduction, counts = ("max", None) if "Max" in node.operator else ("sum", counts)
    windowed(c, y, x_name, axes, window, reduction, counts)


def window_of(c: Coder, node: Node) -> tuple[OperatorWindow, np.ndarray | None]:
    """A pool's window, and the number of elements that each mean is taken over, int64 [rows, columns]; None:
    the whole kernel everywhere."""
    a, spatial = node.attributes, c.shape(node.inputs[0])[2:]
    stated, window = windows_of(spatial, **a)
    check_fits(window, spatial)
    if any(d != 1 for d in window.dilations):
        raise check.fail("dilations", list(window.dilations), "1")
    counts = elements_under(spatial, stated, window, padding=a.get("count_include_pad", 0))
    plain = (counts == prod(window.kernel)).all()
    window = window.as_image() if len(spatial) == 1 else window
    return window, None if plain else counts.reshape(-1, counts.shape[-1])


def over_image(
    kernel: Sequence[int], strides: Sequence[int] | None = None, pads: Sequence[int] | None = None
) -> OperatorWindow:
    """A window over height and width, undilated."""
    return OperatorWindow.resolve((), kernel, strides, pads)


def windowed(
    c: Coder, y: str, x_name: str, axes: tuple[int | None, ...], window: OperatorWindow, reduction: str,
    counts: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Emit greatest elements or means under a window; axes: of height, width and channels in x, None: of
    length 1."""
    x_shape, given = c.shape(x_name), tuple(axis for axis in axes if axis is not None)
    extent = tuple(1 if axis is None else x_shape[axis] for axis in axes)
    shape = (*window.out(extent[:2]), extent[2])
    order = tuple(axis for axis, n in zip(axes, shape, strict=True) if n > 1 and axis is not None)
    if len(c.shape(y)) != len(x_shape):  # a reduction that keeps no axes: the others are numbered anew
        left = [axis for axis in c.natural(x_name) if axis in order]
        order = tuple(c.natural(y)[left.index(axis)] for axis in order)
    fixed: dict[str, Any] = {
        "reduction": reduction, "kernel": window.kernel, "strides": window.strides, "pads": window.sides
    }  # fmt: skip
    if counts is not None:
        mean_of_some(c, y, c.need(x_name, c.has(x_name), given, extent), fixed, (shape, order), counts)
        return
    if reduction == "max":
        forms = {f if f in PASSED else c.actual("half") for f in c.wanted[y]}
        there = forms & c.wanted.get(x_name, forms) or {c.has(x_name)}
        for form in sorted(there):
            x = c.need(x_name, form, given, extent)
            name = c.tensor(f"{y}:{form}", shape, x.form)
            e = plain(x.form.dtype, low=x.form.low, high=x.form.high)
            c.add(graph.Pool(name=name, x=x.name, y=name, epilogue=e, pad_value=x.form.low, **fixed))
            c.coded[y, form] = Coded(name=name, order=order, form=x.form)
        best = c.coded[y, next(form for form in FORMS if form in there)]
        for form in sorted(c.wanted[y] - there):
            c.again(y, best, form)
        return
    x = c.need(x_name, c.has(x_name), given, extent)

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        e = c.epilogue(form, x.scale / prod(window.kernel), how)
        return graph.Pool(name=name, x=x.name, y=name, epilogue=e, x_zero=x.zero, pad_value=x.zero, **fixed)

    c.emit(y, shape, order, make)


def mean_of_some(
    c: Coder, y: str, x: Coded, fixed: dict[str, Any], made: tuple[Shape, tuple[int, ...]], counts: np.ndarray
) -> None:
    """Emit means over varying numbers of elements (`counts`): sums in 16 bits, each times its own factor.

    fixed  fields of the sums' Pool       made  shape of y's codes, and the order of their axes
    """
    (shape, order), elements = made, prod(fixed["kernel"])
    least = float(counts.min())
    if least < 1:
        raise check.fail("a window's elements", 0, "1 or more beside padding")
    wanted = c.form(y, "half")
    finer = 1 if wanted.dtype == "int16" else 128  # so that a code's rounding is the last one
    unit = Affine(dtype="int16", scale=wanted.scale / finer, low=-32768, high=32767)
    name = c.tensor(f"{y}:sums", shape, unit)
    how = Stage(scale=unit.scale, fields={"low": unit.low, "high": unit.high})
    e = c.epilogue(unit, x.scale / elements, how)
    c.add(graph.Pool(
        name=name, x=x.name, y=name, epilogue=e, x_zero=x.zero, pad_value=x.zero, **fixed
    ))  # fmt: skip
    factor = Affine(dtype="int16", scale=elements / least / 32767, low=-32768, high=32767)
    codes = factor.code(elements / counts).reshape(-1, 1)
    factors = c.tensor(f"{y}:counts", codes.shape, factor, data=codes)

    def make(name: str, form: Affine, how: Stage) -> graph.Operation:
        e = c.epilogue(form, unit.scale * factor.scale * 16, how)
        return graph.Map(name=name, x=f"{y}:sums", y=name, operation="mul", b=factors, b_shift=4, epilogue=e)

    c.emit(y, shape, order, make)
