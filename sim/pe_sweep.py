"""A million operands and more through a PE of a systolic array, compiled, against golden.

Every pair of operands where weight and activation have at most 20 bits together, as often as it takes for
2^20 of them, each time with other running sums; else 2^20 random pairs. Before them all corners crossed. With
a count of pairs the same, of so many.
"""

import ctypes
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from golden import pe
from hw.emit import verilog
from hw.pe import definition
from sim.benches.pe.vectors import PeVectors, crossed, describe, every_pair, golden_codes, random_pairs
from sim.build import build_with

EXHAUSTIVE_BITS = 20
COUNT = 1 << 20
BATCH = 1 << 17
DRIVER = "pe_sweep.cpp"


class OperandSweep(NamedTuple):
    """vectors: operands tried; every: all pairs were among them; seconds: of the model alone, and in all;
    wrong: the first that differs, in words."""

    vectors: int
    every: bool
    model_seconds: float
    seconds: float
    wrong: str | None


class PeModel:
    """The compiled PE of `params`."""

    def __init__(self, params: Any):
        self.latency = pe.module_of(params).latency(params)
        block = definition(params)
        header = f"#define CLOCKED {int(block.clocked)}\n"
        self.library = ctypes.CDLL(str(build_with(DRIVER, verilog(block), block.name, header)))

    def run(self, operands: PeVectors) -> np.ndarray:
        """acc_out, uint64 codes, for each of the operands, of at most 64 bits a port."""
        given = [np.ascontiguousarray(codes, np.uint64) for codes in operands]
        acc_out = np.empty(len(given[0]), np.uint64)
        count, latency = ctypes.c_uint64(len(acc_out)), ctypes.c_uint64(self.latency)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (*given, acc_out)]
        if len(acc_out) and self.library.systola_sweep(count, latency, *pointers):
            raise RuntimeError("the model broke off")
        return acc_out


def batches(params: Any, count: int | None, rng: np.random.Generator) -> Iterator[PeVectors]:
    """All operands of a sweep, in handy batches."""
    module = pe.module_of(params)
    corners, bits = crossed(module, params), params.weight.width + params.activation.width
    for start in range(0, len(corners.weight), BATCH):
        yield PeVectors(*(codes[start : start + BATCH] for codes in corners))
    whole = COUNT if count is None else count
    if bits <= EXHAUSTIVE_BITS and whole >> bits:
        times = max(1, min(whole, BATCH) >> bits)
        for _ in range((whole >> bits) // times):
            yield every_pair(module, params, rng, times)
        return
    left = whole
    while left > 0:
        yield random_pairs(module, params, rng, min(BATCH, left))
        left -= BATCH


def sweep(params: Any, count: int | None = None, seed: int = 1) -> OperandSweep:
    """Operands of `seed` through RTL and golden, up to the first difference.

    count  of pairs, beside the corners: each as often, or random ones where there are more; None: 2^20
    """
    started, in_model, done = time.monotonic(), 0.0, 0
    module, model, wrong = pe.module_of(params), PeModel(params), None
    for operands in batches(params, count, np.random.default_rng(seed)):
        before = time.monotonic()
        found = model.run(operands)
        in_model += time.monotonic() - before
        golden = golden_codes(module, params, operands)
        done += len(found)
        for index in np.flatnonzero(found != golden)[:1]:
            what = f"{module.name(params)}, seed {seed}: {describe(params, operands, index)}"
            wrong = f"{what} gives {found[index]:#x}, golden {golden[index]:#x}"
        if wrong:
            break
    bits = params.weight.width + params.activation.width
    every = bits <= EXHAUSTIVE_BITS and (COUNT if count is None else count) >> bits > 0
    return OperandSweep(done, every, in_model, time.monotonic() - started, wrong)
