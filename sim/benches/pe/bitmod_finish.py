"""Bench of hw.pe.bitmod_finish: products in exactly a cycle a bit; a reset, a start, in mid-flight."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, Timer

from golden.pe.bitmod import EXPONENT, MANTISSA, SCALE, BitModParams, finish_cycles, finished
from sim.benches import Case, Faults, names, seed
from sim.benches.pe.bitmod import MANTISSAS

PERIOD = 10  # ns
COUNT = 300
SCALES = [0, 1, 2, 127, 128, 170, 254, 255]


def stimulus(rng: np.random.Generator) -> list[tuple[int, int]]:
    """(sum, scale): mantissas and scales that are corners, crossed, and random ones."""
    corners = [(mantissa & 0xFFFF, scale) for mantissa in MANTISSAS for scale in SCALES]
    others = zip(*(rng.integers(0, 1 << bits, COUNT).tolist() for bits in (MANTISSA, SCALE)), strict=True)
    return [(mantissa | int(rng.integers(0, 1 << EXPONENT)) << MANTISSA, scale)
            for mantissa, scale in [*corners, *others]]  # fmt: skip


class Bench:
    def __init__(self, dut: Any):
        self.dut = dut
        dut.rst.value = 0
        self.p = BitModParams()

    async def edge(self, start: int, total: int, scale: int) -> None:
        """One cycle."""
        self.dut.start.value, self.dut.sum.value, self.dut.scale.value = start, total, scale
        self.dut.clk.value = 0
        await Timer(PERIOD // 2, "ns")
        self.dut.clk.value = 1
        await Timer(PERIOD // 2, "ns")

    async def finish(self, total: int, scale: int, idle: int) -> None:
        """A sum, and `idle` cycles more; o is golden's from the cycle behind the last of the product on."""
        await self.edge(1, total, scale)
        for cycle in range(1, finish_cycles(self.p) + idle):
            await self.edge(0, total, scale if cycle < finish_cycles(self.p) else scale ^ 255)
        await ReadOnly()
        found = int(self.dut.o.value)
        wanted = int(finished(self.p, np.array([total], np.uint64), np.array([scale]))[0])
        assert found == wanted, f"sum={total:#x} scale={scale} gives {found:#x}, golden {wanted:#x}"
        await Timer(1, "ns")


@cocotb.test
async def products_match_golden(dut: Any) -> None:
    bench, rng = Bench(dut), np.random.default_rng(seed())
    for total, scale in stimulus(rng):
        await bench.finish(total, scale, int(rng.integers(0, 3)))


@cocotb.test
async def what_was_begun_is_forgotten(dut: Any) -> None:
    """A reset, or another start, in each of the cycles."""
    bench = Bench(dut)
    for cycles in range(2 * finish_cycles(bench.p)):
        await bench.edge(1, 0x1_FFFF, 255)
        for _ in range(cycles // 2):
            await bench.edge(0, 0x1_FFFF, 255)
        if cycles & 1:
            dut.rst.value = 1
            await bench.edge(0, 0x2_8000, 255)
            dut.rst.value = 0
        await bench.finish(0x2_8000 + cycles, 255 - cycles, cycles & 1)


def build() -> tuple[str, str]:
    from hw.emit import verilog
    from hw.tile.cell import finisher

    block = finisher(BitModParams())
    assert block is not None
    return verilog(block), block.name


CASES = [Case("s8", build)]
QUICK = {"icarus": names(CASES), "verilator": ["s8"]}
EXTREME = CASES
MUTANTS = [Faults("s8", 3), Faults("s8", 4, slow=True)]
