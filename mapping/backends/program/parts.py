"""A product whose operands still come from memory, begun with as little of them as can be.

    rows 0 .. 2 L, tiles of columns 0 and 1   pass by pass, both tiles open: of each only what a pass needs
    these rows, tile 2                        in two parts
    these rows, the other tiles
    the other rows, in pieces that double; the last L of them alone, each tile stored when it is there

Each pass of the first four tiles of L x L takes as long as what the next one needs. All that follows finds
its operands loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS
from mapping.backends.program.builder import Builder, Parameters, Step, nothing
from mapping.backends.program.layout import Place, column_tiles, parameter_blocks, pass_words
from mapping.backends.program.scratchpad_allocation import Chunk
from mapping.ir.graph import Product

FIRST = 2  # tiles of columns that are open at once
LEAST_DEEP = 3  # passes: less, and the vector unit would not keep up with tiles one by one
LONGEST = 256  # rows of a piece
Range = tuple[int, int]  # first, count


@dataclass(slots=True)
class Columns:
    """Tiles of columns. chunks: their weights, one behind the other. words: from a pass to the next, from a
    tile to the next."""

    first: int
    count: int
    chunks: list[Chunk]
    words: tuple[int, int]
    parameters: Parameters


@dataclass(slots=True)
class Rows:
    """Rows of the left operand. by_pass: a pass's words of all rows stand together. address, out: in the
    scratchpad; out of whole rows, -1: none yet."""

    first: int
    count: int
    by_pass: bool = False
    address: int = -1
    out: int = -1


@dataclass(slots=True)
class Parts:
    """The lowering. y: the result; deep: passes; columns: tiles of them."""

    builder: Builder
    op: Product
    deep: int
    columns: int
    map: Callable[[int, int, Columns, int, int], None]
    steps: list[Step] = field(default_factory=list)

    @property
    def x(self) -> Place:
        return self.builder.place(self.op.x)

    @property
    def y(self) -> Place:
        return self.builder.place(self.op.y)

    def run(self) -> list[Step]:
        """All steps."""
        lanes, total = self.builder.lanes, self.y.rows
        rows = Rows(0, FIRST * lanes, by_pass=True)
        every = self.begin(rows)
        for columns in every[2:]:
            self.add(rows, columns, columns is every[-1])
        start, end = rows.count, total - min(lanes, total - rows.count)
        while start < end:
            piece = Rows(start, min(start, LONGEST, end - start))
            for columns in every:
                self.add(piece, columns, columns is every[-1])
            start += piece.count
        last = Rows(end, total - end)
        for columns in every:
            self.add(last, columns, None)
        for step in self.steps[:-1]:
            step.ahead = False
        return self.steps

    def begin(self, rows: Rows) -> list[Columns]:
        """The first tiles in parts; all tiles of columns, the first two of them having been emitted."""
        builder, op, each = self.builder, self.op, pass_words(self.builder.p)
        weights = column_tiles(builder.p, op.weights)
        blocks = parameter_blocks(builder.p, op.epilogue, op.weights.shape[-1])
        stride = BLOCK_WORDS if len(blocks) > 1 else 0
        chunk = builder.constants.chunk
        passes = [weights[:, k * each : (k + 1) * each] for k in range(self.deep)]
        cells = [chunk(part[tile]) for part in passes for tile in range(FIRST)]
        own = [blocks[tile : tile + 1] if stride else blocks for tile in range(self.columns)]
        own[0] = blocks[:FIRST] if stride else blocks
        parameters = [Parameters(chunk(block), 0, stride, tile) for tile, block in enumerate(own)]
        first = Columns(0, FIRST, cells, (FIRST * each, each), parameters[0])
        for number, cell in enumerate(cells):
            k, tile = divmod(number, FIRST)
            self.part(rows, first, cell, tile, (k, 1), k > 0, k < self.deep - 1)
        half = (self.deep + 1) // 2 * each
        halves = [chunk(weights[FIRST, :half]), chunk(weights[FIRST, half:])]
        second = Columns(FIRST, 1, halves, (each, 0), parameters[FIRST])
        self.part(rows, second, halves[0], 0, (0, half // each), False, True)
        self.part(rows, second, halves[1], 0, (half // each, self.deep - half // each), True, False)
        all_there = self.columns == FIRST + 1
        self.steps.append(Step(work=lambda: self.finish(rows, (first, second), all_there)))
        found = [first, second]
        for tile in range(FIRST + 1, self.columns):
            found.append(Columns(tile, 1, [chunk(weights[tile])], (each, 0), parameters[tile]))
        return found

    def part(
        self, rows: Rows, columns: Columns, chunk: Chunk, tile: int, passes: Range, opened: bool, more: bool
    ) -> None:
        """A step: some passes of a tile."""

        def work() -> None:
            self.multiply(rows, columns, chunk.scratch, passes, opened, more)

        def load() -> None:
            self.load_pass(rows, passes[0])

        brings = columns.first == 0 and tile == 0
        self.steps.append(Step(chunks=[chunk], load=load if brings else nothing, work=work))

    def load_pass(self, rows: Rows, k: int) -> None:
        """What a pass needs of some rows: a word of each."""
        builder, x = self.builder, self.x
        if rows.address < 0:
            rows.address = builder.regions.left.take(rows.count * self.deep)
        address = x.address + rows.first * x.row_bytes + k * x.lanes
        builder.load(address, rows.address + k * rows.count, 1, [(rows.count, x.row_bytes, 1)])

    def load(self, rows: Rows) -> None:
        """Whole rows."""
        if rows.address < 0:
            words = rows.count * self.deep
            rows.address = self.builder.regions.left.take(words)
            self.builder.load(self.x.address + rows.first * self.x.row_bytes, rows.address, words)

    def load_parameters(self, chunk: Chunk) -> None:
        """Into another bank than weights, which are read a word a cycle."""
        if chunk.scratch < 0:
            chunk.scratch = self.builder.regions.b.take(chunk.words)
            self.builder.load(self.builder.first + chunk.offset, chunk.scratch, chunk.words)

    def add(self, rows: Rows, columns: Columns, final: bool | None) -> None:
        """A step: rows by tiles of columns. final: store the rows; None: these results alone."""

        def work() -> None:
            assert all(
                one.scratch + one.words == two.scratch
                for one, two in zip(columns.chunks, columns.chunks[1:], strict=False)
            ), "weights one behind the other"
            self.multiply(rows, columns, columns.chunks[0].scratch, (0, self.deep), False, False)
            if final is None:
                rows.out = self.builder.regions.out.take(rows.count * columns.count * self.y.size)
                self.map(rows.out, columns.count, columns, rows.count, 0)
                self.store(rows, columns.first, columns.count)
            else:
                self.finish(rows, (columns,), final)

        self.steps.append(Step(chunks=columns.chunks, load=lambda: self.load(rows), work=work))

    def finish(self, rows: Rows, parts: tuple[Columns, ...], final: bool) -> None:
        """Results into whole rows; with the last of them, these are stored."""
        if rows.out < 0:
            rows.out = self.builder.regions.out.take(rows.count * self.columns * self.y.size)
        for columns in parts:
            self.load_parameters(columns.parameters.chunk)
            self.map(rows.out, self.columns, columns, rows.count, columns.first)
        if final:
            self.store(rows, 0, self.columns)

    def multiply(
        self, rows: Rows, columns: Columns, top: int, passes: Range, opened: bool, more: bool
    ) -> None:
        """Some passes: of one tile, or all of all."""
        first, count = passes
        tiles = 1 if opened or more else columns.count
        x, k = (1, rows.count) if rows.by_pass else (self.deep, 1)
        left, each = rows.address + first * k, pass_words(self.builder.p)
        fields = {
            "left": left, "count_x": rows.count, "stride_x": x, "count_k0": count, "stride_k0": k,
            "tiles0": tiles, "top": top, "top_row_stride": 1, "top_pass_stride": columns.words[0],
            "top_tile_stride0": columns.words[1], "open": opened, "more": more,
        }  # fmt: skip
        reads = [(left, (rows.count - 1) * x + (count - 1) * k + 1), (top, tiles * count * each)]
        self.builder.schedule.emit(Opcode.MULTIPLY, fields, reads=reads)

    def store(self, rows: Rows, first: int, count: int) -> None:
        """Results of rows, tiles of columns [first, first + count)."""
        y, words = self.y, count * self.y.size
        address = y.address + rows.first * y.row_bytes + first * y.size * y.lanes
        self.builder.store(address, rows.out, words, [(rows.count, y.row_bytes, words)])
