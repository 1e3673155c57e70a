"""The wavefront: what each PE does in each cycle, the schedule of `golden.systolic` drawn out.

Cycle 0 is that of `cycles`: the first word accepted. A vector that enters in cycle t is multiplied in row r
of column c in cycle t + 1 + r + c (the edge register, then one PE a cycle); a word of a resting tile that
enters in cycle t moves the loaded rows of column c in cycle t + 1 + c.
"""

from enum import IntEnum

import numpy as np

from golden.systolic.cycles import cycles, dataflow_module
from golden.systolic.gemm import Schedule


class PeActivity(IntEnum):
    """A PE's activity: idle, take a resting operand, multiply, multiply a tile's padding."""

    IDLE = 0
    LOADING = 1
    MULTIPLYING = 2
    PADDING = 3


def vectors(schedule: Schedule) -> np.ndarray:
    """Cycle in which each vector enters, unstalled. int64 [vectors of all passes]."""
    p, counts = schedule.unit, schedule.counts()
    starts = dataflow_module(p).first_vectors(p.loads, counts)
    enter = np.concatenate([start + np.arange(count) for start, count in zip(starts, counts, strict=True)])
    if p.dataflow == "output":  # the last pair of a pass waits for the drain of the pass before
        lasts = counts[0] + np.concatenate([[0], np.cumsum(np.maximum(counts[1:], p.rows))])
        enter[np.cumsum(counts) - 1] = lasts
    return enter


def loads(schedule: Schedule) -> np.ndarray:
    """Cycle in which each word of each resting tile enters. int64 [passes, words]; no passes if sums rest.

    A tile loads from the cycle on in which the one before it becomes the one in use.
    """
    p, counts = schedule.unit, schedule.counts()
    if p.dataflow == "output":
        return np.zeros((0, p.rows), np.int64)
    swaps = dataflow_module(p).first_vectors(p.loads, counts) - 1
    return np.concatenate([[0], swaps[:-1]])[:, None] + np.arange(p.loads)


def used(schedule: Schedule) -> np.ndarray:
    """[passes, rows, cols]: does the PE hold a real operand, or a tile's padding."""
    p = schedule.unit
    across = np.array([c1 - c0 for _, (c0, c1) in schedule.tiles()])
    each = schedule.passes_per_tile
    if p.dataflow == "output":
        # row r of a tile is computed in row rows-1-r of the array: the lowest leaves first
        down = np.repeat([r1 - r0 for (r0, r1), _ in schedule.tiles()], each)
        rows = np.arange(p.rows)[::-1] < down[:, None]
    else:
        depth = np.tile([k1 - k0 for k0, k1 in schedule.depth_pieces], len(across))
        rows = np.arange(p.rows) < depth[:, None]
    cols = np.arange(p.cols) < np.repeat(across, each)[:, None]
    return np.tile(rows[:, :, None] & cols[:, None, :], (schedule.gemm.batch, 1, 1))


def film(schedule: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Every PE in every cycle that `cycles` counts: its PeActivity, and which vector of its pass it
    multiplies.

    returns  uint8 [cycles, rows, cols], and int64 [cycles, rows, cols], -1 where no vector is
    """
    p = schedule.unit
    state = np.zeros((cycles(schedule), p.rows, p.cols), np.uint8)
    vector = np.full(state.shape, -1)
    row, col = np.meshgrid(np.arange(p.rows), np.arange(p.cols), indexing="ij")
    for tile in loads(schedule):
        for word, cycle in enumerate(tile):
            for c in range(p.cols):
                state[cycle + 1 + c, : word + 1, c] = PeActivity.LOADING
    real = used(schedule)
    counts = schedule.counts()
    numbers = np.repeat(np.arange(len(counts)), counts)
    places = np.concatenate([np.arange(count) for count in counts])
    for cycle, number, place in zip(vectors(schedule), numbers, places, strict=True):
        at = (cycle + 1 + row + col, row, col)
        state[at] = np.where(real[number], PeActivity.MULTIPLYING, PeActivity.PADDING)
        vector[at] = place
    return state, vector
