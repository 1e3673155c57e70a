"""The matrix unit: array, accumulator memory and requantiser, as a block of streams (golden.blocks).

    job         golden.systolic.gemm.Schedule: a batch of products, cut into tiles and passes
    operands    golden.systolic.operands.Operands
    values      [batch, m, n], int64 (float64 of a floating accumulator): sums, or codes where there is a
    scaling
"""

from typing import Any

import numpy as np

from golden.formats import Float
from golden.formats.packing import pack_values
from golden.systolic import cycles as unit_cycles
from golden.systolic import description, passes, words
from golden.systolic.gemm import AXES, Gemm, Schedule, Tiling
from golden.systolic.operands import ChannelScaling, Operands
from golden.systolic.params import MatrixUnitParams
from golden.systolic.sums import matrix_product

Params = MatrixUnitParams
WHAT = "systolic matrix unit"
MEANING = {
    "command": "one word a pass: how many vectors; is it its tile's first pass, its last",
    "left": "operands that stream in from the left, one lane a row",
    "top": "operands that come from above, one lane a column",
    "drain": "one word a tile: rows that leave; sums or codes; and of which kind",
    "scale": "bias, multiplier and shift of the channels; one a tile, input-stationary one a row",
    "o": "sums, or codes extended to the sums' width, one lane a column",
}
fields, inputs = words.fields, words.inputs
title, about, sections = description.title, description.about, description.sections


def pack(p: MatrixUnitParams, job: Schedule, operands: Operands) -> dict[str, np.ndarray]:
    """The words of the input streams, uint8 [words, bytes]."""
    return words.pack_streams(job, *operands)


def unpack(p: MatrixUnitParams, job: Schedule, delivered: np.ndarray) -> np.ndarray:
    """The values in the words of `o`, uint8 [words, bytes]; padding is dropped."""
    return words.unpack_outputs(job, delivered)


def delivered(p: MatrixUnitParams, job: Schedule, operands: Operands) -> np.ndarray:
    """The words of `o`, uint8 [words, bytes], in the order of the tiles, of each product of the batch.

    Beyond an edge the array computes too: a row of zero activations gives its channel's bias, requantised; a
    channel beyond the last is scaled by 0.
    """
    spare = max(p.rows, p.cols)
    a = np.pad(operands.activations, ((0, 0), (0, spare), (0, 0)))
    y = compute(p, job, operands._replace(activations=a))
    y = np.pad(y, ((0, 0), (0, 0), (0, spare)))
    y = y.swapaxes(1, 2) if p.dataflow == "input" else y
    tiles = [
        product[r0 : r0 + p.rows if p.dataflow == "output" else r1, c0 : c0 + p.cols]
        for product in y
        for (r0, r1), (c0, _) in job.tiles()
    ]
    return pack_values(p.pe.accumulator, np.concatenate(tiles))


def count(p: MatrixUnitParams, job: Schedule) -> int:
    """Words of `o`."""
    return int(job.tile_rows().sum())


def compute(p: MatrixUnitParams, job: Schedule, operands: Operands) -> np.ndarray:
    """The values, at once."""
    return matrix_product(p, *operands, stream=job.tiling.stream)


def follow(p: MatrixUnitParams, job: Schedule, operands: Operands) -> np.ndarray:
    """The values, pass by pass."""
    return passes.follow(job, operands)


def cycles(p: MatrixUnitParams, job: Schedule) -> int:
    """Exact cycles, unstalled, where the job's tiles fit (golden.systolic.cycles.rows_needed)."""
    return unit_cycles.cycles(job)


def example(p: MatrixUnitParams, seed: int) -> tuple[Schedule, Operands]:
    """A product of two pieces of each axis, the second smaller, whose tiles never wait for accumulators.

    Random operands; if the unit requantises, a scaling that leaves most codes unsaturated.
    """
    job, random = example_job(p), np.random.default_rng(seed)
    gemm = job.gemm
    a = values(random, p.pe.activation, (1, gemm.m, gemm.k))
    w = values(random, p.pe.weight, (1, gemm.k, gemm.n))
    if not p.scaled:
        return job, Operands(a, w)
    largest = int(np.abs(matrix_product(p, a, w)).max())
    half = 1 << p.multiplier_bits - 1
    shift = max(1, (largest * half).bit_length() - p.out.width)
    scaling = ChannelScaling(
        bias=random.integers(-largest // 8, largest // 8 + 1, gemm.n),
        multiplier=random.integers(half // 2, half + 1, gemm.n),
        shift=np.full(gemm.n, min(shift, p.requantise.max_shift)),
    )
    return job, Operands(a, w, scaling)


def example_job(p: MatrixUnitParams) -> Schedule:
    """The example's lengths."""
    lengths = (p.rows + max(1, p.rows // 2), p.cols + max(1, p.cols // 2), p.rows + 3)
    axes = dict(zip(AXES[p.dataflow], lengths, strict=True))
    gemm = Gemm(m=axes["m"], n=axes["n"], k=min(axes["k"], p.pe.group))
    return Schedule(p, gemm, Tiling(stream=min(unit_cycles.longest_stream(p), p.rows + 2)))


def values(random: np.random.Generator, fmt: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Random values of a format: all of an integer's, normal numbers of a float."""
    if isinstance(fmt, Float):
        return fmt.quantise(random.standard_normal(shape))
    return random.integers(fmt.min, fmt.max + 1, shape)
