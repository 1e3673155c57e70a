"""Lowering of products with constant weights: convolutions, and products of rows as convolutions of 1 x 1.

A tile of results is computed for one group of columns after another; a chunk holds the weights and parameters
of a group. The outer loop runs over tiles, whose weights are loaded again for each tile unless all of them
fit, or over groups: whichever moves fewer words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS, Kind
from golden.accelerator.map_lanes import MapOperation
from golden.division import ceil_div
from golden.systolic.cycles import longest_stream
from mapping.backends.program import open_tiles
from mapping.backends.program.builder import Builder, Parameters, Step
from mapping.backends.program.layout import (
    KINDS,
    Place,
    column_tiles,
    parameter_blocks,
    pass_words,
)
from mapping.backends.program.scratchpad_allocation import Chunk, refuse
from mapping.backends.program.window import Tile, Window, split, tiles, window_of
from mapping.ir.graph import Product, Residual


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Sizes of a product.

    deep           words of a pixel
    passes         of a sum
    columns        tiles of columns
    column         words of one of them with its parameters
    out, residual  words of a vector of results, and of the residual (0: none)
    """

    deep: int
    passes: int
    columns: int
    column: int
    out: int
    residual: int


def doubling(total: int, first: int, most: int) -> list[tuple[int, int]]:
    """(start, length) of pieces: twice `first`, then each as long as all before it, up to `most`."""
    found, start = [], 0
    while start < total:
        count = min(max(first, start), most, total - start)
        found.append((start, count))
        start += count
    return found


@dataclass(slots=True)
class Group:
    """Tiles of columns [first, first + count), and the chunk that holds their weights and parameters."""

    first: int
    count: int
    chunk: Chunk
    parameters: Parameters


@dataclass(slots=True)
class ResultRows:
    """Results of a tile, all columns, that are stored together. address: in the scratchpad, -1: no buffer
    yet."""

    address: int = -1


@dataclass(slots=True)
class ProductLowering:
    """The lowering of a product."""

    builder: Builder
    op: Product
    window: Window
    sizes: Sizes
    table: list[Chunk]

    @property
    def x(self) -> Place:
        return self.builder.place(self.op.x)

    @property
    def y(self) -> Place:
        return self.builder.place(self.op.y)

    def tile_fits(self, rows: int, columns: int, share: int) -> bool:
        """Whether a tile fits: `share` of its inputs in the region of left operands, and two each of its
        buffers of results and of the residual."""
        s, regions, results = self.sizes, self.builder.regions, rows * columns
        height, width = self.window.pixels(rows, columns)
        return (
            results <= longest_stream(self.builder.p.unit)
            and share * height * width * s.deep <= regions.left.words
            and 2 * results * s.out <= regions.out.words
            and 2 * results * s.residual <= regions.b.words
        )

    def tiles(self) -> list[Tile]:
        """The tiles: a single one if it fits, else tiles of which two fit, or at least one."""
        height, width = self.window.stops
        if self.tile_fits(height, width, 1):
            return [Tile(self.window, 0, height, 0, width)]
        for share in (2, 1):
            fits = partial(self.tile_fits, share=share)
            if found := tiles(self.window, fits):
                return found
        tall, wide = self.window.pixels(1, 1)
        has = self.builder.regions.left.words
        raise refuse(self.op.name, "a result's window", tall * wide * self.sizes.deep, has)

    def group_size(self, results: int) -> int:
        """Tiles of columns in a group, for tiles of so many results."""
        s, regions = self.sizes, self.builder.regions
        if s.column > regions.weights.words:
            raise refuse(self.op.name, "a tile of columns", s.column, regions.weights.words)
        most = max(1, regions.weights.words // 4 // s.column)
        most = min(most, regions.out.words // 2 // (results * s.out))
        if s.residual:
            most = min(most, regions.b.words // 2 // (results * s.residual))
        return max(1, min(most, s.columns))

    def groups(self, parts: Sequence[tuple[int, int]]) -> list[Group]:
        """Groups with their constants, from (first, count) of tiles of columns."""
        builder, op = self.builder, self.op
        weights = column_tiles(builder.p, op.weights)
        blocks = parameter_blocks(builder.p, op.epilogue, op.weights.shape[-1])
        found = []
        for first, count in parts:
            own = blocks[first : first + count] if len(blocks) > 1 else blocks
            chunk = builder.constants.chunk(weights[first : first + count], own)
            stride = BLOCK_WORDS if len(blocks) > 1 else 0
            begin = count * weights.shape[1]
            found.append(Group(first, count, chunk, Parameters(chunk, begin, stride, first)))
        return found

    def steps(self) -> Iterable[Step]:
        """Tiles and groups in the order that moves fewer words; where no other operation runs meanwhile,
        small ones first."""
        s, found = self.sizes, self.tiles()
        if self.op.x in self.builder.network.inputs:
            if self.may_begin_in_parts():
                return self.in_parts()
            if steps := self.growing(found):
                return steps
        results = max(tile.results for tile in found)
        groups = self.groups(split(s.columns, self.group_size(results)))
        whole = sum(group.chunk.words for group in groups)
        image = self.x.words
        resident = whole <= self.builder.regions.weights.words * 3 // 4
        alike = [(tile, (tile.rows, tile.columns, tile.outside), tile.end) for tile in found]
        if resident or len(found) == 1 or whole * len(found) + image <= whole + image * len(groups):
            return (
                self.step_like(like, tile, group if resident or not number else self.again(group), number)
                for number, (tile, *like) in enumerate(alike)
                for group in groups
            )
        return (
            self.step_like(like, Tile(self.window, tile.y, tile.rows, tile.x, tile.columns), group)
            for group in groups
            for tile, *like in alike
        )

    def step_like(self, like: Sequence[Any], tile: Tile, group: Group, number: int | None = None) -> Step:
        """A step with what it is like. like: of the tile, and its end; number: of one that others share."""
        step = self.step(tile, group)
        step.alike, step.tile = (like[0], group.count), number
        step.part = like[1], like[1] if group.first + group.count == self.sizes.columns else 0.0
        return step

    def growing(self, found: list[Tile]) -> list[Step]:
        """Where all operands fit: steps over rows and columns in pieces that double, so that the first step
        needs little and each later one finds its operands loaded. Else no steps."""
        s, regions, lanes = self.sizes, self.builder.regions, self.builder.lanes
        if len(found) > 1 or not self.window.plain or s.columns * s.column > regions.weights.words * 3 // 4:
            return []
        pieces = doubling(self.window.stops[1], lanes, 256)
        rows = [Tile(self.window, 0, 1, start, count) for start, count in pieces]
        most = self.group_size(max(tile.results for tile in rows))
        groups = self.groups(doubling(s.columns, 1, most))
        order = sorted(
            ((tile, group) for tile in range(len(rows)) for group in range(len(groups))),
            key=lambda at: (max(2 * at[0], 2 * at[1] + 1 if at[1] else 0), at),
        )
        # rows go out whole; the last ones, for which all is waiting, piece by piece
        whole = 2 * self.window.stops[1] * s.columns * s.out <= regions.out.words
        together = [ResultRows() if whole else None for _ in rows[1:]] + [None]
        steps = [
            self.step(rows[tile], groups[group], together[tile], group == len(groups) - 1)
            for tile, group in order
        ]
        for step in steps[:-1]:
            step.ahead = False
        return steps

    def may_begin_in_parts(self) -> bool:
        """Whether this is the first operation, and its operands fit about twice (see `open_tiles`)."""
        s, builder, op = self.sizes, self.builder, self.op
        regions, unit, rows = builder.regions, builder.p.unit, self.window.stops[1]
        return (
            builder.network.operations[0] is op
            and self.window.plain
            and not (op.residual or self.table)
            and rows > open_tiles.FIRST * builder.lanes
            and s.columns > open_tiles.FIRST
            and s.deep >= open_tiles.LEAST_DEEP
            and s.columns * s.column <= regions.weights.words * 3 // 4
            and rows * s.deep <= regions.left.words
            and 2 * rows * s.columns * s.out <= regions.out.words
            and s.columns * BLOCK_WORDS <= regions.b.words
            and min(rows, 2 * open_tiles.FIRST**2 * builder.lanes, open_tiles.LONGEST) <= longest_stream(unit)
            and 2 * open_tiles.FIRST**2 * builder.lanes <= unit.accumulator_rows
        )

    def in_parts(self) -> list[Step]:
        """The steps of mapping.backends.program.open_tiles."""
        builder, op, size = self.builder, self.op, self.sizes.out

        def emit(out: int, width: int, columns: open_tiles.Columns, rows: int, first: int) -> None:
            fields = {
                "out": out + first * size, "count0": rows, "out_stride0": width * size,
                "count2": columns.count, "out_stride2": size, "a_kind": Kind.NONE,
                **builder.epilogue_fields(op.epilogue, None, self.y.dtype),
                **columns.parameters.fields(columns.first),
            }  # fmt: skip
            written = (rows - 1) * width * size + columns.count * size
            reads = [columns.parameters.span(columns.first, columns.count)]
            builder.schedule.emit(Opcode.MAP, fields, reads=reads, writes=[(out + first * size, written)])

        return open_tiles.OpenTilesLowering(builder, op, self.sizes.deep, self.sizes.columns, emit).run()

    def again(self, group: Group) -> Group:
        """The same group with a chunk of its own, to load its constants once more."""
        chunk, old = self.builder.constants.again(group.chunk), group.parameters
        return Group(group.first, group.count, chunk, replace(old, chunk=chunk))

    def step(self, tile: Tile, group: Group, rows: ResultRows | None = None, final: bool = True) -> Step:
        """The step of one tile of results and one group of columns. rows: buffer stored with the `final`
        group."""
        residual = -1

        def load() -> None:
            nonlocal residual
            tile.load(self.builder, self.builder.regions.left, self.x, self.op.pad_value)
            if self.op.residual:
                residual = self.load_residual(self.op.residual, tile, group)

        def work() -> None:
            self.multiply(tile, group)
            out = self.map(tile, group, residual, rows)
            if rows is None:
                self.store(tile, out, group.first, group.count)
            elif final:
                self.store(tile, rows.address, 0, self.sizes.columns)

        return Step(chunks=[group.chunk, *self.table], load=load, work=work)

    def load_residual(self, residual: Residual, tile: Tile, group: Group) -> int:
        """Load the residual of a tile of results; returns its address in the scratchpad."""
        place = self.builder.place(residual.b)
        size = place.size
        whole = place.rows == self.y.rows
        address = self.builder.regions.b.take((tile.results if whole else 1) * group.count * size)
        source = place.address + group.first * size * place.lanes
        if whole:
            width = self.window.stops[1]
            source += (tile.y * width + tile.x) * place.row_bytes
            row = group.count * size
            loops = [
                (tile.rows, width * place.row_bytes, tile.columns * row),
                (tile.columns, place.row_bytes, row),
            ]
            self.builder.load(source, address, row, loops)
        else:
            self.builder.load(source, address, group.count * size)
        return address

    def multiply(self, tile: Tile, group: Group) -> None:
        """Emit the MULTIPLY commands of a tile, one tile of columns after another."""
        s, w = self.sizes, self.window
        height, width = tile.pixels
        weights = s.passes * pass_words(self.builder.p)
        top = group.chunk.scratch
        fields = {
            "left": tile.address,
            "count_x": tile.columns, "stride_x": w.strides[1] * s.deep,
            "count_y": tile.rows, "stride_y": w.strides[0] * width * s.deep,
            "count_k0": s.deep, "stride_k0": 1,
            "count_k1": w.kernel[1], "stride_k1": w.dilations[1] * s.deep,
            "count_k2": w.kernel[0], "stride_k2": w.dilations[0] * width * s.deep,
            "tiles0": group.count, "top": top, "top_row_stride": 1,
            "top_pass_stride": pass_words(self.builder.p), "top_tile_stride0": weights,
        }  # fmt: skip
        reads = [(tile.address, height * width * s.deep), (top, group.count * weights)]
        self.builder.multiply(self.op.name, fields, reads)

    def map(self, tile: Tile, group: Group, residual: int, rows: ResultRows | None) -> int:
        """Emit the MAP commands of a tile; returns the address of its results in the scratchpad."""
        builder, size = self.builder, self.sizes.out
        row = (self.sizes.columns if rows else group.count) * size
        if rows is None:
            out = builder.regions.out.take(tile.results * row)
        else:
            if rows.address < 0:
                rows.address = builder.regions.out.take(tile.results * row)
            out = rows.address + group.first * size
        fields = {
            "out": out,
            "count0": tile.columns, "out_stride0": row,
            "count1": tile.rows, "out_stride1": tile.columns * row,
            "count2": group.count, "out_stride2": size,
            "a_kind": Kind.NONE,
            **builder.epilogue_fields(self.op.epilogue, self.table[0] if self.table else None, self.y.dtype),
            **group.parameters.fields(group.first),
        }  # fmt: skip
        reads = [group.parameters.span(group.first, group.count)]
        if self.op.residual:
            more, span = self.residual_fields(self.op.residual, tile, group, residual)
            fields |= more
            reads.append(span)
        written = (tile.results - 1) * row + group.count * size
        builder.schedule.emit(Opcode.MAP, fields, reads=reads, writes=[(out, written)])
        return out

    def store(self, tile: Tile, out: int, first: int, count: int) -> None:
        """Store results of a tile, tiles of columns [first, first + count)."""
        y, width, size = self.y, self.window.stops[1], self.sizes.out
        row = count * size
        address = y.address + (tile.y * width + tile.x) * y.row_bytes + first * size * y.lanes
        loops = [
            (tile.rows, width * y.row_bytes, tile.columns * row),
            (tile.columns, y.row_bytes, row),
        ]
        self.builder.store(address, out, row, loops)

    def residual_fields(
        self, residual: Residual, tile: Tile, group: Group, address: int
    ) -> tuple[dict[str, int], tuple[int, int]]:
        """The fields of MAP for adding a residual, and the words that MAP reads of it."""
        place = self.builder.place(residual.b)
        row = group.count * place.size
        whole = place.rows == self.y.rows
        fields = {
            "operation": MapOperation.ADD,
            "b": address, "b_kind": KINDS[place.dtype], "b_unsigned": place.dtype.startswith("u"),
            "b_stride0": row if whole else 0, "b_stride1": tile.columns * row if whole else 0,
            "b_stride2": place.size,
            "b_zero": residual.zero, "b_multiplier": residual.multiplier, "b_shift": residual.shift,
        }  # fmt: skip
        return fields, (address, (tile.results if whole else 1) * row)


def lower(builder: Builder, op: Product) -> Iterable[Step]:
    """The steps of a product."""
    x, y = builder.place(op.x), builder.place(op.y)
    kh, kw, _, n = op.weights.shape
    passes = kh * kw * x.vectors
    residual = builder.place(op.residual.b) if op.residual else None
    sizes = Sizes(
        deep=x.vectors,
        passes=passes,
        columns=ceil_div(n, x.lanes),
        column=passes * pass_words(builder.p) + BLOCK_WORDS,
        out=y.size,
        residual=residual.size if residual and residual.rows == y.rows else 0,
    )
    window = window_of(x, op, (kh, kw))
    return ProductLowering(builder, op, window, sizes, builder.table_chunk(op.epilogue)).steps()
