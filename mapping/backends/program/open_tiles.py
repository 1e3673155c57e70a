"""The split of a product's depth over open tiles: how a product begins with as few loaded operands as
possible.

    rows 0 .. 2 L, tiles of columns 0 and 1   pass by pass, both tiles open: each step needs one pass's
                                              operands
    the same rows, tile 2                     in two parts
    the same rows, the other tiles
    the other rows, in pieces that double; the last L of them alone, each tile stored when it is complete

Each pass of the first four tiles of L x L takes as long as loading the operands of the next pass. All later
steps find their operands loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

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
    """Consecutive tiles of columns. chunks: their weights, in order. words: from a pass to the next, and from
    a tile to the next."""

    first: int
    count: int
    chunks: list[Chunk]
    words: tuple[int, int]
    parameters: Parameters


@dataclass(slots=True)
class LeftRows:
    """Rows of the left operand.

    by_pass       whether the words of one pass, of all rows, stand together
    address, out  in the scratchpad, of the operand and of whole rows of results; -1: none yet
    """

    first: int
    count: int
    by_pass: bool = False
    address: int = -1
    out: int = -1


@dataclass(slots=True)
class OpenTilesLowering:
    """The lowering. y: the result; deep: passes of a tile; columns: tiles of columns."""

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
        rows = LeftRows(0, FIRST * lanes, by_pass=True)
        every = self.begin(rows)
        for columns in every[2:]:
            self.add(rows, columns, columns is every[-1])
        start, end = rows.count, total - min(lanes, total - rows.count)
        while start < end:
            piece = LeftRows(start, min(start, LONGEST, end - start))
            for columns in every:
                self.add(piece, columns, columns is every[-1])
            start += piece.count
        last = LeftRows(end, total - end)
        for columns in every:
            self.add(last, columns, None)
        for step in self.steps[:-1]:
            step.ahead = False
        return self.steps

    def begin(self, rows: LeftRows) -> list[Columns]:
        """The first tiles, in parts; returns all tiles of columns, of which the first two have been
        emitted."""
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
        self, rows: LeftRows, columns: Columns, chunk: Chunk, tile: int, passes: Range, opened: bool,
        more: bool,
    ) -> None:
        """A step: some passes of one tile."""

        def work() -> None:
            self.multiply(rows, columns, chunk.scratch, passes, opened, more)

        def load() -> None:
            self.load_pass(rows, passes[0])

        brings = columns.first == 0 and tile == 0
        self.steps.append(Step(chunks=[chunk], load=load if brings else nothing, work=work))

    def load_pass(self, rows: LeftRows, k: int) -> None:
        """Load the operands of a pass for some rows: one word of each row."""
        builder, x = self.builder, self.x
        if rows.address < 0:
            rows.address = builder.regions.left.take(rows.count * self.deep)
        address = x.address + rows.first * x.row_bytes + k * x.lanes
        builder.load(address, rows.address + k * rows.count, 1, [(rows.count, x.row_bytes, 1)])

    def load(self, rows: LeftRows) -> None:
        """Load whole rows."""
        if rows.address < 0:
            words = rows.count * self.deep
            rows.address = self.builder.regions.left.take(words)
            self.builder.load(self.x.address + rows.first * self.x.row_bytes, rows.address, words)

    def load_parameters(self, chunk: Chunk) -> None:
        """Load parameters into another bank than the weights, of which a word is read every cycle."""
        if chunk.scratch < 0:
            chunk.scratch = self.builder.regions.b.take(chunk.words)
            self.builder.load(self.builder.first + chunk.offset, chunk.scratch, chunk.words)

    def add(self, rows: LeftRows, columns: Columns, final: bool | None) -> None:
        """A step: rows by tiles of columns. final: True stores the whole rows, False keeps them; None stores
        these tiles' results alone."""

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

    def finish(self, rows: LeftRows, parts: tuple[Columns, ...], final: bool) -> None:
        """Emit the MAP into whole rows of results; `final`: these are then stored."""
        if rows.out < 0:
            rows.out = self.builder.regions.out.take(rows.count * self.columns * self.y.size)
        for columns in parts:
            self.load_parameters(columns.parameters.chunk)
            self.map(rows.out, self.columns, columns, rows.count, columns.first)
        if final:
            self.store(rows, 0, self.columns)

    def multiply(
        self, rows: LeftRows, columns: Columns, top: int, passes: Range, opened: bool, more: bool
    ) -> None:
        """Emit a MULTIPLY for some passes of one tile, or for all passes of all tiles."""
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
        self.builder.multiply(self.op.name, fields, reads)

    def store(self, rows: LeftRows, first: int, count: int) -> None:
        """Store results of rows, tiles of columns [first, first + count)."""
        y, words = self.y, count * self.y.size
        address = y.address + rows.first * y.row_bytes + first * y.size * y.lanes
        self.builder.store(address, rows.out, words, [(rows.count, y.row_bytes, words)])
