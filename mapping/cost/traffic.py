"""Bytes between memory and buffers under a schedule.

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
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from golden.division import ceil_div
from golden.systolic.gemm import Gemm
from mapping.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Tilings of a product, one in each element of the arrays: pieces of the three axes, int64 [tilings].

    rows, cols, depth          pieces of the accumulator rows, the columns and k
    row, last_row              accumulator rows of a piece, and of the last piece
    step, last_step            k of a pass, and of a tile's last pass
    full_tile, last_tile       cycles of the passes of a tile, and of a tile in the last row piece
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
    """Reads of one operand, arrays [tilings].

    bits     of the operand of one product
    fetches  how often it is read
    need     bytes of buffer
    fits     whether the buffer is large enough; once: whether it holds the whole operand
    """

    bits: int
    fetches: np.ndarray
    need: np.ndarray
    fits: np.ndarray
    once: np.ndarray


def lengths(target: Target, gemm: Gemm) -> tuple[int, int]:
    """Length of the product along the accumulator rows and along the columns."""
    return (gemm.n, gemm.m) if target.unit.dataflow == "input" else (gemm.m, gemm.n)


def folds(target: Target, gemm: Gemm, stream: np.ndarray) -> Folds:
    """The pieces of each tiling. stream: int64 [tilings], vectors of a pass."""
    p = target.unit
    along, across = lengths(target, gemm)
    resting = np.full_like(stream, p.rows)
    row, step = (resting, stream) if p.dataflow == "output" else (stream, resting)
    row, step = np.minimum(row, along), np.minimum(step, gemm.k)
    rows, depth = ceil_div(along, row), ceil_div(gemm.k, step)
    last_row, last_step = along - (rows - 1) * row, gemm.k - (depth - 1) * step
    if p.dataflow == "output":
        full_tile = last_tile = (depth - 1) * np.maximum(step, p.rows) + np.maximum(last_step, p.rows)
    else:
        full_tile, last_tile = depth * np.maximum(row, p.rows), depth * np.maximum(last_row, p.rows)
    cols = np.full_like(stream, ceil_div(across, p.cols))
    return Folds(
        rows=rows, cols=cols, depth=depth, row=row, last_row=last_row,
        step=step, last_step=last_step, full_tile=full_tile, last_tile=last_tile,
    )  # fmt: skip


def reads(
    buffer: int, batch: int, bits: int, sizes: Sequence[np.ndarray], outer: np.ndarray, others: np.ndarray
) -> Reads:
    """The Reads of an operand.

    sizes   bytes of a pass, a piece and the whole operand of one product, padding included
    outer   bool [tilings]: the outer loop runs over its pieces
    others  pieces of the other operand
    """
    one_pass, piece, whole = sizes
    all_of_it = whole * (1 if batch == 1 else 2)
    holds_all = all_of_it <= buffer
    holds_piece = outer & (2 * piece <= buffer)
    return Reads(
        bits=bits,
        fetches=np.where(holds_all | holds_piece, 1, others),
        need=np.where(holds_all, all_of_it, np.where(holds_piece, 2 * piece, 2 * one_pass)),
        fits=holds_all | (2 * one_pass <= buffer),
        once=holds_all,
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
            [words * target.left_word for words in left], columns_first, f.cols,
        ),
        "top": reads(
            target.buffer(target.top), gemm.batch, across * gemm.k * p.top.width,
            [words * target.top_word for words in top], ~columns_first, f.rows,
        ),
    }  # fmt: skip
