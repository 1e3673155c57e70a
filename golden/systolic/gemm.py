"""A matrix product, cut into tiles and passes for a matrix unit.

    Y[b, m, n] = sum over k of A[b, m, k] W[b, k, n]

Two axes are folded onto the array, the third is streamed:

    dataflow   rows of the array   columns   streamed
    weight     k                   n         m
    input      k                   m         n
    output     m                   n         k

A tile is the set of sums that one stay in the accumulator memory completes; a pass is one visit of the
array. Weight- and input-stationary, a tile is `stream` vectors by one fold of columns, and takes a pass per
fold of k. Output-stationary, a tile is one fold of rows by one of columns, and takes a pass per `stream`
of k.
"""

from dataclasses import dataclass

import numpy as np

from golden import check
from golden.division import ceil_div
from golden.systolic.params import MatrixUnitParams

# axes of a product on the rows and the columns of the array, and the streamed one, by dataflow
AXES = {"weight": ("k", "n", "m"), "input": ("k", "m", "n"), "output": ("m", "n", "k")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemm:
    """Shape of a batch of products."""

    m: int
    n: int
    k: int
    batch: int = 1

    def __post_init__(self) -> None:
        for axis in ("m", "n", "k", "batch"):
            check.in_range(axis, getattr(self, axis), 1, 1 << 31)

    @property
    def shape(self) -> str:
        """The axes, m x n x k."""
        return f"{self.m} x {self.n} x {self.k}"

    @property
    def macs(self) -> int:
        return self.batch * self.m * self.n * self.k


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """stream: most vectors in one pass. columns_first: visit all folds of the columns before the next
    piece of the other axis, so that piece is fetched once; else the other way round."""

    stream: int
    columns_first: bool = True

    def __post_init__(self) -> None:
        check.in_range("tile.stream", self.stream, 1, 1 << 31)


def pieces(length: int, most: int) -> list[tuple[int, int]]:
    """(start, end) of consecutive pieces of at most `most`, the last one shorter."""
    return [(start, min(start + most, length)) for start in range(0, length, most)]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A Gemm on a MatrixUnitParams under a Tiling: the order of its tiles and passes."""

    unit: MatrixUnitParams
    gemm: Gemm
    tiling: Tiling

    @property
    def shape(self) -> str:
        """The axes of a product, m x n x k."""
        return self.gemm.shape

    @property
    def outputs(self) -> tuple[int, int]:
        """(length along the accumulator rows, length along the columns) of the product as it leaves."""
        g = self.gemm
        return (g.n, g.m) if self.unit.dataflow == "input" else (g.m, g.n)

    @property
    def row_pieces(self) -> list[tuple[int, int]]:
        """Pieces of the accumulator rows, one a tile."""
        most = self.unit.rows if self.unit.dataflow == "output" else self.tiling.stream
        return pieces(self.outputs[0], most)

    @property
    def column_pieces(self) -> list[tuple[int, int]]:
        """Folds of the columns."""
        return pieces(self.outputs[1], self.unit.cols)

    @property
    def depth_pieces(self) -> list[tuple[int, int]]:
        """Pieces of k, one a pass."""
        return pieces(self.gemm.k, self.depth)

    def tiles(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """(row piece, column piece) of each tile of one product, in order."""
        if self.tiling.columns_first:
            return [(r, c) for r in self.row_pieces for c in self.column_pieces]
        return [(r, c) for c in self.column_pieces for r in self.row_pieces]

    def counts(self) -> np.ndarray:
        """Vectors of each pass of the whole batch. int64 [passes]."""
        depth = self.depth_pieces
        if self.unit.dataflow == "output":
            one = np.tile(
                [end - start for start, end in depth], len(self.row_pieces) * len(self.column_pieces)
            )
        else:
            one = np.repeat([r[1] - r[0] for r, _ in self.tiles()], len(depth))
        return np.tile(one, self.gemm.batch).astype(np.int64)

    def tile_rows(self) -> np.ndarray:
        """Accumulator rows of each tile of the whole batch, padding included. int64 [tiles]."""
        if self.unit.dataflow == "output":
            one = np.full(len(self.row_pieces) * len(self.column_pieces), self.unit.rows)
        else:
            one = np.array([r[1] - r[0] for r, _ in self.tiles()])
        return np.tile(one, self.gemm.batch).astype(np.int64)

    @property
    def passes_per_tile(self) -> int:
        return ceil_div(self.gemm.k, self.depth)

    @property
    def depth(self) -> int:
        """The most of k in a pass."""
        return self.tiling.stream if self.unit.dataflow == "output" else self.unit.rows

    @property
    def folds(self) -> tuple[int, int]:
        """How many pieces the accumulator rows and the columns have."""
        most = self.unit.rows if self.unit.dataflow == "output" else self.tiling.stream
        return ceil_div(self.outputs[0], most), ceil_div(self.outputs[1], self.unit.cols)

    def count_table(self) -> dict[int, int]:
        """{vectors of a pass: number of such passes} over the whole batch: `counts` without the long list."""
        rows, cols = self.folds
        if self.unit.dataflow == "output":
            length, pieces_of_it, times = self.gemm.k, self.passes_per_tile, rows * cols
        else:
            length, pieces_of_it, times = self.outputs[0], rows, cols * self.passes_per_tile
        most = self.tiling.stream
        last = length - (pieces_of_it - 1) * most
        times *= self.gemm.batch
        found = {most: (pieces_of_it - 1) * times} if pieces_of_it > 1 else {}
        found[last] = found.get(last, 0) + times
        return found

    @property
    def ends(self) -> tuple[int, int]:
        """Vectors of the first and of the last pass."""
        length = self.gemm.k if self.unit.dataflow == "output" else self.outputs[0]
        most = self.tiling.stream
        return min(most, length), length - (ceil_div(length, most) - 1) * most
