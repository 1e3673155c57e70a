"""Lowering of products of two computed factors, head by head, or several heads at once where they fit.

x stands in the region `left` of the scratchpad, w in region `b`: a word of w is a row of the array's weights
or, transposed, a column.
"""

from dataclasses import dataclass

from golden import check
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.map_lanes import MapOperation
from golden.division import ceil_div
from golden.systolic.cycles import longest_stream
from mapping.backends.program.builder import Builder, Loop, Parameters, Step
from mapping.backends.program.dependencies import Span
from mapping.backends.program.layout import KINDS, Place
from mapping.backends.program.scratchpad_allocation import Chunk, refuse
from mapping.backends.program.window import split
from mapping.ir.graph import MatMul

PARTS = 3  # of all heads at least, so that they overlap
Range = tuple[int, int]  # first, count


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A factor as heads.

    rows, width  of a head
    vectors      of a head's row
    first        whether heads are the tensor's first axis
    """

    name: str
    rows: int
    width: int
    vectors: int
    first: bool

    def words(self, heads: int, rows: int, vectors: int, size: int) -> int:
        """Words in the scratchpad of so many heads, rows and vectors."""
        return heads * rows * vectors * size

    def row(self, heads: int, vectors: int, size: int) -> int:
        """Words from a row to the next of the same head, in the scratchpad."""
        return vectors * size if self.first else heads * vectors * size

    def head(self, rows: int, vectors: int, size: int) -> int:
        """Words from a head to the next, in the scratchpad."""
        return rows * vectors * size if self.first else vectors * size

    def move(
        self, place: Place, heads: Range, rows: Range, vectors: Range, room: int
    ) -> tuple[int, int, list[Loop]]:
        """Address, words of a run and loops of a part; room: rows reserved for each head in the
        scratchpad."""
        size, run = place.size, vectors[1] * place.size
        vector = place.lanes * size
        if self.first:
            address = place.address + (heads[0] * self.rows + rows[0]) * place.row_bytes + vectors[0] * vector
            return address, run, [
                (heads[1], self.rows * place.row_bytes, room * run),
                (rows[1], place.row_bytes, run),
            ]  # fmt: skip
        address = place.address + rows[0] * place.row_bytes + (heads[0] * self.vectors + vectors[0]) * vector
        return address, run, [
            (rows[1], place.row_bytes, heads[1] * run),
            (heads[1], self.vectors * vector, run),
        ]  # fmt: skip


def factor(op: MatMul, place: Place, name: str, where: str) -> Factor:
    """A tensor as heads; BadValue if a head does not begin with a whole vector."""
    first = where == "first"
    width = place.channels if first else place.channels // op.heads
    if not first and op.heads > 1:
        check.in_range(
            f"operation {op.name}: width of {name}'s heads modulo {place.lanes}", width % place.lanes, 0, 0,
            "heads begin with a vector",
        )  # fmt: skip
    rows = place.rows // op.heads if first else place.rows
    return Factor(name=name, rows=rows, width=width, vectors=ceil_div(width, place.lanes), first=first)


@dataclass(slots=True)
class W:
    """A part of w.

    words    of the largest part: the room that each part takes, so that the next part fits beside it
    address  in the scratchpad, -1: not loaded
    """

    heads: Range
    columns: Range
    words: int
    address: int = -1


@dataclass(slots=True)
class MatMulLowering:
    """The lowering of x [m, k] by w [k, n], or transposed [n, k], to y [m, n] for each head. deep: vectors of
    k."""

    builder: Builder
    op: MatMul
    x: Factor
    w: Factor
    y: Factor
    parameters: Parameters
    table: list[Chunk]

    @property
    def lanes(self) -> int:
        return self.builder.lanes

    @property
    def deep(self) -> int:
        return self.x.vectors

    def w_rows(self, columns: int) -> int:
        """Rows of a part of w, whole passes."""
        return (columns if self.op.transposed else self.deep) * self.lanes

    def w_vectors(self, columns: int) -> int:
        """Vectors of a row of a part of w."""
        return self.deep if self.op.transposed else columns

    def fits(self, heads: int, rows: int, columns: int) -> bool:
        """Whether the scratchpad holds two sets of buffers of such a tile."""
        regions, y = self.builder.regions, self.builder.place(self.op.y)
        b = heads * self.w_rows(columns) * self.w_vectors(columns)
        if self.op.row_scale:
            b += heads * rows * 2
        if self.op.residual:
            b += columns * self.builder.place(self.op.residual.b).size
        return (
            rows <= longest_stream(self.builder.p.unit)
            and 2 * heads * rows * self.deep <= regions.left.words
            and 2 * b <= regions.b.words
            and 2 * heads * rows * columns * y.size <= regions.out.words
        )

    def tiling(self) -> tuple[int, int, int]:
        """Heads, rows, columns (vectors) of a tile: as many columns as fit, then rows, then heads."""
        heads, rows, columns = 1, self.x.rows, self.y.vectors
        least = min(rows, self.lanes)
        while columns > 1 and not self.fits(1, least, columns):
            columns = ceil_div(columns, 2)
        while rows > 1 and not self.fits(1, rows, columns):
            rows = ceil_div(rows, 2)
        if not self.fits(1, rows, columns):
            need = 2 * (self.w_rows(columns) * self.w_vectors(columns) + 2)
            raise refuse(self.op.name, "twice a tile of w", need, self.builder.regions.b.words)
        if rows == self.x.rows and columns == self.y.vectors:
            most = ceil_div(self.op.heads, PARTS)
            while heads < most and self.fits(heads + 1, rows, columns):
                heads += 1
        return heads, rows, columns

    def steps(self) -> list[Step]:
        """The steps, over heads, columns and rows, these innermost: a part of w stays for all rows."""
        heads, rows, columns = self.tiling()
        ranges = [(h, c) for h in split(self.op.heads, heads) for c in split(self.y.vectors, columns)]
        words = max(h[1] * self.w_rows(c[1]) * self.w_vectors(c[1]) for h, c in ranges)
        parts = [W(h, c, words) for h, c in ranges]
        return [
            self.step(number, w, part)
            for number, w in enumerate(parts)
            for part in split(self.x.rows, rows)
        ]

    def step(self, number: int, w: W, rows: Range) -> Step:
        """The step of one tile. number: of the part of w."""
        x = b = 0

        def load() -> None:
            nonlocal x, b
            regions, place = self.builder.regions, self.builder.place(self.op.x)
            if w.address < 0:
                self.load_w(w)
            x = regions.left.take(w.heads[1] * rows[1] * self.deep)
            address, run, loops = self.x.move(place, w.heads, rows, (0, self.deep), rows[1])
            self.builder.load(address, x, run, loops)
            b = self.load_b(w, rows)

        def work() -> None:
            self.multiply(w, rows, x)
            self.map(w, rows, b)

        ends = w.columns[0] + w.columns[1] == self.y.vectors  # there may be less of w
        alike = (w.heads[1], w.columns[1], ends, rows[1])
        chunks = [self.parameters.chunk, *self.table]
        return Step(chunks=chunks, load=load, work=work, alike=alike, tile=number)

    def load_w(self, w: W) -> None:
        """Load a part of w; rows that only fill up a pass are 0."""
        builder, place = self.builder, self.builder.place(self.op.w)
        heads, columns = w.heads[1], w.columns[1]
        room, vectors = self.w_rows(columns), self.w_vectors(columns)
        w.address = builder.regions.b.take_twice(w.words)
        builder.regions.b.hold(w.address, w.words)
        if self.op.transposed:
            first = w.columns[0] * self.lanes
            rows, wanted = (first, min(room, self.w.rows - first)), (0, vectors)
        else:
            rows, wanted = (0, self.w.rows), w.columns
        row, head = self.w.row(heads, vectors, 1), self.w.head(room, vectors, 1)
        missing = w.address + rows[1] * row
        if self.w.first:
            builder.fill(missing, (room - rows[1]) * row, 0, [(heads, head)])
        else:
            builder.fill(missing, (room - rows[1]) * row, 0)
        address, run, loops = self.w.move(place, w.heads, rows, wanted, room)
        builder.load(address, w.address, run, loops)

    def load_b(self, w: W, rows: Range) -> int:
        """Load the rows' scales, or the residual; returns its address."""
        builder = self.builder
        if self.op.row_scale:
            r, count = builder.place(self.op.row_scale), w.heads[1] * rows[1] * 2
            address = builder.regions.b.take(count)
            source = r.address + (w.heads[0] * self.x.rows + rows[0]) * r.row_bytes
            loops = [(w.heads[1], self.x.rows * r.row_bytes, rows[1] * 2)]
            builder.load(source, address, rows[1] * 2, loops)
            return address
        if self.op.residual:
            place = builder.place(self.op.residual.b)
            words = w.columns[1] * place.size
            address = builder.regions.b.take(words)
            builder.load(place.address + w.columns[0] * place.size * self.lanes, address, words)
            return address
        return 0

    def multiply(self, w: W, rows: Range, x: int) -> None:
        """Emit the MULTIPLY commands: all columns of a head, then the next head."""
        heads, columns = w.heads[1], w.columns[1]
        room, vectors = self.w_rows(columns), self.w_vectors(columns)
        row = self.w.row(heads, vectors, 1)
        turned = self.op.transposed
        fields = {
            "left": x, "count_x": rows[1], "stride_x": self.x.row(heads, self.deep, 1),
            "count_k0": self.deep, "stride_k0": 1,
            "tiles0": columns, "tiles1": heads, "left_tile_stride1": self.x.head(rows[1], self.deep, 1),
            "top": w.address, "top_row_stride": row,
            "top_pass_stride": 1 if turned else self.lanes * row,
            "top_tile_stride0": self.lanes * row if turned else 1,
            "top_tile_stride1": self.w.head(room, vectors, 1), "transpose": turned,
        }  # fmt: skip
        reads: list[Span] = [(x, heads * rows[1] * self.deep), (w.address, heads * room * vectors)]
        self.builder.multiply(self.op.name, fields, reads)

    def map(self, w: W, rows: Range, b: int) -> None:
        """Emit the MAP commands and the stores."""
        builder, op, y = self.builder, self.op, self.builder.place(self.op.y)
        heads, columns = w.heads[1], w.columns[1]
        words = heads * rows[1] * columns * y.size
        out = builder.regions.out.take(words)
        fields = {
            "out": out, "a_kind": Kind.NONE,
            "count0": rows[1], "out_stride0": self.y.row(heads, columns, y.size),
            "count2": columns, "out_stride2": y.size,
            "count3": heads, "out_stride3": self.y.head(rows[1], columns, y.size),
            **self.parameters.fields(w.columns[0]),
            **builder.epilogue_fields(op.epilogue, self.table[0] if self.table else None, y.dtype),
        }  # fmt: skip
        reads = [self.parameters.span(*w.columns)]
        if op.row_scale:
            fields |= {
                "operation": MapOperation.MUL, "b": b, "b_kind": Kind.HALF, "b_unsigned": 1,
                "b_stride0": 2, "b_stride3": 2 * rows[1], "b_shift": op.row_shift,
            }  # fmt: skip
            reads.append((b, heads * rows[1] * 2))
        if op.residual:
            place, r = builder.place(op.residual.b), op.residual
            fields |= {
                "operation": MapOperation.ADD, "b": b, "b_kind": KINDS[place.dtype],
                "b_unsigned": place.dtype.startswith("u"), "b_stride2": place.size,
                "b_zero": r.zero, "b_multiplier": r.multiplier, "b_shift": r.shift,
            }  # fmt: skip
            reads.append((b, columns * place.size))
        builder.schedule.emit(Opcode.MAP, fields, reads=reads, writes=[(out, words)])
        address, run, loops = self.y.move(y, w.heads, rows, w.columns, rows[1])
        builder.store(address, out, run, loops)


def lower(builder: Builder, op: MatMul) -> list[Step]:
    """The steps of a product of computed factors."""
    places = [builder.place(name) for name in (op.x, op.w, op.y)]
    x, w, y = (
        factor(op, place, name, where)
        for name, place, where in zip(
            "xwy", places, (op.heads_in_x, op.heads_in_w, op.heads_in_y), strict=True
        )
    )
    parameters = builder.parameters(op.epilogue, y.width)
    table = builder.table_chunk(op.epilogue)
    return MatMulLowering(builder, op, x, w, y, parameters, table).steps()
