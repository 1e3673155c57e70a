"""What `systola generate` writes of a dot-product tile, beside the design file and the manifest.

rtl/NAME.v       the Verilog, all modules in one file
tb/NAME_tb.v     a self-checking testbench, as a matrix unit's (systola.testbench)
NAME.core        the FuseSoC core: targets default, lint, sim
NAME.md          the block's documentation
"""

from collections.abc import Iterator
from importlib import metadata

import numpy as np

from golden import pe
from golden.formats import FP32
from golden.formats.packing import pack_values
from golden.pe import tiled
from golden.pe.quantise import activations, quantise
from golden.pe.weights import Weights
from golden.systolic.gemm import Gemm
from golden.tile import words
from golden.tile.tile import compute
from mapping.target import TileTarget
from systola import core_file, testbench
from systola.block_document import parameter_rows

GROUPS = 2  # of the testbench's product

STREAMS = {
    "command": "one word a block of {rows} x {cols} results: how many groups are added up",
    "left": "activations, {lanes} a lane, a lane each row: {words} words a group",
    "top": "weights, {lanes} a lane, a lane each column: as many words",
    "scale": "one word a group: what it shares in each column",
    "o": "{rows} words a block, row 0 first: fp32, a lane each column",
}

DOCUMENT = """\
# {name}: {rows}x{cols} dot-product tile of {pe}

Y[M,N] = sum over groups of {group} along K of scale (sum of W A, less zero point times sum of A), {weight}
weights, {activation} activations, {accumulator} sums; scaled and added up in fp32, group after group.

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

## Cycles

A word of operands every {interval}; {first} cycles from the first command to the last result of one group,
{period} more for each group after it, of whichever command, nothing stalled. The count is exact: the benches
hold the RTL to it.

## Parameters

| key | value |
|---|---|
{parameters}
"""


def contents(target: TileTarget) -> dict[str, str]:
    """Path in the folder -> text."""
    name, p = target.name, target.tile
    verilog, bench = f"rtl/{name}.v", f"tb/{name}_tb.v"
    what = f"{p.rows}x{p.cols} dot-product tile, {p.pe.weight} x {p.pe.activation}"
    return {
        verilog: verilog_of(target),
        bench: testbench_of(target),
        f"{name}.core": core_file.text(name, "tile", what, p.name, verilog, bench),
        f"{name}.md": document(target),
    }


def verilog_of(target: TileTarget) -> str:
    """The tile's Verilog."""
    from hw.emit import verilog
    from hw.tile.tile import definition

    header = "\n".join([
        f"{target.name}: dot-product tile, written by systola {metadata.version('systola')}",
        "",
        f"  {target.tile.rows}x{target.tile.cols} of {pe.module_of(target.tile.pe).name(target.tile.pe)}",
        f"  groups of {target.tile.group}",
        "",
        f"Top module: {target.tile.name}",
        f"Streams and their words: {target.name}.md",
    ])  # fmt: skip
    return str(verilog(definition(target.tile), header=header))


def testbench_of(target: TileTarget) -> str:
    """Blocks whole and in part on both axes, of normal weights and activations, quantised."""
    p, random = target.tile, np.random.default_rng(testbench.SEED)
    gemm = Gemm(m=p.rows + (p.rows + 1) // 2, n=p.cols + (p.cols + 1) // 2, k=GROUPS * p.group)
    weights = quantise(p.pe, random.standard_normal((gemm.k, gemm.n))).weights
    values, _ = activations(p.pe, random.standard_normal((gemm.m, gemm.k)))
    packed = words.pack_streams(p, values, weights)
    whole = Weights(
        codes=padded(weights.codes, 1, p.cols),
        scales=padded(weights.scales, 1, p.cols),
        zeros=None if weights.zeros is None else padded(weights.zeros, 1, p.cols),
        selectors=None if weights.selectors is None else padded(weights.selectors, 1, p.cols),
    )
    y = compute(p, padded(values, 0, p.rows), whole)  # the edge's zeros have results too
    across = y.shape[1] // p.cols
    blocks = y.reshape(-1, p.rows, across, p.cols).swapaxes(1, 2).reshape(-1, p.cols)
    return testbench.text(
        target.name,
        p.name,
        gemm,
        {name: words.bits(p, name) for name in (*words.INPUTS, "o")},
        {name: testbench.as_integers(each) for name, each in packed.items()},
        testbench.as_integers(pack_values(FP32, blocks)),
        words.cycles(p, words.product_groups(p, gemm.m, gemm.n, gemm.k)),
    )


def padded(values: np.ndarray, axis: int, multiple: int) -> np.ndarray:
    """Zeros added along an axis, to a multiple."""
    more = -values.shape[axis] % multiple
    return np.pad(values, ((0, more), (0, 0)) if axis == 0 else ((0, 0), (0, more)))


def document(target: TileTarget) -> str:
    """The block's documentation."""
    p = target.tile
    first, second = (words.cycles(p, groups) for groups in (1, 2))
    interval = tiled.interval(p.pe)
    return DOCUMENT.format(
        name=target.name, rows=p.rows, cols=p.cols, pe=pe.kind_of(p.pe), group=p.group, weight=p.pe.weight,
        activation=p.pe.activation, accumulator=p.pe.accumulator, top=p.name,
        streams="\n".join(stream_rows(target)), fields="\n".join(field_rows(target)),
        interval="cycle" if interval == 1 else f"{interval} cycles", first=first, period=second - first,
        parameters="\n".join(parameter_rows(target)),
    )  # fmt: skip


def stream_rows(target: TileTarget) -> Iterator[str]:
    p = target.tile
    for name, meaning in STREAMS.items():
        text = meaning.format(rows=p.rows, cols=p.cols, lanes=tiled.lanes(p.pe), words=p.words)
        yield f"| `{name}` | {'out' if name == 'o' else 'in'} | {words.bits(p, name)} | {text} |"


def field_rows(target: TileTarget) -> Iterator[str]:
    for stream, layout in words.fields(target.tile).items():
        low = 0
        for name, width, lanes in layout:
            yield f"| `{stream}` | {name} | {width} | {lanes} | [{low + width * lanes - 1}:{low}] |"
            low += width * lanes
