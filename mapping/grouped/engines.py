"""Who computes grouped products: golden, or (in sim.tile_engine) the RTL. All give the same bits."""

from typing import Protocol

import numpy as np

from golden.pe.weights import Weights
from golden.systolic.gemm import Schedule
from golden.systolic.matrix_unit import Product
from golden.tile import words
from golden.tile.tile import TileParams, compute
from mapping.backends.engines import Engine as ArrayEngine
from mapping.backends.engines import Mismatch, ModelEngine


class Engine(Protocol):
    """tile: a product on a tile, fp32 [M, N]. sums: of groups, on an array (mapping.backends.engines)."""

    @property
    def name(self) -> str: ...

    def tile(self, name: str, p: TileParams, activations: np.ndarray, weights: Weights) -> Product: ...

    def sums(
        self, name: str, schedule: Schedule, activations: np.ndarray, weights: np.ndarray
    ) -> Product: ...


def tile_groups(p: TileParams, m: int, n: int, k: int) -> int:
    """Groups that the tile works through for a product [m, k] by [k, n]: of every block."""
    return -(-m // p.rows) * -(-n // p.cols) * (k // p.group)


class GoldenEngine:
    """Golden's values, and its closed forms of the cycles."""

    name = "golden"
    array: ArrayEngine = ModelEngine()

    def tile(self, name: str, p: TileParams, activations: np.ndarray, weights: Weights) -> Product:
        m, (k, n) = len(activations), weights.codes.shape
        return Product(compute(p, activations, weights), words.cycles(p, tile_groups(p, m, n, k)))

    def sums(self, name: str, schedule: Schedule, activations: np.ndarray, weights: np.ndarray) -> Product:
        return self.array.product(name, schedule, activations, weights, None)


class ComparingEngine:
    """`primary`, each product checked against `reference`: values to the bit, and cycles; raises Mismatch."""

    def __init__(self, primary: Engine, reference: Engine) -> None:
        self.primary, self.reference = primary, reference
        self.name = f"{primary.name}, checked against {reference.name}"

    def tile(self, name: str, p: TileParams, activations: np.ndarray, weights: Weights) -> Product:
        found = self.primary.tile(name, p, activations, weights)
        return self.same(name, found, self.reference.tile(name, p, activations, weights))

    def sums(self, name: str, schedule: Schedule, activations: np.ndarray, weights: np.ndarray) -> Product:
        found = self.primary.sums(name, schedule, activations, weights)
        return self.same(name, found, self.reference.sums(name, schedule, activations, weights))

    def same(self, name: str, got: Product, wanted: Product) -> Product:
        """`got`; Mismatch names the first difference."""
        who = f"layer {name}: {self.primary.name} gives"
        alike = (got.values == wanted.values) | (np.isnan(got.values) & np.isnan(wanted.values))
        for place in map(tuple, np.argwhere(~alike)[:1]):
            raise Mismatch(
                f"{who} {got.values[place]} at {[int(i) for i in place]}, {self.reference.name} "
                f"{wanted.values[place]} ({int((~alike).sum())} of {alike.size} values differ)"
            )
        if got.cycles != wanted.cycles:
            raise Mismatch(f"{who} {got.cycles} cycles, {self.reference.name} {wanted.cycles}")
        return got
