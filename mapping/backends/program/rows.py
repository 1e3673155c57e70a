"""Lowering of operations on whole rows: Exponential and Normalise."""

from golden.accelerator.commands import Opcode
from golden.division import ceil_div
from mapping.backends.program.builder import Builder, Step
from mapping.backends.program.elementwise import Piece
from mapping.backends.program.scratchpad_allocation import refuse
from mapping.backends.program.window import fine, split
from mapping.ir.graph import Exponential, Normalise

Run = tuple[int, int, int, int]  # first row, rows, valid elements of the first, more in each


def runs(op: Exponential, rows: int, inner: int, width: int) -> list[Run]:
    """Runs of rows whose valid lengths follow one rule, none of more than `width` rows."""
    if not op.length_step:
        return [(0, rows, min(op.length, width), 0)]
    # from here on a row is all valid
    whole = min(inner, max(0, ceil_div(width - op.length, op.length_step))) if op.length_step > 0 else inner
    found: list[Run] = []
    for start in range(0, rows, inner):
        if whole:
            found.append((start, whole, op.length, op.length_step))
        if whole < inner:
            found.append((start + whole, inner - whole, width, 0))
    return found


def lower_exponential(builder: Builder, op: Exponential) -> list[Step]:
    """The steps of tiles of rows."""
    x = builder.place(op.x)
    left, out = builder.regions.left.words, builder.regions.out.words
    if x.row_words > left or x.vectors + 2 > out:
        raise refuse(op.name, "a row of results", x.vectors + 2, min(left // 2, out))
    most = max(1, min(left // 2 // x.row_words, out // 2 // (x.vectors + 2)))
    most = fine(x.rows, x.row_words, most)
    inner = x.shape[-2] if len(x.shape) > 1 else 1
    return [
        exponential_step(builder, op, (start + row, count, length + row * step, step))
        for start, rows, length, step in runs(op, x.rows, inner, x.channels)
        for row, count in split(rows, most)
    ]


def exponential_step(builder: Builder, op: Exponential, run: Run) -> Step:
    """The step of some rows: their codes and, for each row, 2^22 / sum."""
    row, rows, length, more = run
    a = 0

    def load() -> None:
        nonlocal a
        x = builder.place(op.x)
        a = builder.regions.left.take(rows * x.row_words)
        builder.load(x.address + row * x.row_bytes, a, rows * x.row_words)

    def work() -> None:
        x, y, r = (builder.place(name) for name in (op.x, op.y, op.r))
        out = builder.regions.out.take(rows * (y.row_words + r.row_words))
        sums = out + rows * y.row_words
        fields = {
            "a": a, "out": out, "r": sums, "length": length, "length_step": more,
            "count0": x.vectors, "a_stride0": x.size, "out_stride0": y.size,
            "count1": rows, "a_stride1": x.row_words, "out_stride1": y.row_words, "r_stride1": r.row_words,
        }  # fmt: skip
        builder.schedule.emit(
            Opcode.EXPONENTIAL, fields, reads=[(a, rows * x.row_words)],
            writes=[(out, rows * (y.row_words + r.row_words))],
        )  # fmt: skip
        builder.store(y.address + row * y.row_bytes, out, rows * y.row_words)
        builder.store(r.address + row * r.row_bytes, sums, rows * r.row_words)

    end = (row + rows) / builder.place(op.x).rows
    return Step(load=load, work=work, alike=rows, part=(end, end))


def lower_normalise(builder: Builder, op: Normalise) -> list[Step]:
    """The steps of tiles of rows or, along the other axis, of tiles of vectors."""
    x = builder.place(op.x)
    has = min(builder.regions.left.words, builder.regions.out.words)
    group = x.row_words if op.axis == -1 else x.rows * x.size
    if group > has:
        raise refuse(op.name, "what is normalised together", group, has)
    most = max(1, has // 2 // group)
    if op.axis == -1:
        found = [Piece(row, count, 0, x.vectors) for row, count in split(x.rows, fine(x.rows, group, most))]
    else:
        found = [Piece(0, x.rows, vector, count) for vector, count in split(x.vectors, most)]
    return [normalise_step(builder, op, piece) for piece in found]


def normalise_step(builder: Builder, op: Normalise, piece: Piece) -> Step:
    """The step of one piece."""
    a = 0

    def load() -> None:
        nonlocal a
        x = builder.place(op.x)
        a = builder.regions.left.take(piece.words(x))
        address, run, loops = piece.move(x)
        builder.load(address, a, run, loops)

    def work() -> None:
        x, y = builder.place(op.x), builder.place(op.y)
        out = builder.regions.out.take(piece.words(y))
        along, across = (piece.vectors, x.size), (piece.rows, piece.vectors * x.size)
        inner, outer = (along, across) if op.axis == -1 else (across, along)
        fields = {
            "a": a, "out": out,
            "count0": inner[0], "a_stride0": inner[1], "out_stride0": inner[1],
            "count1": outer[0], "a_stride1": outer[1], "out_stride1": outer[1],
            "columns": op.axis != -1, "rms": op.rms, "epsilon": op.epsilon, "fraction": op.fraction,
            "length": x.channels if op.axis == -1 else x.rows,
        }  # fmt: skip
        builder.schedule.emit(
            Opcode.NORMALISE, fields, reads=[(a, piece.words(x))], writes=[(out, piece.words(y))]
        )
        address, run, loops = piece.move(y)
        builder.store(address, out, run, loops)

    part = piece.part(builder.place(op.x))
    return Step(load=load, work=work, alike=(piece.rows, piece.vectors), part=part)
