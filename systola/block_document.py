"""Documentation of a generated block, in Markdown: ports, words to the bit, cycles, parameters."""

from collections.abc import Iterator

from golden.systolic import words
from golden.systolic.matrix_unit import delivery
from golden.systolic.params import MatrixUnitParams
from mapping.target import Target, TileTarget
from systola import design_file

STREAMS = {
    "command": "one word a pass: how many vectors; is it its tile's first pass, its last",
    "left": "operands that stream in from the left, one lane a row",
    "top": "operands that come from above, one lane a column",
    "drain": "one word a tile: rows that leave; sums or codes; and of which kind",
    "scale": "bias, multiplier and shift of the channels; one a tile, input-stationary one a row",
    "o": "sums, or codes extended to the sums' width, one lane a column",
}

DOCUMENT = """\
# {name}: {rows}x{cols} {dataflow}-stationary matrix unit

Y[M,N] = A[M,K] W[K,N] with {weight} weights, {activation} activations and {accumulator} sums, {then}

Top module: `{top}`. Written by Systola; `{name}.toml` is the design it was made from.

## Ports

`clk` rising edge; `rst` synchronous, active high. Every stream has `NAME_valid`, `NAME_ready` and
`NAME_payload`; a word moves in a cycle in which valid and ready are both high, and holds still until then.

| stream | direction | bits | holds |
|---|---|---|---|
{streams}

## Words

Fields from bit 0 up; lane i of a field of w bits stands in bits [low + i*w +: w], low being its first bit.

| stream | field | bits of a lane | lanes | bit positions |
|---|---|---|---|---|
{fields}

## What is on the axes

| | rows | columns | streamed |
|---|---|---|---|
| {dataflow}-stationary | {row_axis} | {column_axis} | {stream_axis} |

{order}

## Cycles

From the first word accepted on any stream to the last word of `o`, both counted, nothing stalled:

{formula}

where T_i is the number of vectors of pass i. The count is exact: the benches hold the RTL to it.

## Parameters

| key | value |
|---|---|
{parameters}
"""

AXES = {"weight": ("k", "n", "m"), "input": ("k", "m", "n"), "output": ("m", "n", "k")}

REQUANTISED = """\
then

    code = clip(round((sum + bias) * multiplier / 2^shift) + zero_point)        ({out}, ties {rounding})"""
RAW = "which leave as they are."

STATIONARY_ORDER = """\
A pass loads one tile of the resting operand from `top`, a word a row, the lowest row first, and streams its
vectors through `left`. Passes of one tile follow one another over k, then the next tile begins. The words of
`top` of the next pass are taken while this one streams."""

OUTPUT_ORDER = """\
A pass streams pairs of words, one of `left` and one of `top`, each pair one step of k. Passes of one tile
follow one another over k, then the next tile begins. A tile's sums leave row by row while the next works."""


def write(target: Target) -> str:
    """The document's text."""
    unit = target.unit
    rows, columns, streamed = AXES[unit.dataflow]
    return DOCUMENT.format(
        name=target.name, top=unit.name, rows=unit.rows, cols=unit.cols, dataflow=unit.dataflow,
        weight=unit.pe.weight, activation=unit.pe.activation, accumulator=unit.pe.accumulator,
        then=REQUANTISED.format(out=unit.out, rounding=unit.rounding) if unit.scaled else RAW,
        row_axis=rows, column_axis=columns, stream_axis=streamed,
        streams="\n".join(stream_rows(unit)), fields="\n".join(field_rows(unit)), formula=formula(unit),
        order=OUTPUT_ORDER if unit.dataflow == "output" else STATIONARY_ORDER,
        parameters="\n".join(parameter_rows(target)),
    )  # fmt: skip


def stream_rows(unit: MatrixUnitParams) -> Iterator[str]:
    for name, layout in words.fields(unit).items():
        bits = sum(width * lanes for _, width, lanes in layout)
        yield f"| `{name}` | {'out' if name == 'o' else 'in'} | {bits} | {STREAMS[name]} |"


def field_rows(unit: MatrixUnitParams) -> Iterator[str]:
    for stream, layout in words.fields(unit).items():
        low = 0
        for name, width, lanes in layout:
            yield f"| `{stream}` | {name} | {width} | {lanes} | [{low + width * lanes - 1}:{low}] |"
            low += width * lanes


def formula(unit: MatrixUnitParams) -> str:
    """The closed form of golden.systolic.matrix_unit.cycles_of, with this design's numbers in it."""
    behind = delivery(unit)
    if unit.dataflow == "output":
        return f"    cycles = T_1 + sum over i > 1 of max(T_i, {unit.rows}) + {behind + unit.rows}"
    return (
        f"    cycles = {unit.rows + behind + 1} + sum over all but the last of max(T_i, {unit.rows}) + T_last"
    )


def parameter_rows(target: Target | TileTarget) -> Iterator[str]:
    for section, values in design_file.tables(target).items():
        if isinstance(values, dict):
            for key, value in values.items():
                yield f"| {section}.{key} | {value} |"
