"""Who computes a matrix product: golden following the schedule, golden at once, or (in `sim`) the RTL.

All give the same bits. An engine is anything with a name and `product`.
"""

from typing import Protocol

import numpy as np

from golden import pe
from golden.systolic import sums as sums_of
from golden.systolic.gemm import Schedule
from golden.systolic.matrix_unit import Product, Scaling, compute, cycles
from golden.vector.requantise import requantise


class Engine(Protocol):
    """product: `activations` [batch, m, k] by `weights` [batch, k, n]; no scaling: the sums."""

    @property
    def name(self) -> str: ...

    def product(
        self, name: str, schedule: Schedule, activations: np.ndarray, weights: np.ndarray,
        scaling: Scaling | None,
    ) -> Product: ...  # fmt: skip


class Mismatch(Exception):
    """Two engines disagree: a layer, a place, both values."""


class ModelEngine:
    """The whole product at once, and golden's closed form for the cycles."""

    name = "model"

    def product(
        self, name: str, schedule: Schedule, activations: np.ndarray, weights: np.ndarray,
        scaling: Scaling | None,
    ) -> Product:  # fmt: skip
        stream = schedule.tiling.stream
        return Product(compute(schedule.unit, activations, weights, scaling, stream), cycles(schedule))


class GoldenEngine:
    """The schedule followed tile by tile and pass by pass, sums kept in the accumulators' format."""

    name = "golden"

    def product(
        self, name: str, schedule: Schedule, activations: np.ndarray, weights: np.ndarray,
        scaling: Scaling | None,
    ) -> Product:  # fmt: skip
        g = schedule.gemm
        exact = pe.module_of(schedule.unit.pe).EXACT
        values = np.empty((g.batch, g.m, g.n), np.int64 if exact else np.float64)
        for b in range(g.batch):
            for rows, cols in schedule.tiles():
                m, n = (cols, rows) if schedule.unit.dataflow == "input" else (rows, cols)
                sums = tile(schedule, activations[b, slice(*m)], weights[b, :, slice(*n)])
                values[b, slice(*m), slice(*n)] = drain(schedule, sums, scaling, slice(*n))
        return Product(values, cycles(schedule))


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
        self, name: str, schedule: Schedule, activations: np.ndarray, weights: np.ndarray,
        scaling: Scaling | None,
    ) -> Product:  # fmt: skip
        got = self.primary.product(name, schedule, activations, weights, scaling)
        wanted = self.reference.product(name, schedule, activations, weights, scaling)
        who = f"layer {name}: {self.primary.name} gives"
        differ = np.argwhere(got.values != wanted.values)
        if len(differ):
            at = tuple(int(i) for i in differ[0])
            raise Mismatch(
                f"{who} {int(got.values[at])} at {list(at)}, {self.reference.name} {int(wanted.values[at])} "
                f"({len(differ)} of {got.values.size} values differ)"
            )
        if got.cycles is not None and wanted.cycles is not None and got.cycles != wanted.cycles:
            raise Mismatch(f"{who} {got.cycles} cycles, {self.reference.name} {wanted.cycles}")
        return got
