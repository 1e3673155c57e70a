"""Cycles as SCALE-Sim 3 counts them, to compare with its users' figures; not what any hardware here takes.

    output   ceil(M/R) ceil(N/C) (R + C + K - 2)
    weight   ceil(K/R) ceil(N/C) (2R + C + M - 2)
    input    ceil(K/R) ceil(M/C) (2R + C + N - 2)

R rows, C columns; a fold is loaded, streamed and drained before the next one begins. Output-stationary leaves
out the drain of the sums, so it is R a fold too few. SCALE-Sim prints one less than it counts.
Source: scalesim 3.0.0, compute/systolic_compute_{os,ws,is}.py.
"""

from golden.division import ceil_div
from golden.systolic.gemm import Gemm
from golden.systolic.params import MatrixUnitParams


def cycles(unit: MatrixUnitParams, gemm: Gemm) -> int:
    """Cycles of a batch of products, one after the other, on the array of `unit`, without stalls."""
    rows, cols = unit.rows, unit.cols
    folded_rows, folded_cols, streamed, load = {
        "output": (gemm.m, gemm.n, gemm.k, 0),
        "weight": (gemm.k, gemm.n, gemm.m, rows),
        "input": (gemm.k, gemm.m, gemm.n, rows),
    }[unit.dataflow]
    folds = ceil_div(folded_rows, rows) * ceil_div(folded_cols, cols)
    return gemm.batch * folds * (load + rows + cols + streamed - 2)
