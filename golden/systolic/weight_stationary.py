"""Weight-stationary passes: one operand rests in the PEs, the other streams past it.

A pass loads a tile of `rows` x `cols` resting operands (a word a cycle, from the top: a row, or several) and
streams `count` vectors of `rows` operands from the left. The resting operand is double-buffered and its load
staggered: row i takes words only from the i-th on, and the swap travels with the wavefront, so the next tile
loads while this one works and the interval between passes is max(count, loads), `loads` the words of a tile.

Several rows a word: the array is as many stacks of `loads` rows, one on the other. Each loads as an array of
`loads` rows does, so many cycles after the stack above it, which is when the swap comes to it.

Input-stationary is the same array with the operands exchanged: Y^T = W^T A^T.

Source: register-level model of `double-buffered, staggered load`: R + (F-1) max(M,R) + M + R + C - 2 for
the bare array; here with its edge registers and what follows it (see `golden.systolic.cycles`).
"""

import numpy as np

SWAP = 1  # the cycle in which the loaded tile becomes the one in use, before its first vector


def last_vector(loads: int, counts: np.ndarray) -> int:
    """Cycle in which the last vector of the last pass enters; the first tile's first word enters in cycle 0.

    counts  int64 [passes], vectors of each pass, all >= 1
    """
    return loads + int(np.maximum(counts[:-1], loads).sum()) + int(counts[-1])


def first_vectors(loads: int, counts: np.ndarray) -> np.ndarray:
    """Cycle in which the first vector of each pass enters. int64 [passes]."""
    intervals = np.maximum(counts[:-1], loads)
    return loads + SWAP + np.concatenate([[0], np.cumsum(intervals)])


def waits(loads: int, counts: np.ndarray) -> int:
    """Cycles between passes in which no vector enters because the next tile is still loading."""
    return int(np.maximum(loads - counts[:-1], 0).sum())


def rows_in_flight(count: int, loads: int, life: int) -> int:
    """Accumulator rows that let tiles of `count` vectors, one pass each, follow one another without a wait.

    A row lives from the start of its tile to `life` cycles after its vector entered. When a tile starts,
    tile i before it, interval P = max(count, loads), still holds the rows m >= i P - life + 1.
    """
    interval = max(count, loads)
    behind = np.arange(1, 2 + (count + life) // interval)
    return count + int(np.clip(count + life - 1 - behind * interval, 0, count).sum())
