"""Energy of a layer: a model from published figures for 45 nm, not a measurement of this hardware.

    multiply-accumulate  0.2 pJ * (weight bits * activation bits) / 64 + 0.1 pJ * accumulator bits / 32
    SRAM                 a 64-bit read costs 10, 20 and 100 pJ at 8 kB, 32 kB and 1 MB: on a line through
                         these in log-log, flat outside; a write as much as a read
    DRAM                 1,300 to 2,600 pJ for 64 bits: the middle

Source: Horowitz, ISSCC 2014, figure 1.1.9. Left out: clock tree, leakage, wires, control.
"""

import numpy as np

from golden.systolic.gemm import Schedule
from mapping.target import Target

SOURCE = "model: 45 nm figures of Horowitz, ISSCC 2014; no clock, leakage or control"
DRAM = 1950 / 8  # pJ per byte
SRAM_SIZES = np.array([8, 32, 1024]) * 1024.0  # bytes
SRAM_READS = np.array([10, 20, 100]) / 8  # pJ per byte


def sram(size: int) -> float:
    """pJ per byte of a memory of `size` bytes."""
    return float(np.exp(np.interp(np.log(size), np.log(SRAM_SIZES), np.log(SRAM_READS))))


def mac(target: Target) -> float:
    """pJ of one multiply-accumulate."""
    p = target.unit.pe
    pj: float = 0.2 * p.weight.width * p.activation.width / 64 + 0.1 * p.accumulator.width / 32
    return pj


def energy(target: Target, schedule: Schedule, bytes_moved: int) -> float:
    """pJ of a layer. bytes_moved: between memory and buffers, both ways."""
    p, g = target.unit, schedule.gemm
    table = schedule.count_table()
    vectors = sum(count * times for count, times in table.items())
    passes = sum(table.values())
    resting = vectors if p.dataflow == "output" else passes * p.rows
    left = vectors * target.left_word * sram(target.buffer(target.left))
    top = resting * target.top_word * sram(target.buffer(target.top))
    word: int = -(-p.cols * p.pe.accumulator.width // 8)
    sums = passes * p.rows if p.dataflow == "output" else vectors
    accumulators = 2 * sums * word * sram(p.accumulator_rows * word)  # each sum is read and written
    fills = bytes_moved * (DRAM + sram(min(target.weight_buffer, target.activation_buffer)))
    return g.macs * mac(target) + left + top + accumulators + fills
