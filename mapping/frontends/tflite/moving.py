"""TFLite's operators that move elements, translated to ONNX."""

from collections.abc import Callable
from math import prod

import numpy as np

from golden import check
from golden.tflite import moving
from mapping.frontends.tflite.step import OperatorStep


def reshape(step: OperatorStep) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: to the shape that the file states."""
    shape = step.result().shape
    if prod(shape) != prod(step.source(0).shape):
        raise check.fail(f"{step.where}: shape", list(shape), f"{prod(step.source(0).shape)} elements")
    step.done(step.node("Reshape", step.x(), step.value("shape", np.array(shape, np.int64)), allowzero=1))


def transpose(step: OperatorStep) -> None:
    order = step.integers(1)
    if sorted(order) != list(range(len(step.source(0).shape))):
        raise check.fail(f"{step.where}: order", order, "each axis once")
    step.done(step.node("Transpose", step.x(), perm=order))


def concatenate(step: OperatorStep) -> None:
    names = [step.x(place) for place in range(len(step.operator.inputs))]
    step.activated(step.node("Concat", *names, axis=step.options["axis"]))


def split(step: OperatorStep) -> None:
    """Equal pieces; the axis comes first."""
    pieces(step, 1, step.integers(0), [step.result(i).shape for i in range(len(step.operator.outputs))])


def split_v(step: OperatorStep) -> None:
    pieces(step, 0, step.integers(2), [step.result(i).shape for i in range(len(step.operator.outputs))])


def pieces(step: OperatorStep, x: int, axis: list[int], shapes: list[tuple[int, ...]]) -> None:
    """A Split into pieces whose sizes the file states as the results' shapes."""
    rank = len(step.source(x).shape)
    check.in_range(f"{step.where}: axis", axis[0] if axis else rank, -rank, rank - 1)
    sizes = [shape[axis[0]] for shape in shapes if len(shape) == rank]
    if len(sizes) != len(shapes) or sum(sizes) != step.source(x).shape[axis[0]]:
        whole = list(step.source(x).shape)
        raise check.fail(f"{step.where}: pieces", [list(shape) for shape in shapes], f"parts of {whole}")
    outputs = [f"{step.name}.{place}" for place in range(len(sizes))]
    inputs = [step.x(x), step.value("sizes", np.array(sizes, np.int64))]
    step.to.split(step.name, inputs, outputs, axis[0])
    for place, name in enumerate(outputs):
        step.done(name, place=place)


def strided_slice(step: OperatorStep) -> None:
    options = step.options
    for key in ("ellipsis_mask", "new_axis_mask", "offset"):
        check.in_range(f"{step.where}: {key}", int(options.pop(key)), 0, 0)
    shape = step.source(0).shape
    chosen = moving.slices(shape, step.integers(1), step.integers(2), step.integers(3), **options)
    ends = [bounds(each, size) for each, size in zip(chosen, shape, strict=False)]
    begin, end, steps = (np.array(column, np.int64) for column in zip(*ends, strict=True))
    columns = {"begin": begin, "end": end, "axes": np.arange(len(ends)), "steps": steps}
    y = step.node("Slice", step.x(), *(step.value(key, column) for key, column in columns.items()))
    if any(isinstance(each, int) for each in chosen):
        wanted = np.array(step.result().shape, np.int64)
        y = step.node("Reshape", y, step.value("shape", wanted), suffix=".shape", allowzero=1)
    step.done(y)


def bounds(chosen: slice | int, size: int) -> tuple[int, int, int]:
    """First, end and step of a selection, as ONNX's Slice takes them."""
    if isinstance(chosen, int):
        first = chosen % size if size else 0
        return first, first + 1, 1
    first, end, step = chosen.indices(size)
    return first, (-size - 1 if end < 0 else end), step


def pad(step: OperatorStep) -> None:
    amounts = np.array(step.integers(1), np.int64)
    rank = len(step.source(0).shape)
    sums = amounts.reshape(-1, 2).sum(1) if amounts.size == 2 * rank else None
    if sums is None or (amounts < 0).any() or (sums + step.source(0).shape != step.result().shape).any():
        wanted = f"what makes {list(step.result().shape)}"
        raise check.fail(f"{step.where}: paddings", amounts.tolist(), wanted)
    step.done(step.node("Pad", step.x(), step.value("pads", amounts.reshape(-1, 2).T.ravel())))


OPERATORS: dict[str, Callable[[OperatorStep], None]] = {
    "RESHAPE": reshape, "SQUEEZE": reshape, "EXPAND_DIMS": reshape, "TRANSPOSE": transpose,
    "CONCATENATION": concatenate, "SPLIT": split, "SPLIT_V": split_v, "STRIDED_SLICE": strided_slice,
    "PAD": pad,
}  # fmt: skip
