"""Who computes a matrix product: golden following the schedule, golden at once, or (in `sim`) the RTL.

All give the same bits. An engine is anything with a name and `product`.
"""

from typing import Protocol

import numpy as np

from golden import pe
from golden.pe.weights import Weights
from golden.systolic import sums as sums_of
from golden.systolic.gemm import Schedule
from golden.systolic.matrix_unit import Product, Scaling, compute, cycles
from golden.tile import tile as tiles
from golden.tile import words
from golden.vector.requantise import requantise

Job = Schedule | tiles.TileParams
Factor = np.ndarray | Weights


class Engine(Protocol):
    """product: of a matrix unit by a schedule, or of a tile.

    matrix unit  `activations` [batch, m, k] by `weights` [batch, k, n]; no scaling: the sums
    tile         `activations` [m, k] by weights in groups: fp32 totals [m, n]
    """

    @property
    def name(self) -> str: ...

    def product(
        self, name: str, job: Job, activations: np.ndarray, weights: Factor, scaling: Scaling | None = None
    ) -> Product: ...


class Mismatch(Exception):
    """Two engines disagree: a layer, a place, both values."""


class ModelEngine:
    """The whole product at once, and golden's closed form for the cycles."""

    name = "model"

    def product(
        self, name: str, job: Job, activations: np.ndarray, weights: Factor, scaling: Scaling | None = None
    ) -> Product:
        if isinstance(weights, Weights):
            return on_tile(job, activations, weights)
        assert isinstance(job, Schedule)
        stream = job.tiling.stream
        return Product(compute(job.unit, activations, weights, scaling, stream), cycles(job))


def on_tile(p: Job, activations: np.ndarray, weights: Weights) -> Product:
    """Golden's product of a tile; a tile works in one order, so `golden` and `model` are the same."""
    assert isinstance(p, tiles.TileParams)
    m, (k, n) = len(activations), weights.codes.shape
    return Product(tiles.compute(p, activations, weights), words.cycles(p, words.product_groups(p, m, n, k)))


class GoldenEngine:
    """The schedule followed tile by tile and pass by pass, sums kept in the accumulators' format."""

    name = "golden"

    def product(
        self, name: str, job: Job, activations: np.ndarray, weights: Factor, scaling: Scaling | None = None
    ) -> Product:
        if isinstance(weights, Weights):
            return on_tile(job, activations, weights)
        assert isinstance(job, Schedule)
        g = job.gemm
        exact = pe.module_of(job.unit.pe).EXACT
        values = np.empty((g.batch, g.m, g.n), np.int64 if exact else np.float64)
        for b in range(g.batch):
            for rows, cols in job.tiles():
                m, n = (cols, rows) if job.unit.dataflow == "input" else (rows, cols)
                sums = tile(job, activations[b, slice(*m)], weights[b, :, slice(*n)])
                values[b, slice(*m), slice(*n)] = drain(job, sums, scaling, slice(*n))
        return Product(values, cycles(job))


def tile(schedule: Schedule, a: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Sums of a tile, a pass after the other. a [m, k], w [k, n] -> [m, n]."""
    p = schedule.unit.pe
    if not pe.module_of(p).EXACT:
        return sums_of.in_order(schedule.unit, a, w, schedule.tiling.stream)
    dot = pe.module_of(p).dot
    sums = np.zeros((len(a), w.shape[1]), np.int64)
    for start, end in schedule.depth_pieces:
        sums = p.accumulator.wrap(sums + dot(p, a[:, start:end], w[start:end]))
    return sums


def drain(schedule: Schedule, sums: np.ndarray, scaling: Scaling | None, channels: slice) -> np.ndarray:
    """What leaves of a tile whose columns are `channels`."""
    if scaling is None:
        return sums
    bias, multiplier, shift = (x[channels] for x in (scaling.bias, scaling.multiplier, scaling.shift))
    return requantise(
        schedule.unit.requantise, sums, bias, multiplier, shift, scaling.zero_point, scaling.relu
    )


class ComparingEngine:
    """`primary`, each product checked against `reference`: values, and cycles where both count them.

    raises  Mismatch at the first difference
    """

    def __init__(self, primary: Engine, reference: Engine) -> None:
        self.primary, self.reference = primary, reference
        self.name = f"{primary.name}, checked against {reference.name}"

    def product(
        self, name: str, job: Job, activations: np.ndarray, weights: Factor, scaling: Scaling | None = None
    ) -> Product:
        got = self.primary.product(name, job, activations, weights, scaling)
        wanted = self.reference.product(name, job, activations, weights, scaling)
        who = f"layer {name}: {self.primary.name} gives"
        differ = (got.values != wanted.values) & ~(np.isnan(got.values) & np.isnan(wanted.values))
        for at in map(tuple, np.argwhere(differ)[:1]):
            raise Mismatch(
                f"{who} {got.values[at]} at {[int(i) for i in at]}, "
                f"{self.reference.name} {wanted.values[at]} "
                f"({int(differ.sum())} of {differ.size} values differ)"
            )
        if got.cycles is not None and wanted.cycles is not None and got.cycles != wanted.cycles:
            raise Mismatch(f"{who} {got.cycles} cycles, {self.reference.name} {wanted.cycles}")
        return got
