"""Operands that a block's power is measured with: a layer's weights and activations, cut into 64 runs.

The real ones are recorded in a network (systola.recorded); where that is not to be had, Gaussian ones, which
are named so. A run takes a tile of the weights of its own and the activations that belong to it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from golden import blocks, check, pe
from golden.formats import Int
from golden.pe.quantise import activations, quantise
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.operands import ChannelScaling, Operands
from golden.systolic.params import MatrixUnitParams
from golden.tile import tile
from golden.tile.params import TileParams
from golden.vector.requantise import multiplier_and_shift

Array = np.ndarray[Any, np.dtype[Any]]
RUNS = 64
DEVIATIONS = 4.0  # of the sums, that the codes of a result span each way


@dataclass(frozen=True, slots=True)
class Workload:
    """A layer's operands.

    weights [k, n], activations [m, k]   integers; of a tile, reals
    source   what they are and where from, for a report
    """

    name: str
    source: str
    weights: Array
    activations: Array

    def __post_init__(self) -> None:
        k = len(self.weights)
        check.shape("activations", self.activations, (len(self.activations), k))

    def fits(self, weight: Int, activation: Int) -> "Workload":
        """Itself; BadValue naming the array whose values are outside the format."""
        weight.check(f"{self.name}: weights", self.weights)
        activation.check(f"{self.name}: activations", self.activations)
        return self


def gaussian(
    weight: Int, activation: Int, *, k: int = 384, n: int = 1536, m: int = 96, seed: int = 1
) -> Workload:
    """Normal operands, quantised from their largest value; the absolute values where a format is unsigned."""
    random = np.random.default_rng(seed)

    def coded(shape: tuple[int, int], fmt: Int) -> Array:
        values = random.standard_normal(shape)
        values = values if fmt.signed else np.abs(values)
        return np.asarray(fmt.saturate(np.rint(values * (fmt.max / np.abs(values).max())).astype(np.int64)))

    source = f"seeded normal operands (seed {seed}), {weight} x {activation}; no network"
    return Workload("gaussian", source, coded((k, n), weight), coded((m, k), activation))


@dataclass(frozen=True, slots=True)
class PeWork:
    """ports: integers [cycles, runs] by name. expected: acc_out [cycles, runs], from cycle `latency` on.

    operations  products a cycle of a run
    """

    ports: dict[str, Array]
    expected: Array
    latency: int
    operations: float = 1.0


def for_pe(p: Any, work: Workload, *, rows: int = 16, cycles: int = 256) -> PeWork:
    """A PE of golden.pe in a weight-stationary array of `rows` rows: its weight stays, vectors and sums come.

    Run r is in row r of a tile, in a column of its own; acc_in is the sum of the rows above it.
    """
    golden = pe.module_of(p)
    if "array" not in golden.STANDS or not isinstance(p.accumulator, Int):
        raise check.fail("power: pe", pe.kind_of(p), "PEs of the systolic array that add integers")
    work.fits(p.weight, p.activation)
    k, n = work.weights.shape
    rows = min(rows, k)
    row, run = np.arange(RUNS) % rows, np.arange(RUNS)
    first = run // rows * rows % (k - rows + 1)
    vectors = np.resize(np.arange(len(work.activations)), cycles)
    acc = np.zeros((cycles, RUNS), np.int64)
    for above in range(rows - 1):
        weight, activation = operands(work, first + above, run % n, vectors)
        acc = np.where(above < row, golden.accumulate(p, acc, weight, activation), acc)
    weight, activation = operands(work, first + row, run % n, vectors)
    latency = golden.latency(p)
    late = np.concatenate([acc[:1].repeat(latency, axis=0), acc])[:cycles]
    ports = {"weight": weight, "activation": activation, "acc_in": late}
    expected = golden.accumulate(p, acc, weight, activation)
    return PeWork(ports, expected[: cycles - latency], latency)


def operands(work: Workload, rows: Array, columns: Array, vectors: Array) -> tuple[Array, Array]:
    """Weights [cycles, runs] of each run's row and column, which stay; activations of these rows."""
    weight = np.broadcast_to(work.weights[rows, columns], (len(vectors), len(rows)))
    return np.asarray(weight), work.activations[np.ix_(vectors, rows)]


@dataclass(frozen=True, slots=True)
class BlockWork:
    """The work of a block of streams (golden.blocks) in 64 runs, whose job is the same.

    streams     uint8 [runs, words, bytes] by name; count: words of `o` to take
    expected    golden's values, [runs, ...]
    macs        of a run; cycles: golden's
    """

    p: Any
    job: Any
    streams: dict[str, Array]
    count: int
    expected: Array
    macs: int
    cycles: int

    def found(self, outputs: Array) -> Array:
        """Values, as `expected`, of what the block gave: uint8 [runs, words, bytes]."""
        return np.stack([blocks.module_of(self.p).unpack(self.p, self.job, each) for each in outputs])


def for_block(p: Any, work: Workload, *, vectors: int = 96, passes: int = 2) -> BlockWork:
    """A job of `vectors` vectors and `passes` passes, as far as a block has them; operands for each run."""
    block, operands_of = blocks.module_of(p), OPERANDS[blocks.path_of(p)]
    runs = [operands_of(p, work, run, vectors, passes) for run in range(RUNS)]
    job, gemm = runs[0][:2]
    packed = [block.pack(p, job, operands) for *_, operands in runs]
    streams = {name: np.stack([each[name] for each in packed]) for name in packed[0]}
    expected = np.stack([block.compute(p, job, operands) for *_, operands in runs])
    return BlockWork(p, job, streams, block.count(p, job), expected, gemm.macs, int(block.cycles(p, job)))


def of_matrix_unit(
    p: MatrixUnitParams, work: Workload, run: int, vectors: int, passes: int
) -> tuple[Schedule, Gemm, Operands]:
    """`vectors` activations by `passes` tiles' depth of weights, whose columns are each run's own.

    The requantiser takes sums of DEVIATIONS standard deviations to the ends of its codes.
    """
    work.fits(p.pe.weight, p.pe.activation)
    k, (m, n) = min(passes * p.rows, len(work.weights)), (vectors, p.cols)
    if p.dataflow == "output":
        k, m = min(vectors, len(work.weights)), p.rows * passes
    elif p.dataflow == "input":
        m, n = p.cols, vectors
    stream = min(p.accumulator_rows, max(m, n))
    gemm = Gemm(m=m, n=n, k=k)
    schedule = Schedule(p, gemm, Tiling(stream=p.rows if p.dataflow == "output" else stream))
    a, w = (each[None] for each in cut(work, gemm, run))
    scaling = scaling_of(p, a, w) if p.scaled else None
    return schedule, gemm, Operands(a, w, scaling)


def of_tile(
    p: TileParams, work: Workload, run: int, vectors: int, passes: int
) -> tuple[Gemm, Gemm, tile.Operands]:
    """A block of results, `passes` groups deep; of reals, which the PE's own quantiser codes."""
    gemm = Gemm(m=p.rows, n=p.cols, k=passes * p.group)
    a, w = cut(work, gemm, run)
    return gemm, gemm, tile.Operands(activations(p.pe, a)[0], quantise(p.pe, w).weights)


def cut(work: Workload, gemm: Gemm, run: int) -> tuple[Array, Array]:
    """A run's activations [m, k] and weights [k, n] of a layer, whose ends are followed by its begins."""
    depth = (run * gemm.k + np.arange(gemm.k)) % len(work.weights)
    columns = (run * gemm.n + np.arange(gemm.n)) % work.weights.shape[1]
    rows = np.resize(np.arange(len(work.activations)), gemm.m)
    return work.activations[np.ix_(rows, depth)], work.weights[np.ix_(depth, columns)]


OPERANDS: dict[str, Any] = {"systolic/matrix_unit": of_matrix_unit, "tile/tile": of_tile}


def scaling_of(p: MatrixUnitParams, activations: Array, weights: Array) -> ChannelScaling:
    """One factor for all channels, so that the codes hold the sums' spread."""
    n = weights.shape[-1]
    spread = max(1.0, DEVIATIONS * float((activations @ weights).std()))
    factor = min(p.requantise.out.max / spread, p.requantise.multiplier.max / 2)
    requantise = p.requantise
    multiplier, shift = multiplier_and_shift(np.full(n, factor), requantise.multiplier, requantise.max_shift)
    return ChannelScaling(bias=np.zeros(n, np.int64), multiplier=multiplier, shift=shift)
