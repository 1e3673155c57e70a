"""Bytes between memory and buffers, and the cycles of a schedule when they are counted.

The outer loop runs over pieces of one operand (of the left one if `columns_first`, else of the top one), the
inner loop over pieces of the other, the innermost over k. What a buffer holds decides how often its operand
is read, X outer pieces and Y inner pieces being visited:

    the buffer holds                         outer operand   inner operand
    the whole operand of a product           1               1
    two pieces, over all of k                1               X
    two passes                               Y               X

(where there are several products, two whole operands: the next one is fetched while one works). The formulae
of a tiled loop nest, A ceil(N/n) and W ceil(M/m), are the last column. Results are written once, since sums
over k stay in the accumulators. A buffer is counted in whole words of the array's lanes, padding included;
traffic is counted without padding, bits packed. Not counted: commands and requantisation parameters.

Exact: `compute`, golden's count for operands at hand, and the bytes. A model: `cycles`, with double buffering,

    cycles = compute + first pass's operands + sum over outer steps of max(0, bytes / bandwidth - passes)
             + last tile's results

a step's bytes being what it reads for the first time and again, and what it writes.
"""

from dataclasses import dataclass

import numpy as np

from golden.systolic.gemm import Gemm
from golden.systolic.matrix_unit import delivery
from mapping.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Tilings of a product, one in each element of the arrays: pieces of the three axes, int64 [tilings].

    rows, cols, depth          pieces of the accumulator rows, the columns and k
    row, last_row              accumulator rows of a piece, and of the last
    step, last_step            k of a pass, and of a tile's last
    full_tile, last_tile       cycles of the passes of a tile, and of one of the last row piece
    """

    rows: np.ndarray
    cols: np.ndarray
    depth: np.ndarray
    row: np.ndarray
    last_row: np.ndarray
    step: np.ndarray
    last_step: np.ndarray
    full_tile: np.ndarray
    last_tile: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Of one operand, [tilings]. bits: of one product. fetches: times each is read. need: bytes of buffer.
    fits: the buffer is large enough. once: read in the first outer step only."""

    bits: int
    fetches: np.ndarray
    need: np.ndarray
    fits: np.ndarray
    once: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of tilings, [tilings] each. compute, cycles; bytes; buffer needs in bytes by operand; fits: legal."""

    compute: np.ndarray
    cycles: np.ndarray
    bytes_read: np.ndarray
    bytes_written: int
    needs: dict[str, np.ndarray]
    fits: np.ndarray


def lengths(target: Target, gemm: Gemm) -> tuple[int, int]:
    """Length of the product along the accumulator rows and along the columns."""
    return (gemm.n, gemm.m) if target.unit.dataflow == "input" else (gemm.m, gemm.n)


def folds(target: Target, gemm: Gemm, stream: np.ndarray) -> Folds:
    """stream  int64 [tilings], vectors of a pass"""
    p = target.unit
    along, across = lengths(target, gemm)
    resting = np.full_like(stream, p.rows)
    row, step = (resting, stream) if p.dataflow == "output" else (stream, resting)
    rows, depth = -(-along // row), -(-gemm.k // step)
    last_row, last_step = along - (rows - 1) * row, gemm.k - (depth - 1) * step
    if p.dataflow == "output":
        full_tile = last_tile = (depth - 1) * np.maximum(step, p.rows) + np.maximum(last_step, p.rows)
    else:
        full_tile, last_tile = depth * np.maximum(row, p.rows), depth * np.maximum(last_row, p.rows)
    cols = np.full_like(stream, -(-across // p.cols))
    return Folds(
        rows=rows, cols=cols, depth=depth, row=np.minimum(row, along), last_row=last_row,
        step=np.minimum(step, gemm.k), last_step=last_step, full_tile=full_tile, last_tile=last_tile,
    )  # fmt: skip


def compute_cycles(target: Target, gemm: Gemm, f: Folds) -> np.ndarray:
    """golden.systolic.matrix_unit.cycles of each tiling, int64 [tilings]."""
    p = target.unit
    work = gemm.batch * f.cols * ((f.rows - 1) * f.full_tile + f.last_tile)
    if p.dataflow == "output":
        first = np.where(f.depth == 1, f.last_step, f.step)
        return work - np.maximum(first, p.rows) + first + delivery(p) + p.rows
    return work - np.maximum(f.last_row, p.rows) + f.last_row + p.rows + delivery(p) + 1


def reads(
    buffer: int, batch: int, bits: int, words: tuple[np.ndarray, np.ndarray, np.ndarray],
    outer: np.ndarray, others: np.ndarray,
) -> Reads:
    """How often an operand is read.

    words   bytes of a pass, a piece and the whole operand of one product, padding included
    outer   bool [tilings]: the outer loop runs over its pieces
    others  pieces of the other operand
    """  # fmt: skip
    one_pass, piece, whole = words
    all_of_it = whole * (1 if batch == 1 else 2)
    holds_all = all_of_it <= buffer
    holds_piece = outer & (2 * piece <= buffer)
    return Reads(
        bits=bits,
        fetches=np.where(holds_all | holds_piece, 1, others),
        need=np.where(holds_all, all_of_it, np.where(holds_piece, 2 * piece, 2 * one_pass)),
        fits=holds_all | (2 * one_pass <= buffer),
        once=holds_all & ~outer,
    )


def operand_reads(target: Target, gemm: Gemm, f: Folds, columns_first: np.ndarray) -> dict[str, Reads]:
    """Reads of "left" and "top"."""
    p, (along, across) = target.unit, lengths(target, gemm)
    if p.dataflow == "output":  # a word for each k
        every = np.full_like(f.step, gemm.k)
        left, top = (f.step, every, every * f.rows), (f.step, every, every * f.cols)
    else:
        resting = np.full_like(f.row, p.rows)
        left = (f.row, f.depth * f.row, f.depth * along)
        top = (resting, f.depth * resting, f.cols * f.depth * resting)
    return {
        "left": reads(
            target.buffer(target.left), gemm.batch, along * gemm.k * p.left.width,
            tuple(w * target.left_word for w in left), columns_first, f.cols,
        ),
        "top": reads(
            target.buffer(target.top), gemm.batch, across * gemm.k * p.top.width,
            tuple(w * target.top_word for w in top), ~columns_first, f.rows,
        ),
    }  # fmt: skip


def stalls(
    target: Target, gemm: Gemm, f: Folds, by: dict[str, Reads], columns_first: np.ndarray, out_bits: int
) -> np.ndarray:
    """Cycles beyond `compute` that the memory costs, a model. float64 [tilings]."""
    rate, (along, across) = 8.0 * target.bytes_per_cycle, lengths(target, gemm)
    last_col = across - (f.cols - 1) * target.unit.cols
    steps = np.where(columns_first, f.rows, f.cols)
    share = np.where(columns_first, f.row / along, np.minimum(target.unit.cols, across) / across)
    last_share = np.where(columns_first, f.last_row / along, last_col / across)
    inner_bits = np.where(columns_first, by["top"].bits, by["left"].bits)
    once = np.where(columns_first, by["top"].once, by["left"].once)
    outer_bits = np.where(
        columns_first, by["left"].bits * by["left"].fetches, by["top"].bits * by["top"].fetches
    )
    own = outer_bits + gemm.m * gemm.n * out_bits
    column = (f.rows - 1) * f.full_tile + f.last_tile
    work = np.where(columns_first, f.cols * f.full_tile, column)
    last_work = np.where(columns_first, f.cols * f.last_tile, column)

    def wait(share: np.ndarray, inner: np.ndarray, work: np.ndarray) -> np.ndarray:
        return np.maximum((own * share + inner) / rate - work, 0)

    again = np.where(once, 0, inner_bits)
    first = wait(share, inner_bits, work)
    alone = wait(last_share, inner_bits, last_work)
    several = first + (steps - 2) * wait(share, again, work) + wait(last_share, again, last_work)
    one_product = np.where(steps == 1, alone, several)
    piece_bits = by["left"].bits * f.row / along + by["top"].bits * min(target.unit.cols, across) / across
    first_tile = np.maximum(piece_bits / rate - f.full_tile - np.where(steps == 1, alone, first), 0)
    tail = f.last_row * last_col * out_bits / rate
    return gemm.batch * one_product + first_tile + piece_bits / f.depth / rate + tail


def cost(target: Target, gemm: Gemm, out_bits: int, stream: np.ndarray, columns_first: np.ndarray) -> Cost:
    """What each tiling costs. stream  int64 [tilings]; columns_first  bool [tilings]; out_bits  of a result"""
    f = folds(target, gemm, stream)
    by = operand_reads(target, gemm, f, columns_first)
    compute = compute_cycles(target, gemm, f)
    waits = stalls(target, gemm, f, by, columns_first, out_bits)
    read_bits = gemm.batch * sum(r.bits * r.fetches for r in by.values())
    return Cost(
        compute=compute,
        cycles=compute + np.ceil(waits).astype(np.int64),
        bytes_read=-(-read_bits // 8),
        bytes_written=-(-gemm.batch * gemm.m * gemm.n * out_bits // 8),
        needs={target.left: by["left"].need, target.top: by["top"].need},
        fits=by["left"].fits & by["top"].fits,
    )
