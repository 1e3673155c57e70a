"""Energy of a layer: a model from published figures for 45 nm, not a measurement of this hardware.

    multiply-accumulate  0.2 pJ * (weight bits * activation bits) / 64 + 0.1 pJ * accumulator bits / 32
    SRAM                 a 64-bit read costs 10, 20 and 100 pJ at 8 kB, 32 kB and 1 MB: on a line through
                         these in log-log, flat outside; a write as much as a read
    DRAM                 1,300 to 2,600 pJ for 64 bits: the middle

Source: Horowitz, ISSCC 2014, figure 1.1.9. Left out: clock tree, leakage, wires, control.
"""

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.multiply import count_of, passes_of, tiles_of
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import unit
from golden.pe import tiled
from golden.systolic.gemm import Schedule
from golden.tile.params import TileParams
from mapping.target import Target

SOURCE = "model: 45 nm figures of Horowitz, ISSCC 2014; no clock, leakage or control"
DRAM = 1950 / 8  # pJ per byte
SRAM_SIZES = np.array([8, 32, 1024]) * 1024.0  # bytes
SRAM_READS = np.array([10, 20, 100]) / 8  # pJ per byte


def sram(size: int) -> float:
    """pJ per byte of a memory of `size` bytes."""
    return float(np.exp(np.interp(np.log(size), np.log(SRAM_SIZES), np.log(SRAM_READS))))


def multiply_add(operands: float, sums: int) -> float:
    """pJ of one multiply-accumulate. operands: the product of its operands' bits; sums: bits of the sum."""
    return float(0.2 * operands / 64 + 0.1 * sums / 32)


def mac(p: Any) -> float:
    """pJ of one multiply-accumulate of a PE, at the bits of a pair of its words."""
    operands = tiled.weight_bits(p) * tiled.activation_bits(p) / tiled.lanes(p) ** 2
    return multiply_add(operands, p.accumulator.width)


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
    return g.macs * mac(p.pe) + left + top + accumulators + fills


def of_tile(p: TileParams, macs: int, bytes_moved: int) -> float:
    """pJ of a product on a tile, which has no memory of its own."""
    return macs * mac(p.pe) + bytes_moved * DRAM


def passed(p: AcceleratorParams, commands: Iterable[Command]) -> tuple[int, int]:
    """Words of the scratchpad that an accelerator's commands read and write, and rows of sums that they add
    to."""
    words = sums = 0
    for command in commands:
        if command.unit in p.present:
            found = unit(command.unit).footprint(p, command)
            words += sum(prod(count for count, _ in loops) for _, loops in (*found.reads, *found.writes))
        if command.opcode == Opcode.MULTIPLY:
            sums += count_of(command.fields) * tiles_of(command.fields) * passes_of(command.fields)
    return words, sums


def of_words(p: AcceleratorParams, words: int, sums: int, macs: int, bytes_moved: int) -> float:
    """pJ of an operation of an accelerator, from what `passed` says of its commands."""
    row: int = -(-p.lanes * p.unit.pe.accumulator.width // 8)
    accumulators = 2 * sums * row * sram(p.unit.accumulator_rows * row)
    scratchpad = words * p.lanes * sram(p.bank_words * p.lanes)  # a bank at a time
    return macs * mac(p.unit.pe) + scratchpad + accumulators + bytes_moved * DRAM
