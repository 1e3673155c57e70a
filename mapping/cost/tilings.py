"""Tilings of a layer: all stream lengths under the accumulators and buffers, in both loop orders, and the
best.

First come the cycles with memory counted, to five percent, since that model is no finer; then the exact
cycles of the array alone, to half a percent. Of the tilings left the best moves the fewest bytes; then the
longest stream wins, which loads the array least often.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from golden import check
from golden.systolic.cycles import longest_stream
from golden.systolic.gemm import Gemm, Schedule, Tiling
from mapping.cost.cycles import cost
from mapping.cost.traffic import lengths
from mapping.target import KIB, Target

SOURCE = "model: golden cycles, and double-buffered transfers at the stated bandwidth"
MOST_MACS = 1 << 52  # beyond, bits and cycles of a layer would not fit 64-bit integers
MODEL, EXACT = 1.05, 1.005  # what counts as equal


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A layer on a target: its schedule and its costs.

    compute_cycles   exact, operands at hand        cycles   a model, with the memory (mapping.cost.traffic)
    needs            bytes of buffer, by operand: "weight", "activation"
    """

    schedule: Schedule
    compute_cycles: int
    cycles: int
    bytes_read: int
    bytes_written: int
    needs: dict[str, int]


def place(name: str, target: Target, gemm: Gemm, out_bits: int) -> Placement:
    """The best placement; BadValue, naming the layer, with what is needed and what there is.

    out_bits  bits of a result in memory
    """
    check.in_range(f"layer {name}: multiply-accumulates", gemm.macs, 1, MOST_MACS)
    depth = target.unit.pe.group
    if gemm.k > depth:
        raise check.BadValue(
            f"layer {name}: K is {gemm.k}, the accumulators add up {depth} products; "
            f"allowed: K to {depth}, or a larger pe.group"
        )
    found = best(target, gemm, out_bits)
    if isinstance(found, Placement):
        return found
    operand, need = found
    raise check.BadValue(
        f"layer {name}: its smallest tile needs {kib(need)} of {operand} buffer (double-buffered), "
        f"has {kib(target.buffer(operand))}"
    )


def kib(size: int) -> str:
    return f"{size / KIB:.4g} KiB"


def candidates(target: Target, gemm: Gemm) -> tuple[np.ndarray, np.ndarray]:
    """Every tiling that runs without a wait for accumulators: stream int64 [tilings], columns_first bool."""
    axis = gemm.k if target.unit.dataflow == "output" else lengths(target, gemm)[0]
    stream = np.arange(min(axis, limit(target)), 0, -1, dtype=np.int64)
    return np.tile(stream, 2), np.repeat([True, False], len(stream))


@lru_cache(maxsize=256)
def limit(target: Target) -> int:
    return longest_stream(target.unit)


@lru_cache(maxsize=4096)
def best(target: Target, gemm: Gemm, out_bits: int) -> Placement | tuple[str, int]:
    """The best placement, or the operand whose buffer is too small and the bytes it needs."""
    stream, columns_first = candidates(target, gemm)
    costs = cost(target, gemm, out_bits, stream, columns_first)
    if not costs.fits.any():
        least = {operand: int(need.min()) for operand, need in costs.needs.items()}
        return max(least.items(), key=lambda item: item[1] / target.buffer(item[0]))
    legal = np.flatnonzero(costs.fits)
    for count, equal in ((costs.cycles, MODEL), (costs.compute, EXACT)):
        legal = legal[count[legal] <= equal * count[legal].min()]
    order = np.lexsort((costs.compute[legal], -stream[legal], costs.bytes_read[legal]))
    i = int(legal[order[0]])
    tiling = Tiling(stream=int(stream[i]), columns_first=bool(columns_first[i]))
    return Placement(
        schedule=Schedule(target.unit, gemm, tiling),
        compute_cycles=int(costs.compute[i]),
        cycles=int(costs.cycles[i]),
        bytes_read=int(costs.bytes_read[i]),
        bytes_written=costs.bytes_written,
        needs={operand: int(need[i]) for operand, need in costs.needs.items()},
    )
