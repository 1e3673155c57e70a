"""Jobs for a matrix unit: products with tilings and operands, directed and random, and their words."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from golden import streams
from golden.division import ceil_div
from golden.formats import Float, Int
from golden.systolic import words
from golden.systolic.gemm import AXES, Gemm, Schedule, Tiling
from golden.systolic.operands import ChannelScaling
from golden.systolic.params import MatrixUnitParams
from golden.systolic.sums import matrix_product
from sim.benches.pe.vectors import corners

VALUES = ("random", "least", "largest", "alternating")
RESULTS = ("sums", "codes", "codes with relu")


@dataclass(frozen=True, slots=True)
class ProductJob:
    """A product to run: operands [batch, m, k] and [batch, k, n], of the kind `values`."""

    schedule: Schedule
    activations: np.ndarray
    weights: np.ndarray
    scaling: ChannelScaling | None
    values: str

    def __str__(self) -> str:
        g, tiling = self.schedule.gemm, self.schedule.tiling
        shape = f"m={g.m} n={g.n} k={g.k} batch={g.batch} stream={tiling.stream}"
        return f"{shape} {self.result} of {self.values} values"

    @property
    def result(self) -> str:
        return RESULTS[0] if self.scaling is None else RESULTS[1 + self.scaling.relu]

    @property
    def outputs(self) -> int:
        """Words of `o`."""
        return int(self.schedule.tile_rows().sum())

    def words(self) -> dict[str, list[int]]:
        """The packed words of each input stream."""
        packed = words.pack_streams(self.schedule, self.activations, self.weights, self.scaling)
        return {name: from_bytes(rows) for name, rows in packed.items()}

    def product(self, delivered: list[int]) -> np.ndarray:
        """The product in the packed words of `o`. [batch, m, n]"""
        width = streams.bits(words.fields(self.schedule.unit)["o"])
        return words.unpack_outputs(self.schedule, to_bytes(delivered, width))

    def golden(self) -> np.ndarray:
        """Golden's result."""
        s = self.schedule
        return matrix_product(s.unit, self.activations, self.weights, self.scaling, s.tiling.stream)


def to_bytes(packed: list[int], bits: int) -> np.ndarray:
    """uint8 [words, bytes] of packed words."""
    stride = ceil_div(bits, 8)
    joined = b"".join(word.to_bytes(stride, "little") for word in packed)
    return np.frombuffer(joined, np.uint8).reshape(-1, stride)


def from_bytes(words: np.ndarray) -> list[int]:
    """Packed words of uint8 [words, bytes]."""
    return [int.from_bytes(row.tobytes(), "little") for row in words]


def operands(rng: np.random.Generator, fmt: Int | Float, shape: tuple[int, ...], values: str) -> np.ndarray:
    """Any values of the format, a quarter of them its ends; or only its ends. Of a Float, as `floats`."""
    ends = rng.choice([fmt.min, fmt.max], shape)
    if values == "random":
        if isinstance(fmt, Float):
            return floats(rng, fmt, shape)
        return np.where(rng.random(shape) < 0.25, ends, rng.integers(fmt.min, fmt.max + 1, shape))
    if values == "alternating":
        return np.where(np.indices(shape).sum(axis=0) % 2, fmt.min, fmt.max)
    return np.full(shape, fmt.min if values == "least" else fmt.max)


def floats(rng: np.random.Generator, fmt: Float, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of a few binades, so that every product moves the sum; in some of the jobs corners, too."""
    some = fmt.quantise(rng.normal(size=shape) * 2.0 ** rng.integers(-4, 5, shape))
    rare = rng.random(shape) < rng.choice([0, 1 / 64, 1 / 8])
    return np.where(rare, fmt.decode(rng.choice(np.array(corners(fmt), np.uint64), shape)), some)


def some_scaling(rng: np.random.Generator, p: MatrixUnitParams, gemm: Gemm, relu: bool) -> ChannelScaling:
    """Requantisation that brings most sums of `gemm` into the range of p.out."""
    largest = p.pe.accumulator.max // p.pe.group  # of a product, or a little more
    requantise, typical = p.requantise, int(largest * gemm.k**0.5 / 3) + 1
    multiplier = rng.integers(1, requantise.multiplier.max + 1, gemm.n)
    bits = np.log2(typical * multiplier.astype(np.float64)) - requantise.out.width + 1
    bias = rng.integers(-typical, typical + 1, gemm.n)
    return ChannelScaling(
        bias=np.clip(bias, requantise.acc.min, requantise.acc.max),
        multiplier=multiplier,
        shift=np.clip(np.rint(bits).astype(np.int64) + rng.integers(-1, 3, gemm.n), 1, requantise.max_shift),
        zero_point=int(rng.integers(requantise.out.min, requantise.out.max + 1)) // 2,
        relu=relu,
    )


def gemm_of(p: MatrixUnitParams, on_rows: int, on_cols: int, streamed: int, batch: int) -> Gemm:
    """The product whose axes fold like this onto the array; k no longer than a sum may be."""
    lengths = dict(zip(AXES[p.dataflow], (on_rows, on_cols, streamed), strict=True))
    return Gemm(m=lengths["m"], n=lengths["n"], k=min(lengths["k"], p.pe.group), batch=batch)


def job_of(
    random: Random, p: MatrixUnitParams, gemm: Gemm, tiling: Tiling, result: str, values: str = "random"
) -> ProductJob:
    """A job with operands and requantisation drawn from `random`."""
    rng = np.random.default_rng(random.getrandbits(64))
    activations = operands(rng, p.pe.activation, (gemm.batch, gemm.m, gemm.k), values)
    weights = operands(rng, p.pe.weight, (gemm.batch, gemm.k, gemm.n), values)
    scaling = None
    if p.scaled and result != "sums":
        scaling = some_scaling(rng, p, gemm, result == "codes with relu")
    return ProductJob(Schedule(p, gemm, tiling), activations, weights, scaling, values)


def tiling_of(p: MatrixUnitParams, stream: int, columns_first: bool) -> Tiling:
    """Passes of at most `stream` vectors, or as many as the unit takes."""
    return Tiling(stream=max(1, min(stream, p.largest_count)), columns_first=columns_first)


def directed(random: Random, p: MatrixUnitParams) -> Iterator[ProductJob]:
    """Each relation of a length to the array, on rows and columns; passes shorter, longer than the load."""
    on_rows, on_cols = ([max(1, side - 1), side, 2 * side, 2 * side + 1] for side in (p.rows, p.cols))
    streams = [max(1, p.rows - 1), p.rows, 2 * p.rows + 1, 2]
    for i in range(4):
        gemm = gemm_of(p, on_rows[i], on_cols[(i + 1) % 4], streams[i] * (i % 3 + 1), 1 + i % 2)
        yield job_of(random, p, gemm, tiling_of(p, streams[i], i < 2), RESULTS[i % 3])


def random_job(random: Random, p: MatrixUnitParams, result: str | None = None) -> ProductJob:
    """Lengths from 1 to a little over two folds; any tiling."""
    on_rows, on_cols, streamed = (random.randint(1, 2 * side + 2) for side in (p.rows, p.cols, p.rows))
    gemm = gemm_of(p, on_rows, on_cols, streamed, random.choice((1, 1, 2)))
    tiling = tiling_of(p, random.randint(1, 2 * p.rows + 2), random.random() < 0.5)
    return job_of(random, p, gemm, tiling, result or random.choice(RESULTS))


def long_job(random: Random, p: MatrixUnitParams) -> ProductJob:
    """Requantised; more rows than the unit holds anywhere, and several tiles."""
    rows = 2 * p.accumulator_rows + 8
    if p.dataflow == "output":
        return job_of(random, p, gemm_of(p, rows, p.cols, 3, 1), tiling_of(p, 2, True), "codes")
    return job_of(random, p, gemm_of(p, p.rows, p.cols, rows, 1), tiling_of(p, 2 * p.rows + 1, True), "codes")


def tiles_of(random: Random, p: MatrixUnitParams, stream: int) -> ProductJob:
    """Weight- or input-stationary: six tiles of one pass of `stream` vectors each."""
    return job_of(random, p, gemm_of(p, p.rows, p.cols, 6 * stream, 1), Tiling(stream=stream), "codes")


def short_job(random: Random, p: MatrixUnitParams, result: str) -> ProductJob:
    """A single pass of few vectors: tiles, and what is done to them, change often."""
    streamed = random.randint(1, 2)
    return job_of(random, p, gemm_of(p, 1, p.cols, streamed, 1), tiling_of(p, streamed, True), result)


def extreme(random: Random, p: MatrixUnitParams, values: str) -> ProductJob:
    """Sums of as many products as the accumulator is made for, all at the ends of their formats."""
    gemm = Gemm(m=min(p.rows, 3), n=p.cols, k=p.pe.group)
    return job_of(random, p, gemm, tiling_of(p, p.rows + 1, True), "sums", values)
