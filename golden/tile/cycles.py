"""Cycles of the dot-product tile, to the last one."""

from golden import pe
from golden.division import ceil_div
from golden.pe import tiled
from golden.systolic.gemm import Gemm
from golden.tile.params import TileParams

STAGES = 3  # registers from a cell's sum to `o`: exact, term, o


def groups_of(p: TileParams, gemm: Gemm) -> int:
    """Groups that the tile works through for one product of `gemm`: those of every block of its results."""
    return ceil_div(gemm.m, p.rows) * ceil_div(gemm.n, p.cols) * (gemm.k // p.group)


def cycles(p: TileParams, groups: int) -> int:
    """Exact cycles of `groups` groups one after the other, of however many commands, unstalled.

    From the command's acceptance to the last word of `o`, both counted. A word enters every `interval`
    cycles, the first in cycle 1; a group's sum is kept when the last of its words has passed the PE; its rows
    then leave one a cycle, and the last word of the next group enters behind them.
    """
    return int(sum(spent(p, groups).values()))


def spent(p: TileParams, groups: int) -> dict[str, int]:
    """Where these cycles go.

    entering    words of operands enter
    dependency  the next group's last word waits for room for its sum
    fill        before the first word
    drain       from the last word to the last result
    """
    if not groups:
        return dict.fromkeys(("entering", "dependency", "fill", "drain"), 0)
    interval, latency = tiled.interval(p.pe), pe.module_of(p.pe).latency(p.pe)
    behind = interval + latency + 1 + tiled.finish_cycles(p.pe)  # from the last word to the first row
    words = p.words * interval
    return {
        "entering": groups * words,
        "dependency": (groups - 1) * max(0, behind + p.rows - words),
        "fill": 1,
        "drain": behind - interval + p.rows - 1 + STAGES + 1,
    }
