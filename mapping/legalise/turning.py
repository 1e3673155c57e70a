"""Orders of axes: where a tensor's elements stand in its codes, and copies of codes in another order."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from mapping.ir import graph
from mapping.network import Shape

if TYPE_CHECKING:
    from mapping.legalise.coder import Coded, Coder

FEW = 1 << 9  # elements that one product moves whole; more go by rows and by matrices


def positions(shape: Shape, found: "Coded") -> np.ndarray:
    """The place in the codes of each element, in ONNX's order of axes: int64 [shape]."""
    if found.places is not None:
        return found.places.reshape(shape)
    ordered = np.arange(prod(shape)).reshape([shape[axis] for axis in found.order])
    return ordered.transpose(np.argsort(np.array(found.order, int))).reshape(shape)


def in_order(shape: Shape, at: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """An array [shape] with its axes in the order of codes, axes of length 1 left out."""
    rest = [axis for axis in range(len(shape)) if axis not in order]
    return at.transpose([*order, *rest]).reshape([shape[axis] for axis in order] or [1])


def turned(c: "Coder", tensor: str, found: "Coded", order: tuple[int, ...]) -> "Coded":
    """The same codes with the axes in another order."""
    shape = c.shape(tensor)
    if found.places is None and prod(shape) > FEW and found.order[-1:] != order[-1:]:
        found = by_matrices(c, tensor, found, order)
    return taken(c, tensor, found, order, shape)


def taken(c: "Coder", tensor: str, found: "Coded", order: tuple[int, ...], shape: Shape) -> "Coded":
    if found.places is None and found.order == order:
        return found
    """Codes may be those of several tensors, whose axes have other names: what is taken tells them apart."""
    index = in_order(shape, positions(shape, found), order)
    key = (f"{found.name}:{index.shape}", index.tobytes())
    if key not in c.turned:
        name = plain = f"{found.name}:{'.'.join(map(str, order))}"
        while name in c.tensors:
            name = f"{plain}:{len(c.turned)}"
        c.tensor(name, index.shape, found.form)
        c.add(graph.Take(name=name, x=c.sources.get(found.name, found.name), y=name, index=index))
        c.turned[key] = replace(found, name=name, order=order, places=None)
    return replace(found, name=c.turned[key].name, order=order, places=None)


def by_matrices(c: "Coder", tensor: str, found: "Coded", order: tuple[int, ...]) -> "Coded":
    """Codes whose last axis is that of `order`: rows are moved so that only matrices have to be
    transposed."""
    last, new = found.order[-1], order[-1]
    others = tuple(axis for axis in order if axis not in (last, new))
    shape = c.shape(tensor)
    found = taken(c, tensor, found, (*others, new, last), shape)
    return taken(c, tensor, found, (*others, last, new), shape)


def selected(
    c: "Coder", y: str, found: "Coded", at: np.ndarray, order: tuple[int, ...], fill: int = 0
) -> "Coded":
    """Elements of codes as a new tensor. at: int64 [y's shape], places in the codes, -1 for `fill`."""
    index = in_order(at.shape, at, order)
    name = f"{y}:{found.name}"
    c.tensor(name, index.shape, found.form)
    source = c.sources.get(found.name, found.name)
    c.add(graph.Take(name=name, x=source, y=name, index=index, fill=fill))
    return replace(found, name=name, order=order, places=None)


def regrouped(before: Shape, after: Shape, order: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of a reshaped tensor's axes in unchanged codes; None if the codes have no such axes.

    order  of the axes of `before` that are longer than 1
    """
    new: list[int] = []
    left = list(order)
    table = {olds[0]: (olds, news) for olds, news in groups(before, after)}
    while left:
        olds, news = table.get(left[0], ([], []))
        if not olds or left[: len(olds)] != olds:
            return None
        new += news
        left = left[len(olds) :]
    return tuple(new)


def groups(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The axes longer than 1 of two shapes with the same number of elements, in the smallest groups of equal
    product."""
    olds = [axis for axis, size in enumerate(before) if size > 1]
    news = [axis for axis, size in enumerate(after) if size > 1]
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(olds):
        a, b = [olds[i]], [news[j]]
        sizes = [before[olds[i]], after[news[j]]]
        i, j = i + 1, j + 1
        while sizes[0] != sizes[1]:
            if sizes[0] < sizes[1]:
                a.append(olds[i])
                sizes[0] *= before[olds[i]]
                i += 1
            else:
                b.append(news[j])
                sizes[1] *= after[news[j]]
                j += 1
        found.append((a, b))
    return found
