"""Depthwise convolutions and pooling: a window's elements are summed, or their greatest taken, lane by lane.

MAP reduces over the window (loops 0 and 1); its other two loops run over a row of results and the vectors of
a pixel, or over rows and columns of results for one vector: whichever takes fewer commands.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS, Kind
from golden.accelerator.map_lanes import MapOperation
from mapping.backends.program.builder import Builder, Parameters, Step
from mapping.backends.program.layout import KINDS, Place, parameter_blocks, rows_as_words
from mapping.backends.program.scratchpad_allocation import Chunk, refuse
from mapping.backends.program.window import Tile, Window, split, tiles, window_of
from mapping.ir.graph import Depthwise, Epilogue, Pool


@dataclass(frozen=True, slots=True)
class PixelPart:
    """The vectors [first, first + count) of each pixel; the chunk of parameters begins with their weights."""

    first: int
    count: int
    parameters: Parameters


@dataclass(slots=True)
class Lowering:
    """The lowering of a windowed reduction.

    weights  words [elements of the window, vectors, lanes] of bytes, or None
    front    the fields of MAP that select the reduction
    """

    builder: Builder
    name: str
    x: str
    y: str
    epilogue: Epilogue
    window: Window
    pad: int
    front: dict[str, int]
    table: list[Chunk]
    weights: np.ndarray | None = None

    def steps(self) -> list[Step]:
        """Steps over all vectors of a pixel together, or over as many as fit."""
        x, regions = self.builder.place(self.x), self.builder.regions
        for share in (2, 1):
            for count in range(x.vectors, 0, -1):
                fits = partial(self.fits, count=count, share=share)
                if found := tiles(self.window, fits):
                    parts = self.parts(count)
                    return [
                        self.step(Tile(self.window, tile.y, tile.rows, tile.x, tile.columns), part, parts[-1])
                        for part in parts
                        for tile in found
                    ]
        tall, wide = self.window.pixels(1, 1)
        raise refuse(self.name, "a vector's window", tall * wide * x.size, regions.left.words)

    def fits(self, rows: int, columns: int, *, count: int, share: int) -> bool:
        """Whether a tile of results, of `count` vectors each, fits `share` times."""
        x, y, regions = self.builder.place(self.x), self.builder.place(self.y), self.builder.regions
        height, width = self.window.pixels(rows, columns)
        return (
            share * height * width * count * x.size <= regions.left.words
            and share * rows * columns * count * y.size <= regions.out.words
            and share * count * (len(self.taps) + BLOCK_WORDS) <= regions.weights.words
        )

    @property
    def taps(self) -> np.ndarray:
        """The weights as constants, or none."""
        return np.zeros((0, 0, 0)) if self.weights is None else self.weights

    def parts(self, most: int) -> list[PixelPart]:
        """All vectors of a pixel, at most so many at once, with their constants."""
        x, constants = self.builder.place(self.x), self.builder.constants
        blocks = parameter_blocks(self.builder.p, self.epilogue, x.channels)
        stride = BLOCK_WORDS if len(blocks) > 1 else 0
        found = []
        for first, count in split(x.vectors, most):
            own = [blocks[first : first + count] if stride else blocks]
            if self.weights is not None:
                own.insert(0, self.weights[:, first : first + count])
            chunk = constants.chunk(*own)
            found.append(PixelPart(first, count, Parameters(chunk, len(self.taps) * count, stride, first)))
        return found

    def step(self, tile: Tile, part: PixelPart, last: PixelPart) -> Step:
        """The step of one tile of results and some vectors of each pixel; `last`: the last part of all."""

        def load() -> None:
            x = self.builder.place(self.x)
            tile.load(self.builder, self.builder.regions.left, x, self.pad, (part.first, part.count))

        def work() -> None:
            self.work(tile, part)

        return Step(
            chunks=[part.parameters.chunk, *self.table], load=load, work=work,
            alike=(tile.rows, tile.columns, tile.outside, part.count),
            part=(tile.end, tile.end if part is last else 0.0),
        )  # fmt: skip

    def work(self, tile: Tile, part: PixelPart) -> None:
        """Emit the MAP commands, then the store."""
        builder, y = self.builder, self.builder.place(self.y)
        first, count = part.first, part.count
        words = tile.results * count * y.size
        out = builder.regions.out.take(words)
        table = self.table[0] if self.table else None
        common = self.front | builder.epilogue_fields(self.epilogue, table, y.dtype)
        for row in range(tile.rows) if tile.rows <= count else ():
            self.map(tile, part, out, words, common | self.by_row(tile, part, out, row), first, count)
        for vector in range(count) if tile.rows > count else ():
            fields = common | self.by_vector(tile, part, out, vector)
            self.map(tile, part, out, words, fields, first + vector, 1)
        run, width = count * y.size, self.window.stops[1]
        address = y.address + (tile.y * width + tile.x) * y.row_bytes + first * y.size * y.lanes
        loops = [(tile.rows, width * y.row_bytes, tile.columns * run), (tile.columns, y.row_bytes, run)]
        builder.store(address, out, run, loops)

    def map(
        self, tile: Tile, part: PixelPart, out: int, words: int, fields: dict[str, int],
        vector: int, vectors: int,
    ) -> None:  # fmt: skip
        """Emit one MAP, for some vectors."""
        x, (height, width) = self.builder.place(self.x), tile.pixels
        reads = [(tile.address, height * width * part.count * x.size), part.parameters.span(vector, vectors)]
        if self.weights is not None:
            reads.append((part.parameters.chunk.scratch, len(self.taps) * part.count))
        self.builder.schedule.emit(Opcode.MAP, fields, reads=reads, writes=[(out, words)])

    def walks(self, tile: Tile, count: int) -> dict[str, int]:
        """The loops over the window, and over a row of results."""
        x, y, w = self.builder.place(self.x), self.builder.place(self.y), self.window
        pixel, width = count * x.size, tile.pixels[1]
        return {
            "count0": w.kernel[1], "a_stride0": w.dilations[1] * pixel, "b_stride0": count,
            "count1": w.kernel[0], "a_stride1": w.dilations[0] * width * pixel,
            "b_stride1": w.kernel[1] * count,
            "count2": tile.columns, "a_stride2": w.strides[1] * pixel, "out_stride2": count * y.size,
        }  # fmt: skip

    def by_row(self, tile: Tile, part: PixelPart, out: int, row: int) -> dict[str, int]:
        """Emit a MAP for a row of results, all vectors."""
        x, y = self.builder.place(self.x), self.builder.place(self.y)
        first, count = part.first, part.count
        pixel, width = count * x.size, tile.pixels[1]
        return self.walks(tile, count) | {
            "a": tile.address + row * self.window.strides[0] * width * pixel,
            "b": part.parameters.chunk.scratch,
            "out": out + row * tile.columns * count * y.size,
            "count3": count, "a_stride3": x.size, "b_stride3": 1, "out_stride3": y.size,
            **part.parameters.fields(first), "p_loop": 1,
        }  # fmt: skip

    def by_vector(self, tile: Tile, part: PixelPart, out: int, vector: int) -> dict[str, int]:
        """Emit a MAP for all results, one vector."""
        x, y = self.builder.place(self.x), self.builder.place(self.y)
        first, count = part.first, part.count
        pixel, width = count * x.size, tile.pixels[1]
        return self.walks(tile, count) | {
            "a": tile.address + vector * x.size,
            "b": part.parameters.chunk.scratch + vector,
            "out": out + vector * y.size,
            "count3": tile.rows, "a_stride3": self.window.strides[0] * width * pixel, "b_stride3": 0,
            "out_stride3": tile.columns * count * y.size,
            **part.parameters.fields(first + vector), "p_stride": 0,
        }  # fmt: skip


def operand(x: Place, zero: int) -> dict[str, int]:
    """The fields of the first operand."""
    return {"a_kind": KINDS[x.dtype], "a_unsigned": x.dtype.startswith("u"), "a_zero": zero, "reduce": 1}


def lower_depthwise(builder: Builder, op: Depthwise) -> list[Step]:
    """The steps of a depthwise convolution."""
    x = builder.place(op.x)
    kh, kw, c = op.weights.shape
    weights = rows_as_words(builder.p, op.weights.reshape(-1, c), "int8").reshape(kh * kw, -1, x.lanes)
    front = operand(x, op.x_zero) | {"operation": MapOperation.MUL, "b_kind": Kind.BYTE}
    window = window_of(x, op, (kh, kw))
    return Lowering(
        builder, op.name, op.x, op.y, op.epilogue, window, op.pad_value, front,
        builder.table_chunk(op.epilogue), weights,
    ).steps()  # fmt: skip


def lower_pool(builder: Builder, op: Pool) -> list[Step]:
    """The steps of pooling."""
    x = builder.place(op.x)
    operation = MapOperation.MAX if op.reduction == "max" else MapOperation.COPY
    front = operand(x, op.x_zero) | {"operation": operation}
    window = window_of(x, op, op.kernel)
    return Lowering(
        builder, op.name, op.x, op.y, op.epilogue, window, op.pad_value, front,
        builder.table_chunk(op.epilogue),
    ).steps()  # fmt: skip
