"""The dot-product tile, as a block of streams (golden.blocks).

    job         golden.systolic.gemm.Gemm: one product, K a multiple of the group
    operands    Operands: activations and weights as the PE takes them
    values      float64 [m, n], numbers of fp32
"""

from typing import NamedTuple

import numpy as np

from golden.division import ceil_div
from golden.formats import FP32
from golden.formats.packing import pack_values
from golden.pe.quantise import activations, quantise
from golden.pe.weights import PeWeights
from golden.systolic.gemm import Gemm
from golden.tile import cycles as tile_cycles
from golden.tile import description, words
from golden.tile.params import TileParams
from golden.tile.sums import grouped_product

Params = TileParams
WHAT = "dot-product tile"
MEANING = {
    "command": "one word a block of results, as many rows and columns as there are PEs: groups to add up",
    "left": "activations, one word a lane, a lane each row; the words of a group, then those of the next",
    "top": "weights, one word a lane, a lane each column; likewise",
    "scale": "one word a group: what it shares in each column",
    "o": "a word a row of a block, row 0 first: fp32, a lane each column",
}
GROUPS = 2  # of the example's product
inputs, fields = words.inputs, words.fields
title, about, sections = description.title, description.about, description.sections


class Operands(NamedTuple):
    """activations [m, k], values of the PE's format."""

    activations: np.ndarray
    weights: PeWeights


def pack(p: TileParams, job: Gemm, operands: Operands) -> dict[str, np.ndarray]:
    """The words of the input streams, uint8 [words, bytes]."""
    return words.pack_streams(p, *operands)


def unpack(p: TileParams, job: Gemm, delivered: np.ndarray) -> np.ndarray:
    """The values in the words of `o`, uint8 [words, bytes]; results beyond an edge are dropped."""
    return words.unpack_outputs(p, delivered, job.m, job.n)


def delivered(p: TileParams, job: Gemm, operands: Operands) -> np.ndarray:
    """The words of `o`, uint8 [words, bytes], block after block, results of the zeros beyond an edge
    included."""
    a, w = operands
    below, beside = -job.m % p.rows, -job.n % p.cols

    def wide(shared: np.ndarray) -> np.ndarray:
        return np.pad(shared, ((0, 0), (0, beside)))

    zeros, selectors = (None if each is None else wide(each) for each in (w.zeros, w.selectors))
    whole = PeWeights(codes=wide(w.codes), scales=wide(w.scales), zeros=zeros, selectors=selectors)
    y = grouped_product(p, np.pad(a, ((0, below), (0, 0))), whole)
    blocks = y.reshape(-1, p.rows, y.shape[1] // p.cols, p.cols).swapaxes(1, 2).reshape(-1, p.cols)
    return pack_values(FP32, blocks)


def count(p: TileParams, job: Gemm) -> int:
    """Words of `o`."""
    return ceil_div(job.m, p.rows) * ceil_div(job.n, p.cols) * p.rows


def compute(p: TileParams, job: Gemm, operands: Operands) -> np.ndarray:
    """The values: group after group, since totals are rounded in that order."""
    return grouped_product(p, *operands)


follow = compute


def cycles(p: TileParams, job: Gemm) -> int:
    """Exact cycles from the first command to the last word of `o`, unstalled."""
    return tile_cycles.cycles(p, tile_cycles.groups_of(p, job))


def example(p: TileParams, seed: int) -> tuple[Gemm, Operands]:
    """Blocks whole and in part on both axes, of normal weights and activations, quantised."""
    random = np.random.default_rng(seed)
    gemm = Gemm(m=p.rows + (p.rows + 1) // 2, n=p.cols + (p.cols + 1) // 2, k=GROUPS * p.group)
    weights = quantise(p.pe, random.standard_normal((gemm.k, gemm.n))).weights
    values, _ = activations(p.pe, random.standard_normal((gemm.m, gemm.k)))
    return gemm, Operands(values, weights)
