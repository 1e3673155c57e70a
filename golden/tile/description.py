"""The documentation of a generated tile: its texts."""

from golden import pe
from golden.pe import tiled
from golden.tile.cycles import cycles
from golden.tile.params import TileParams

ABOUT = """\
Y[M,N] = sum over groups of {group} along K of scale (sum of W A, less zero point times sum of A), {weight}
weights, {activation} activations, {accumulator} sums; scaled and added up in fp32, group after group."""

BLOCKS = """\
A command is for a block of {rows} x {cols} results; blocks go along the columns first, and what lies beyond a
product's edge is zero. A group has {words} words of `left` and as many of `top`, of {lanes} a lane."""

CYCLES = """\
A word of operands every {interval}; {first} cycles from the first command to the last result of one group,
{period} more for each group after it, of whichever command, nothing stalled. The count is exact: the benches
hold the RTL to it."""


def title(p: TileParams) -> str:
    """A heading."""
    return f"{p.rows}x{p.cols} dot-product tile of {pe.kind_of(p.pe)}"


def about(p: TileParams) -> str:
    """Text: what the tile computes."""
    return ABOUT.format(
        group=p.group, weight=p.pe.weight, activation=p.pe.activation, accumulator=p.pe.accumulator
    )


def sections(p: TileParams) -> dict[str, str]:
    """Its blocks, and its cycles."""
    first, second = (cycles(p, groups) for groups in (1, 2))
    interval, lanes = tiled.interval(p.pe), tiled.lanes(p.pe)
    return {
        "Blocks": BLOCKS.format(
            rows=p.rows, cols=p.cols, words=p.words, lanes="a pair" if lanes == 1 else f"{lanes} pairs"
        ),
        "Cycles": CYCLES.format(
            interval="cycle" if interval == 1 else f"{interval} cycles", first=first, period=second - first
        ),
    }
