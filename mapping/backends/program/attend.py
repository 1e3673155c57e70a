"""Lowering of attention to ATTEND: some heads at a time, all their keys, some of their rows.

Keys stand in the region `left` of the scratchpad, values and the mask in `b`, queries in `out` beside the
results: keys and values are read in every cycle, each in banks of their own.
"""

from dataclasses import dataclass

from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from golden.division import ceil_div
from mapping.backends.program.builder import Builder, Step
from mapping.backends.program.dependencies import Span
from mapping.backends.program.matmul import PARTS, Range
from mapping.backends.program.scratchpad_allocation import Regions, refuse
from mapping.backends.program.window import split
from mapping.ir.graph import Attend

MASK_WORDS = 2  # of a vector of the mask


@dataclass(slots=True)
class Standing:
    """Keys, values and mask of some heads: addresses in the scratchpad, -1 where they are not loaded."""

    heads: Range
    k: int = -1
    v: int = -1
    mask: int = -1


@dataclass(slots=True)
class AttendLowering:
    """words: of a row of a head. rows, keys: of all."""

    builder: Builder
    op: Attend
    words: int
    rows: int
    keys: int

    @property
    def mask_words(self) -> int:
        return MASK_WORDS * ceil_div(self.keys, self.builder.lanes) if self.op.mask else 0

    def steps(self) -> list[Step]:
        """The steps, over heads and rows, these innermost: keys and values stay for all rows."""
        heads, rows = self.tiling()
        parts = [Standing(each) for each in split(self.op.heads, heads)]
        return [
            self.step(number, part, piece)
            for number, part in enumerate(parts)
            for piece in split(self.rows, rows)
        ]

    def tiling(self) -> tuple[int, int]:
        """Heads and rows of a tile: all rows, if those of a head fit twice; then as many heads as do."""
        regions, rows = self.builder.regions, self.rows
        while rows > 1 and not fits(regions, 1, rows, self.keys, self.words, self.mask_words, 2):
            if not fits(regions, 1, 1, self.keys, self.words, self.mask_words, 2):
                break  # keys are too many to stand twice
            rows = ceil_div(rows, 2)
        if not fits(regions, 1, rows, self.keys, self.words, self.mask_words, 2):
            while rows > 1 and not fits(regions, 1, rows, self.keys, self.words, self.mask_words, 1):
                rows = ceil_div(rows, 2)
            return 1, rows
        heads, most = 1, ceil_div(self.op.heads, PARTS)
        while heads < most and fits(regions, heads + 1, rows, self.keys, self.words, self.mask_words, 2):
            heads += 1
        return heads, rows

    def step(self, number: int, part: Standing, rows: Range) -> Step:
        """The step of one tile. number: of the heads."""
        q = 0

        def load() -> None:
            nonlocal q
            if part.k < 0:
                self.load_keys(part)
            q = self.builder.regions.out.take(rows[1] * part.heads[1] * self.words)
            self.load(self.op.x, part.heads, rows, q)

        def work() -> None:
            self.attend(part, rows, q)

        return Step(load=load, work=work, alike=(part.heads[1], rows[1]), tile=number)

    def load_keys(self, part: Standing) -> None:
        """Load keys, values and the mask."""
        builder, size = self.builder, self.keys * part.heads[1] * self.words
        part.k, part.v = builder.regions.left.take(size), builder.regions.b.take(size + self.mask_words)
        self.load(self.op.k, part.heads, (0, self.keys), part.k)
        self.load(self.op.v, part.heads, (0, self.keys), part.v)
        if self.op.mask:
            part.mask = part.v + size
            builder.load(builder.place(self.op.mask).address, part.mask, self.mask_words)

    def load(self, name: str, heads: Range, rows: Range, scratch: int) -> None:
        """Load the words of some heads, row by row."""
        address, run, row_bytes = self.part(name, heads, rows)
        self.builder.load(address, scratch, run, [(rows[1], row_bytes, run)])

    def part(self, name: str, heads: Range, rows: Range) -> tuple[int, int, int]:
        """Address, words and bytes to the next row of the words of some heads."""
        place = self.builder.place(name)
        first = heads[0] * self.words * place.lanes
        return place.address + rows[0] * place.row_bytes + first, heads[1] * self.words, place.row_bytes

    def attend(self, part: Standing, rows: Range, q: int) -> None:
        """Emit the ATTEND and the store."""
        builder, run = self.builder, part.heads[1] * self.words
        out = builder.regions.out.take(rows[1] * run)
        fields = {
            "q": q, "k": part.k, "v": part.v, "out": out, "queries": rows[1], "keys": self.keys,
            "words": self.words, "count1": part.heads[1],
            **{f"{side}_stride": run for side in ("q", "k", "v", "out")},
            **{f"{side}_stride1": self.words for side in ("q", "k", "v", "out")},
            **self.op.numbers,
        }  # fmt: skip
        size = self.keys * run
        reads: list[Span] = [(q, rows[1] * run), (part.k, size), (part.v, size)]
        if self.op.mask:
            fields["mask"] = part.mask
            reads.append((part.mask, self.mask_words))
        builder.schedule.emit(Opcode.ATTEND, fields, reads=reads, writes=[(out, rows[1] * run)])
        address, _, row_bytes = self.part(self.op.y, part.heads, rows)
        builder.store(address, out, run, [(rows[1], row_bytes, run)])


def fits(regions: Regions, heads: int, rows: int, keys: int, words: int, mask: int, times: int) -> bool:
    """Whether the scratchpad holds so many tiles at once."""
    size = heads * keys * words
    return (
        times * size <= regions.left.words
        and times * (size + mask) <= regions.b.words
        and times * 2 * heads * rows * words <= regions.out.words
    )


def lower(builder: Builder, op: Attend) -> list[Step]:
    """The steps of an attention."""
    x, k = builder.place(op.x), builder.place(op.k)
    return AttendLowering(builder, op, x.vectors // op.heads, x.rows, k.rows).steps()


def check_room(p: AcceleratorParams, op: Attend, words: int, keys: int) -> None:
    """BadValue if keys and values of a head do not fit into their regions."""
    regions, mask = Regions(p), MASK_WORDS * ceil_div(keys, p.lanes) if op.mask else 0
    if not fits(regions, 1, 1, keys, words, mask, 1):
        raise refuse(op.name, "values of a head", keys * words + mask, regions.b.words)
