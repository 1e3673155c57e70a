"""Documentation of a generated block, in Markdown: ports, words to the bit, what the block says of itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from golden import blocks, streams
from golden.blocks import OUTPUT

DOCUMENT = """\
# {name}: {title}

{about}

Top module: `{top}`. Written by Systola; `{name}.toml` is the design it was made from.

## Ports

`clk` rising edge; `rst` synchronous, active high. Every stream has `NAME_valid`, `NAME_ready` and
`NAME_payload`; a word moves in a cycle in which valid and ready are both high, and holds still until then.

| stream | direction | bits | holds |
|---|---|---|---|
{ports}

## Words

Fields from bit 0 up; lane i of a field of w bits stands in bits [low + i*w +: w], low being its first bit.

| stream | field | bits of a lane | lanes | bit positions |
|---|---|---|---|---|
{words}

{sections}

## Parameters

| key | value |
|---|---|
{parameters}
"""


def write(name: str, p: Any, tables: Mapping[str, Any]) -> str:
    """The document of the block of `p`. tables: of the design file."""
    block = blocks.module_of(p)
    layout = block.fields(p)
    return DOCUMENT.format(
        name=name, top=p.name, title=block.title(p), about=block.about(p),
        ports="\n".join(port_rows(layout, block.MEANING)), words="\n".join(word_rows(layout)),
        sections="\n\n".join(f"## {heading}\n\n{text}" for heading, text in block.sections(p).items()),
        parameters="\n".join(parameter_rows(tables)),
    )  # fmt: skip


def port_rows(layout: streams.Layout, meaning: Mapping[str, str]) -> Iterator[str]:
    """A row a stream."""
    for name, fields in layout.items():
        direction = "out" if name == OUTPUT else "in"
        yield f"| `{name}` | {direction} | {streams.bits(fields)} | {meaning[name]} |"


def word_rows(layout: streams.Layout) -> Iterator[str]:
    """A row a field."""
    for stream, fields in layout.items():
        low = 0
        for name, width, lanes in fields:
            yield f"| `{stream}` | {name} | {width} | {lanes} | [{low + width * lanes - 1}:{low}] |"
            low += width * lanes


def parameter_rows(tables: Mapping[str, Any]) -> Iterator[str]:
    """A row a key of the design file."""
    for section, values in tables.items():
        if isinstance(values, dict):
            for key, value in values.items():
                yield f"| {section}.{key} | {value} |"
