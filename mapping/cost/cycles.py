"""Cycles of tilings, and the bytes that they move.

Exact are `compute`, golden's count with all operands at hand, and the bytes (mapping.cost.traffic). A model
gives `cycles`,

    cycles = compute + waits of every outer step + first tile + last tile

with double buffers: an outer step waits for the part of its own reads and writes that its passes do not hide,
max(0, bytes / bandwidth - passes); the first tile waits for the operands of its first pass, and for the
others if they arrive more slowly than it works; the last tile's results are written when all passes are done.
"""

from dataclasses import dataclass

import numpy as np

from golden.division import ceil_div
from golden.systolic.cycles import delivery
from golden.systolic.gemm import Gemm
from mapping.cost.traffic import Folds, Reads, folds, lengths, operand_reads
from mapping.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Costs of tilings, arrays [tilings].

    compute, cycles            see the module
    bytes_read, bytes_written  between memory and buffers
    needs                      bytes of buffer by operand
    fits                       whether the buffers are large enough
    """

    compute: np.ndarray
    cycles: np.ndarray
    bytes_read: np.ndarray
    bytes_written: int
    needs: dict[str, np.ndarray]
    fits: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterLoop:
    """The outer loop of one product, arrays [tilings] each.

    count         steps
    share         fraction of the outer operand and results handled in one step; last_share: in the last
    work          cycles of a step's passes; last_work: of the last step's
    own           total bits of the outer operand and results
    inner, again  bits of the inner operand read in the first step, and in every later one
    """

    count: np.ndarray
    share: np.ndarray
    last_share: np.ndarray
    work: np.ndarray
    last_work: np.ndarray
    own: np.ndarray
    inner: np.ndarray
    again: np.ndarray


def compute_cycles(target: Target, gemm: Gemm, f: Folds) -> np.ndarray:
    """golden.systolic.cycles.cycles of each tiling, int64 [tilings]."""
    p = target.unit
    work = gemm.batch * f.cols * ((f.rows - 1) * f.full_tile + f.last_tile)
    if p.dataflow == "output":
        first = np.where(f.depth == 1, f.last_step, f.step)
        return np.asarray(work - np.maximum(first, p.rows) + first + delivery(p) + p.rows)
    return np.asarray(work - np.maximum(f.last_row, p.rows) + f.last_row + p.rows + delivery(p) + 1)


def outer_steps(
    target: Target, gemm: Gemm, f: Folds, by: dict[str, Reads], columns_first: np.ndarray, out_bits: int
) -> OuterLoop:
    """The outer loop: over row pieces if columns_first, else over folds of the columns."""
    along, across = lengths(target, gemm)
    left, top, cols = by["left"], by["top"], target.unit.cols
    column = (f.rows - 1) * f.full_tile + f.last_tile
    inner = np.where(columns_first, top.bits, left.bits)
    outer = np.where(columns_first, left.bits * left.fetches, top.bits * top.fetches)
    return OuterLoop(
        count=np.where(columns_first, f.rows, f.cols),
        share=np.where(columns_first, f.row / along, min(cols, across) / across),
        last_share=np.where(columns_first, f.last_row / along, (across - (f.cols - 1) * cols) / across),
        work=np.where(columns_first, f.cols * f.full_tile, column),
        last_work=np.where(columns_first, f.cols * f.last_tile, column),
        own=outer + gemm.m * gemm.n * out_bits,
        inner=inner,
        again=np.where(np.where(columns_first, top.once, left.once), 0, inner),
    )


def waits(
    target: Target, gemm: Gemm, f: Folds, by: dict[str, Reads], steps: OuterLoop, out_bits: int
) -> np.ndarray:
    """Stall cycles that the memory adds to `compute`, by the model. float64 [tilings]."""
    rate, (along, across) = 8 * target.bytes_per_cycle, lengths(target, gemm)

    def wait(share: np.ndarray, inner: np.ndarray, work: np.ndarray) -> np.ndarray:
        return np.asarray(np.maximum((steps.own * share + inner) / rate - work, 0))

    # a single step is the first, the last and a middle one at once: (1 - 2) of these take the others away
    first = wait(steps.share, steps.inner, steps.work)
    middle = wait(steps.share, steps.again, steps.work)
    product = first + (steps.count - 2) * middle + wait(steps.last_share, steps.again, steps.last_work)

    width = min(target.unit.cols, across)
    tile = (by["left"].bits * f.row / along + by["top"].bits * width / across) / rate
    first_tile = tile / f.depth + np.maximum(tile - f.full_tile - first, 0)
    last_tile = f.last_row * (across - (f.cols - 1) * target.unit.cols) * out_bits / rate
    return np.asarray(gemm.batch * product + first_tile + last_tile)


def cost(target: Target, gemm: Gemm, out_bits: int, stream: np.ndarray, columns_first: np.ndarray) -> Cost:
    """The Cost of each tiling.

    stream         int64 [tilings]
    columns_first  bool [tilings]
    out_bits       bits of a result in memory
    """
    f = folds(target, gemm, stream)
    by = operand_reads(target, gemm, f, columns_first)
    compute = compute_cycles(target, gemm, f)
    steps = outer_steps(target, gemm, f, by, columns_first, out_bits)
    waited = np.ceil(waits(target, gemm, f, by, steps, out_bits).round(6)).astype(np.int64)
    read_bits = gemm.batch * (by["left"].bits * by["left"].fetches + by["top"].bits * by["top"].fetches)
    return Cost(
        compute=compute,
        cycles=compute + waited,
        bytes_read=ceil_div(read_bits, 8),
        bytes_written=-(-gemm.batch * gemm.m * gemm.n * out_bits // 8),
        needs={target.left: by["left"].need, target.top: by["top"].need},
        fits=by["left"].fits & by["top"].fits,
    )
