"""A product as the matrix unit goes through it: tile by tile, pass by pass, sums in the accumulators'
format."""

import numpy as np

from golden import pe
from golden.systolic.gemm import Schedule
from golden.systolic.operands import ChannelScaling, Operands
from golden.systolic.sums import in_order
from golden.vector.requantise import requantise


def follow(schedule: Schedule, operands: Operands) -> np.ndarray:
    """Values [batch, m, n], those of golden.systolic.sums.matrix_product."""
    g, (activations, weights, scaling) = schedule.gemm, operands
    exact = pe.module_of(schedule.unit.pe).EXACT
    values = np.empty((g.batch, g.m, g.n), np.int64 if exact else np.float64)
    for b in range(g.batch):
        for rows, cols in schedule.tiles():
            m, n = (cols, rows) if schedule.unit.dataflow == "input" else (rows, cols)
            sums = tile(schedule, activations[b, slice(*m)], weights[b, :, slice(*n)])
            values[b, slice(*m), slice(*n)] = drain(schedule, sums, scaling, slice(*n))
    return values


def tile(schedule: Schedule, a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Sums of a tile, a pass after the other. a [m, k], w [k, n] -> [m, n]."""
    p = schedule.unit.pe
    if not pe.module_of(p).EXACT:
        return in_order(schedule.unit, a, w, schedule.tiling.stream)
    dot = pe.module_of(p).dot
    sums = np.zeros((len(a), w.shape[1]), np.int64)
    for start, end in schedule.depth_pieces:
        sums = p.accumulator.wrap(sums + dot(p, a[:, start:end], w[start:end]))
    return sums


def drain(
    schedule: Schedule, sums: np.ndarray, scaling: ChannelScaling | None, channels: slice
) -> np.ndarray:
    """The results of a tile whose columns are `channels`: its sums, or their codes."""
    if scaling is None:
        return sums
    bias, multiplier, shift = (x[channels] for x in (scaling.bias, scaling.multiplier, scaling.shift))
    return requantise(
        schedule.unit.requantise, sums, bias, multiplier, shift, scaling.zero_point, scaling.relu
    )
