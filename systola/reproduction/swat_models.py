"""Ways of computing a head's windowed attention: cycles and energy against length.

    window engine    golden.attention.sliding_window, exact cycles, a lane a key or a key a cycle
    systolic array   the band cut into blocks, two products each on golden.systolic, exact cycles; softmax
                     hidden behind them, or by golden.vector.softmax after them, exact cycles
    FSA              5 side + 10 cycles a tile, softmax in the array: published schedule, tiles counted
    dense            2 N^2 head_dim multiplies over as many multipliers
    Butterfly-like   `softmax` of LAYERS layers dense, the others two Fourier transforms (a head's share)
    GPU-like         a roofline at board power: windows in chunks whose scores go through memory, or dense

Energy is mapping.cost.energy's model, of multiplies, memories and DRAM; a GPU's is power times time.

Sources: Bai et al., SWAT, DAC 2024 (arXiv 2405.17025); FSA, arXiv 2507.11331; Fan et al., Adaptable Butterfly
Accelerator, MICRO 2022; Beltagy et al., Longformer, arXiv 2004.05150 (chunks); AMD's figures of the MI210.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from golden.attention import masks, sliding_window
from golden.attention.arithmetic import MULTIPLIER, Arithmetic
from golden.attention.masks import Mask
from golden.attention.window import AttentionJob, WindowParams
from golden.division import ceil_div
from golden.formats import Int
from golden.systolic.cycles import cycles as array_cycles
from golden.systolic.cycles import longest_stream
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import MatrixUnitParams
from golden.vector import softmax
from golden.vector.softmax import SoftmaxParams
from mapping.cost.energy import DRAM, energy, mac, multiply_add, sram
from mapping.target import KIB, Target

HEAD, KEYS = 64, 512
CODE = Int(8)
ARITHMETIC = Arithmetic(query=CODE, key=CODE, value=CODE, head_dim=HEAD, keys=KEYS)
LANES = WindowParams(arithmetic=ARITHMETIC, organisation="keys")
SERIAL = WindowParams(arithmetic=ARITHMETIC)
SIDE = 32  # of the systolic array: as many multipliers as the lanes have
ARRAY = Target(name="array", unit=MatrixUnitParams(rows=SIDE, cols=SIDE))
SOFTMAX = SoftmaxParams(lanes=SIDE, max_length=4 * KEYS)
BLOCKS = (32, 64, 128, 256, 512)  # rows of a block of the band
FSA_SIDE, FSA_PIECES = HEAD, 8  # a tile is as wide as a head; linear pieces of 2^x, a multiply each
BUFFER = 128 * KIB
LAYERS, HIDDEN = 12, 768  # of the Butterfly-like network, HIDDEN / HEAD heads
FFT_BITS, FFT_SUM, FFT_BYTES = 16, 32, 4  # of a factor, a sum; moved to and from a buffer for a multiply
GPU_MACS, GPU_BYTES, GPU_WATT, GPU_HZ = 181e12 / 2, 1.6e12, 300.0, 1.7e9  # MI210: INT8, HBM2e, board, boost
CHUNKED = 2  # keys that a chunk scores for each key of a window
PASSES = 4  # scores of two bytes written, read by softmax, written, read by P V


@dataclass(frozen=True, slots=True)
class Band:
    """KEYS keys of a row: `left` before the query, itself, `right` behind."""

    name: str
    left: int
    right: int

    def mask(self, n: int) -> Mask:
        return Mask(queries=n, keys=n, left=self.left, right=self.right)

    def pairs(self, n: int) -> int:
        """Of a query and a key that it attends to."""
        return masks.window_pairs(n, self.left, self.right)


CAUSAL = Band("causal", KEYS - 1, 0)
SYMMETRIC = Band("symmetric", KEYS // 2, KEYS // 2 - 1)


class HeadCost(NamedTuple):
    """Of a head at one length."""

    cycles: float
    pj: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """known: how its cycles are. cost: of a window and a length."""

    name: str
    multipliers: int
    known: str
    cost: Callable[[Band, int], HeadCost]

    def used(self, window: Band, n: int) -> float:
        """Part of the multipliers' cycles that multiply a query or a weight of the window."""
        return 2 * HEAD * window.pairs(n) / (self.multipliers * self.cost(window, n).cycles)


def traffic(n: int) -> float:
    """pJ of DRAM: q, k, v of a byte an element and o of two, each once."""
    return (3 + ceil_div(ARITHMETIC.out_width, 8)) * n * HEAD * DRAM


def pair(p: WindowParams) -> float:
    """pJ of a query and a key in a window engine: products, the score's scale, both buffers' reads, a score
    that waits for its row's maximum. A lane's buffers are a key and a value, the others' all of them."""
    a = p.arithmetic
    scores = multiply_add(CODE.width**2, a.dot.width)
    values = multiply_add(a.weight.width * a.value_width, a.sum_width)
    scale = multiply_add(a.dot.width * MULTIPLIER.width, a.scaled.width)
    buffer = HEAD if p.by_keys else HEAD * p.slots
    waits = 2 * ceil_div(a.score.width, 8) * sram(p.slots * ceil_div(a.score.width, 8))
    return HEAD * (scores + values) + scale + 2 * HEAD * sram(buffer) + waits


def lane_reads() -> float:
    """Part of a pair's energy that the reads of a lane's key and value are."""
    return 2 * HEAD * sram(HEAD) / pair(LANES)


def job(window: Band, n: int) -> AttentionJob:
    """As many queries as keys."""
    return AttentionJob(mask=window.mask(n), by=sliding_window.example_scaling(ARITHMETIC))


@cache
def windowed(p: WindowParams, window: Band, n: int) -> HeadCost:
    """The window engine: each key and value is written to its buffer once."""
    filled = 2 * n * HEAD * sram(HEAD if p.by_keys else HEAD * p.slots)
    return HeadCost(sliding_window.cycles(p, job(window, n)), window.pairs(n) * pair(p) + filled + traffic(n))


def edges(window: Band, n: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(first, last) key that any row of each block of `rows` queries attends to."""
    start = np.arange(0, n, rows)
    return np.maximum(start - window.left, 0), np.minimum(start + rows - 1 + window.right, n - 1)


def block_sizes(window: Band, n: int, rows: int) -> list[tuple[int, int]]:
    """(keys, how many) of the blocks of `rows` queries, from each block's first key to its last."""
    first, last = edges(window, n, rows)
    sizes = zip(*np.unique(last - first + 1, return_counts=True), strict=True)
    return [(int(keys), int(many)) for keys, many in sizes]


@cache
def blocked(serial: bool, window: Band, n: int) -> HeadCost:
    """The systolic array, in the blocks that take it least. serial: a softmax unit as wide as the array
    between the two products; else nothing but them."""
    stream = longest_stream(ARRAY.unit)
    return min(in_blocks(serial, window, n, rows) for rows in BLOCKS if rows <= min(stream, n))


def in_blocks(serial: bool, window: Band, n: int, rows: int) -> HeadCost:
    """In blocks of `rows` queries. K and V of a block stand in the array's buffers: memory is read once."""
    cycles, pj = 0, traffic(n)
    for keys, many in block_sizes(window, n, rows):
        for gemm in (Gemm(m=rows, n=keys, k=HEAD, batch=many), Gemm(m=rows, n=HEAD, k=keys, batch=many)):
            schedule = Schedule(ARRAY.unit, gemm, Tiling(stream=rows))
            cycles += array_cycles(schedule)
            pj += energy(ARRAY, schedule, 0)
        if serial:
            cycles += softmax.cycles(SOFTMAX, [ceil_div(keys, SIDE)]) * rows * many
    return HeadCost(cycles, pj)


def tiles(window: Band, n: int) -> int:
    """Tiles of FSA_SIDE queries and keys that have a pair of the window."""
    first, last = edges(window, n, FSA_SIDE)
    return int((last // FSA_SIDE - first // FSA_SIDE + 1).sum())


def fsa(window: Band, n: int) -> HeadCost:
    """The array that does softmax, too: whole tiles of the band, K and V of a tile from the buffer."""
    many, side = tiles(window, n), FSA_SIDE
    work = mac(ARRAY.unit.pe) * side**2 * (2 * side + FSA_PIECES)
    sums = side**2 * ceil_div(ARRAY.unit.pe.accumulator.width, 8)
    each = work + 2 * side**2 * sram(BUFFER) + 2 * sums * sram(sums)
    return HeadCost(many * (5 * side + 10), many * each + traffic(n))


def dense(window: Band, n: int) -> HeadCost:
    """All pairs on as many multipliers; a pair costs what it does in a lane, memory is read once."""
    return HeadCost(2 * n * n * HEAD / LANES.multipliers, n * n * pair(LANES) + traffic(n))


def transforms(n: int) -> HeadCost:
    """A head's share of a Fourier layer: along the sequence and along the hidden elements, four multiplies
    for two complex elements in each of log2 stages, no multiplier idle."""
    stages = math.ceil(math.log2(n)) + math.ceil(math.log2(HIDDEN))
    multiplies = 4 * n * HEAD // 2 * stages
    each = multiply_add(FFT_BITS**2, FFT_SUM) + FFT_BYTES * sram(BUFFER)
    return HeadCost(multiplies / LANES.multipliers, multiplies * each + traffic(n))


def butterfly(layers: int, window: Band, n: int) -> HeadCost:
    """The mean layer: `layers` of LAYERS are dense softmax attention, all multipliers serve both kinds."""
    soft, mixed = dense(window, n), transforms(n)
    found = ((layers * s + (LAYERS - layers) * m) / LAYERS for s, m in zip(soft, mixed, strict=True))
    return HeadCost(*found)


def roofline(macs: float, moved: float) -> HeadCost:
    """Of a GPU whose multipliers or whose memory are always in use."""
    seconds = max(macs / GPU_MACS, moved / GPU_BYTES)
    return HeadCost(seconds * GPU_HZ, seconds * GPU_WATT * 1e12)


def gpu_chunks(window: Band, n: int) -> HeadCost:
    """Longformer's chunks: CHUNKED keys scored for each of the window, PASSES over scores of two bytes."""
    pairs = n * min(CHUNKED * KEYS, n)
    return roofline(2 * pairs * HEAD, 2 * (PASSES * pairs + 4 * n * HEAD))


def gpu_dense(window: Band, n: int) -> HeadCost:
    """All pairs, fused: scores never leave the chip."""
    return roofline(2 * n * n * HEAD, 2 * 4 * n * HEAD)


GPU_LANES = round(GPU_MACS / GPU_HZ)
EXACT, CLOSED, MODEL = "exact", "closed form", "model"
WAYS = {
    way.name: way
    for way in (
        Approach(name="window, a lane a key", multipliers=LANES.multipliers, known=EXACT,
                 cost=partial(windowed, LANES)),
        Approach(name="window, a key a cycle", multipliers=SERIAL.multipliers, known=EXACT,
                 cost=partial(windowed, SERIAL)),
        Approach(name="array, softmax hidden", multipliers=SIDE**2, known=EXACT,
                 cost=partial(blocked, False)),
        Approach(name="array, then softmax", multipliers=SIDE**2, known=EXACT,
                 cost=partial(blocked, True)),
        Approach(name="FSA", multipliers=FSA_SIDE**2, known=CLOSED, cost=fsa),
        Approach(name="dense", multipliers=LANES.multipliers, known=CLOSED, cost=dense),
        Approach(name="Butterfly-like, 1 softmax", multipliers=LANES.multipliers, known=MODEL,
                 cost=partial(butterfly, 1)),
        Approach(name="Butterfly-like, 2 softmax", multipliers=LANES.multipliers, known=MODEL,
                 cost=partial(butterfly, 2)),
        Approach(name="GPU-like, chunks", multipliers=GPU_LANES, known=MODEL, cost=gpu_chunks),
        Approach(name="GPU-like, dense", multipliers=GPU_LANES, known=MODEL, cost=gpu_dense),
    )
}  # fmt: skip
