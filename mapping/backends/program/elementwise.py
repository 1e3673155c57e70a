"""Lowering of Map: element by element, in tiles of rows, or of slices of a row that is too long."""

from dataclasses import dataclass

from golden import check
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS
from golden.accelerator.map_lanes import MapOperation
from mapping.backends.program.builder import Builder, Parameters, Step
from mapping.backends.program.layout import KINDS, Place
from mapping.backends.program.scratchpad_allocation import Chunk, refuse
from mapping.backends.program.window import fine, split
from mapping.ir.graph import Map

OPERATIONS = {"copy": MapOperation.COPY, "mul": MapOperation.MUL, "add": MapOperation.ADD}


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows [row, row + rows), and of each the vectors [vector, vector + vectors)."""

    row: int
    rows: int
    vector: int
    vectors: int

    def words(self, place: Place) -> int:
        """Words of the piece in the scratchpad."""
        return self.rows * self.vectors * place.size

    def part(self, place: Place) -> tuple[float, float]:
        """As Step.part, for pieces that go through rows first, then through the next vectors of the rows."""
        end = (self.row + self.rows) / place.rows
        return end, end if self.vector + self.vectors == place.vectors else 0.0

    def move(self, place: Place) -> tuple[int, int, list[tuple[int, int, int]]]:
        """Address, words of a run, and loops of the piece, as Builder.load and Builder.store take them."""
        run = self.vectors * place.size
        address = place.address + self.row * place.row_bytes + self.vector * place.size * place.lanes
        return address, run, [(self.rows, place.row_bytes, run)]


def pieces(rows: int, vectors: int, most: int, widest: int) -> list[Piece]:
    """A tensor in pieces of at most `most` vectors: of whole rows, or of `widest` vectors of each at most."""
    if most < 1 or widest < 1:
        return []
    parts = split(vectors, min(vectors, most, widest))
    return [
        Piece(row, count, *part)
        for part in parts
        for row, count in split(rows, fine(rows, part[1], most // part[1]))
    ]


def second(x: Place, b: Place) -> str:
    """How b broadcasts with x: "row": one row for all; "whole": element by element; "spread": one number a
    row."""
    if b.rows == 1 and b.channels == x.channels:
        return "row"
    return "spread" if b.spread else "whole"


@dataclass(slots=True)
class MapLowering:
    """The lowering of one Map. parameters: by a piece's first vector."""

    builder: Builder
    op: Map
    parameters: dict[int, Parameters]
    table: list[Chunk]

    def step(self, piece: Piece) -> Step:
        """The step of one piece."""
        builder, regions = self.builder, self.builder.regions
        a = b = 0

        def load() -> None:
            nonlocal a, b
            x = builder.place(self.op.x)
            a = regions.left.take(piece.words(x))
            address, run, loops = piece.move(x)
            builder.load(address, a, run, loops)
            if self.op.b is not None:
                place = builder.place(self.op.b)
                part = self.of_b(x, place, piece)
                b = regions.b.take(part.words(place))
                address, run, loops = part.move(place)
                builder.load(address, b, run, loops)

        def work() -> None:
            self.work(piece, a, b)

        chunks = [self.parameters[piece.vector].chunk, *self.table]
        return Step(
            chunks=chunks, load=load, work=work, alike=(piece.rows, piece.vectors),
            part=piece.part(builder.place(self.op.x)),
        )  # fmt: skip

    def of_b(self, x: Place, b: Place, piece: Piece) -> Piece:
        """The part of b that a piece of x is combined with."""
        broadcast = second(x, b)
        if broadcast == "row":
            return Piece(0, 1, piece.vector, piece.vectors)
        return Piece(piece.row, piece.rows, 0, 1) if broadcast == "spread" else piece

    def work(self, piece: Piece, a: int, b: int) -> None:
        """Emit the MAP and the store behind it."""
        builder, op = self.builder, self.op
        x, y = builder.place(op.x), builder.place(op.y)
        out = builder.regions.out.take(piece.words(y))
        parameters = self.parameters[piece.vector]
        fields = {
            "a": a, "a_kind": KINDS[x.dtype], "a_unsigned": x.dtype.startswith("u"), "a_zero": op.x_zero,
            "out": out, "operation": OPERATIONS[op.operation],
            "count0": piece.rows, "a_stride0": piece.vectors * x.size, "out_stride0": piece.vectors * y.size,
            "count2": piece.vectors, "a_stride2": x.size, "out_stride2": y.size,
            **parameters.fields(piece.vector),
            **builder.epilogue_fields(op.epilogue, self.table[0] if self.table else None, y.dtype),
        }  # fmt: skip
        reads = [(a, piece.words(x)), parameters.span(piece.vector, piece.vectors)]
        if op.b is not None:
            place = builder.place(op.b)
            broadcast = second(x, place)
            row = {"row": 0, "whole": piece.vectors * place.size, "spread": place.size}[broadcast]
            fields |= {
                "b": b, "b_kind": KINDS[place.dtype], "b_unsigned": place.dtype.startswith("u"),
                "b_stride0": row, "b_stride2": 0 if broadcast == "spread" else place.size,
                "b_zero": op.b_zero, "b_multiplier": op.b_multiplier, "b_shift": op.b_shift,
            }  # fmt: skip
            reads.append((b, self.of_b(x, place, piece).words(place)))
        builder.schedule.emit(Opcode.MAP, fields, reads=reads, writes=[(out, piece.words(y))])
        address, run, loops = piece.move(y)
        builder.store(address, out, run, loops)


def lower(builder: Builder, op: Map) -> list[Step]:
    """The steps of a Map."""
    x, y = builder.place(op.x), builder.place(op.y)
    regions = builder.regions
    most = min(regions.left.words // (2 * x.size), regions.out.words // (2 * y.size))
    if op.b is not None:
        b = builder.place(op.b)
        if second(x, b) == "whole" and b.channels != x.channels:
            raise check.fail(
                f"operation {op.name}: b", f"computed, one number a row {list(b.shape)}", "a constant"
            )
        most = min(most, regions.b.words // (2 * b.size))
    found = pieces(x.rows, x.vectors, most, regions.weights.words // 2 // BLOCK_WORDS)
    if not found:
        raise refuse(op.name, "two vectors of each operand", 2 * max(x.size, y.size), regions.out.words)
    parts = {(piece.vector, piece.vectors) for piece in found}
    parameters = {part[0]: builder.parameters(op.epilogue, x.channels, part) for part in sorted(parts)}
    lowering = MapLowering(builder, op, parameters, builder.table_chunk(op.epilogue))
    return [lowering.step(piece) for piece in found]
