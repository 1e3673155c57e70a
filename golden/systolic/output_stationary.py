"""Output-stationary passes: the sums rest in the PEs, both operands stream past each other.

A pass streams `count` pairs of vectors, `rows` operands from the left and `cols` from the top. As the
last pair passes a PE its sum goes to a shadow register, and the column's shadows shift down and out, the
lowest row first, while the next pass works: the interval between passes is max(count, rows).

Source: derived as R + C + K - 2 + (F-1) max(K,R) + R for the bare array; here with its edge registers
and what follows it (see `golden.systolic.cycles`).
"""

import numpy as np


def last_vector(rows: int, counts: np.ndarray) -> int:
    """Cycle in which the last pair of the last pass enters; the first command enters in cycle 0.

    counts  int64 [passes], pairs of each pass, all >= 1
    """
    return int(counts[0]) + int(np.maximum(counts[1:], rows).sum())


def first_vectors(rows: int, counts: np.ndarray) -> np.ndarray:
    """Cycle in which the first pair of each pass enters. int64 [passes].

    A pass starts right behind the one before it; only its last pair waits for the drain.
    """
    lasts = counts[0] + np.concatenate([[0], np.cumsum(np.maximum(counts[1:], rows))])
    return np.concatenate([[1], lasts[:-1] + 1])


def waits(rows: int, counts: np.ndarray) -> int:
    """Cycles in which a last pair waits until the drain of the pass before it is out."""
    return int(np.maximum(rows - counts[1:], 0).sum())


def rows_in_flight(count: int, rows: int, life: int) -> int:
    """Accumulator rows that let tiles of one pass of `count` pairs follow one another without a wait.

    A tile takes `rows` rows as it starts, in the cycle of the last pair before it, or, where its own last
    pair has to wait for the drain anyway, up to rows - count cycles later. Row k of tile i before it goes
    free k + life cycles after that tile's last pair, i - 1 intervals ago.
    """
    interval = max(count, rows)
    slack = interval - count
    behind = np.arange(0, 2 + (rows + life) // interval)
    return rows + int(np.clip(rows + life - 1 - slack - behind * interval, 0, rows).sum())
