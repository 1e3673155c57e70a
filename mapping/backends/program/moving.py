"""Lowering of operations that move data: Gather; copies through the scratchpad for Slice, Concat and
Reshape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from golden import check
from golden.accelerator.commands import Opcode
from golden.division import ceil_div
from mapping.backends.program.aliases import Alias
from mapping.backends.program.builder import Builder, Step
from mapping.backends.program.layout import Place
from mapping.backends.program.scratchpad_allocation import refuse
from mapping.backends.program.window import split
from mapping.ir.graph import Concat, Gather, Reshape, Slice, Take


@dataclass(frozen=True, slots=True)
class Copy:
    """`count` runs of `words` words, strides in bytes; `source`, `to`: first bytes within the two tensors."""

    words: int
    count: int = 1
    stride: int = 0
    to_stride: int = 0
    source: int = 0
    to: int = 0


def copies(builder: Builder, x: str, y: str, parts: Sequence[Copy]) -> list[Step]:
    """Steps that make the copies from x to y."""
    return [copy_step(builder, x, y, piece) for part in parts for piece in pieces(builder, part)]


def pieces(builder: Builder, part: Copy) -> list[Copy]:
    """A copy in pieces, two of which fit into the region of results."""
    lanes, most = builder.lanes, builder.regions.out.words // 2
    if part.stride == part.to_stride == part.words * lanes:
        part = Copy(part.words * part.count, source=part.source, to=part.to)
    if part.words > most:
        return [
            Copy(
                words,
                source=part.source + i * part.stride + start * lanes,
                to=part.to + i * part.to_stride + start * lanes,
            )
            for i in range(part.count)
            for start, words in split(part.words, most)
        ]
    return [
        Copy(part.words, count, part.stride, part.to_stride,
             part.source + start * part.stride, part.to + start * part.to_stride)
        for start, count in split(part.count, most // part.words)
    ]  # fmt: skip


def copy_step(builder: Builder, x: str, y: str, part: Copy) -> Step:
    """The step of one piece: its load and its store."""
    buffer = 0

    def load() -> None:
        nonlocal buffer
        buffer = builder.regions.out.take(part.words * part.count)
        loops = [(part.count, part.stride, part.words)]
        builder.load(builder.place(x).address + part.source, buffer, part.words, loops)

    def work() -> None:
        loops = [(part.count, part.to_stride, part.words)]
        builder.store(builder.place(y).address + part.to, buffer, part.words, loops)

    joined = (stride == part.words * builder.lanes for stride in (part.stride, part.to_stride))
    return Step(load=load, work=work, alike=(part.words, part.count, *joined))


def copy(builder: Builder, x: str, y: str) -> list[Step]:
    """Steps that copy a whole tensor."""
    steps = copies(builder, x, y, [Copy(builder.place(x).words)])
    for step in steps:
        step.reads, step.writes = [x], [y]
    return steps


def stands_in(builder: Builder, name: str, root: str) -> bool:
    """Whether a tensor needs no copy because it stands in the other's memory."""
    own = Alias(root, 0)
    one = builder.aliases.get(name)
    return one is not None and one.root == builder.aliases.get(root, own).root


def lower_reshape(builder: Builder, op: Reshape) -> list[Step]:
    """No steps, or a copy; BadValue if elements would change lanes."""
    x, y = builder.place(op.x), builder.place(op.y)
    if stands_in(builder, op.y, op.x):
        return []
    if x.channels != y.channels and (x.channels % x.lanes or y.channels % y.lanes):
        raise check.fail(
            f"operation {op.name}: {list(x.shape)} to", list(y.shape),
            f"rows of as many channels, or of whole vectors of {x.lanes}",
        )  # fmt: skip
    return copies(builder, op.x, op.y, [Copy(x.words)])


def lower_slice(builder: Builder, op: Slice) -> list[Step]:
    """No steps, or copies of the selected rows or vectors."""
    x, y = builder.place(op.x), builder.place(op.y)
    if stands_in(builder, op.y, op.x):
        return []
    axis = op.axis % len(x.shape)
    if axis == len(x.shape) - 1:
        whole_vectors(op.name, x, op.start, op.step)
        begin = op.start // x.lanes * x.size * x.lanes
        return copies(builder, op.x, op.y, [Copy(y.row_words, x.rows, x.row_bytes, y.row_bytes, begin)])
    inner = prod(x.shape[axis + 1 : -1]) * x.row_words
    count = ceil_div(op.length, op.step)
    run = inner * x.lanes
    parts = [
        Copy(inner, count, op.step * run, run, (i * x.shape[axis] + op.start) * run, i * count * run)
        for i in range(prod(x.shape[:axis]))
    ]
    return copies(builder, op.x, op.y, parts)


def whole_vectors(name: str, x: Place, start: int, step: int) -> None:
    """BadValue unless channels from `start` on begin with a whole vector."""
    check.in_range(
        f"operation {name}: first channel modulo {x.lanes}", start % x.lanes, 0, 0, "whole vectors"
    )
    check.in_range(f"operation {name}: step along the channels", step, 1, 1)


def lower_concat(builder: Builder, op: Concat) -> list[Step]:
    """Copies of the operands that do not stand in the result's memory already."""
    y, steps, at = builder.place(op.y), [], 0
    axis = op.axis % len(y.shape)
    done: set[str] = set()
    for name in (op.x, *op.others):
        x = builder.place(name)
        if axis == len(y.shape) - 1:
            whole_vectors(op.name, x, at, 1)
            parts = [Copy(x.row_words, x.rows, x.row_bytes, y.row_bytes, 0, at // x.lanes * x.size * x.lanes)]
        else:
            inner = prod(x.shape[axis + 1 : -1]) * x.row_words
            count, run = prod(x.shape[:axis]), inner * x.lanes
            parts = [
                Copy(inner * x.shape[axis], count, x.shape[axis] * run, y.shape[axis] * run, 0, at * run)
            ]
        if name in done or not stands_in(builder, name, op.y):
            steps += copies(builder, name, op.y, parts)
        done.add(name)
        at += x.shape[axis]
    return steps


def lower_take(builder: Builder, op: Take) -> list[Step]:
    """Copies of whole rows, one copy for each stretch of rows at equal distances, in the order of the result
    or of the operand, whichever has fewer."""
    x, y = builder.place(op.x), builder.place(op.y)
    rows = op.index.reshape(y.rows, y.channels)[:, 0] // x.channels
    given = np.flatnonzero(rows >= 0)
    orders = (given, given[np.argsort(rows[given], kind="stable")])
    found = min((stretches(rows[order], order) for order in orders), key=len)
    parts = [
        Copy(x.row_words, count, step * x.row_bytes, to_step * y.row_bytes, source * x.row_bytes,
             to * y.row_bytes)
        for source, step, to, to_step, count in found
    ]  # fmt: skip
    missing = [
        filled(builder, op.y, first, count, op.fill) for first, count, _ in runs(rows) if rows[first] < 0
    ]
    return copies(builder, op.x, op.y, parts) + [step for steps in missing for step in steps]


def stretches(source: np.ndarray, to: np.ndarray) -> list[tuple[int, int, int, int, int]]:
    """(first source, its step, first target, its step, count) of the longest stretches in which both are
    equally spaced, forwards."""
    found, first = [], 0
    steps = np.stack((np.diff(source), np.diff(to)), axis=1)
    while first < len(source):
        end, step = first + 1, (0, 0)
        if end < len(source) and (steps[first] >= 0).all():
            step = int(steps[first][0]), int(steps[first][1])
            while end < len(source) and tuple(steps[end - 1]) == step:
                end += 1
        found.append((int(source[first]), step[0], int(to[first]), step[1], end - first))
        first = end
    return found


def runs(rows: np.ndarray) -> list[tuple[int, int, int]]:
    """(first, count, step) of the longest runs of equally spaced numbers; each -1 (no row) is its own run."""
    found, first = [], 0
    while first < len(rows):
        end, step = first + 1, 0
        if end < len(rows):
            step = int(rows[end] - rows[first])
        if step < 0 or (rows[first] < 0) != (rows[min(end, len(rows) - 1)] < 0):
            step, end = 0, first + 1
        else:
            while end < len(rows) and rows[end] - rows[end - 1] == step:
                end += 1
        found.append((first, end - first, step))
        first = end
    return found


def filled(builder: Builder, y: str, first: int, count: int, value: int) -> list[Step]:
    """Steps that fill the rows [first, first + count) with one byte."""
    place = builder.place(y)
    most = max(1, builder.regions.out.words // 2 // place.row_words)
    return [fill_step(builder, y, first + start, n, value) for start, n in split(count, most)]


def fill_step(builder: Builder, y: str, first: int, count: int, value: int) -> Step:
    def work() -> None:
        place = builder.place(y)
        words = count * place.row_words
        buffer = builder.regions.out.take(words)
        builder.fill(buffer, words, value)
        builder.store(place.address + first * place.row_bytes, buffer, words)

    return Step(work=work, alike=count)


def lower_gather(builder: Builder, op: Gather) -> list[Step]:
    """Steps of tiles of rows, each loading its row numbers before its rows."""
    y, room = builder.place(op.y), builder.regions.left.words
    # a tile's numbers begin with a word
    least = max(1, builder.lanes // 4)
    if y.row_words * min(least, y.rows) > room:
        raise refuse(op.name, f"{least} rows", y.row_words * least, room)
    most = max(least, room // 2 // y.row_words // least * least)
    most = min(most, builder.regions.b.words // 2 * least)
    return [gather_step(builder, op, start, min(most, y.rows - start)) for start in range(0, y.rows, most)]


def gather_step(builder: Builder, op: Gather, start: int, count: int) -> Step:
    """The step of the rows [start, start + count) of the result."""
    buffer = 0

    def load() -> None:
        nonlocal buffer
        numbers, table, y = (builder.place(name) for name in (op.i, op.x, op.y))
        words = -(-4 * count // builder.lanes)
        index = builder.regions.b.take(words)
        builder.load(numbers.address + 4 * start, index, words)
        buffer = builder.regions.left.take(count * y.row_words)
        fields = {
            "address": table.address, "scratch": buffer, "words": y.row_words, "count1": count,
            "address_stride1": table.row_bytes, "scratch_stride1": y.row_words,
            "index": index, "limit": table.rows,
        }  # fmt: skip
        span = (buffer, count * y.row_words)
        builder.schedule.emit(Opcode.GATHER, fields, reads=[(index, words)], writes=[span])

    def work() -> None:
        y = builder.place(op.y)
        builder.store(y.address + start * y.row_bytes, buffer, count * y.row_words)

    return Step(load=load, work=work, alike=count)
