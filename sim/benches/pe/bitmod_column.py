"""Bench of hw.pe.bitmod_column: every code with every selector in every lane; nothing changes untaken."""

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, Timer

from golden.formats.bitmod import BASIC, INTEGERS, SELECTORS, Datatype
from golden.pe.bitmod import LANES, BitModParams, column, side_by_side, weight_bits
from sim.benches import Case, Faults, names, parameters, seed

PERIOD = 10  # ns


def stimulus(p: BitModParams, rng: np.random.Generator) -> list[tuple[int, int]]:
    """(word, selector), shuffled: each lane has every code with every selector."""
    lanes = [rng.permutation(1 << p.weight.width) for _ in range(LANES)]
    words = side_by_side(np.stack(lanes, -1), p.weight.width).tolist()
    each = [(word, selector) for word in words for selector in range(SELECTORS)]
    return [each[i] for i in rng.permutation(len(each))]


@cocotb.test
async def terms_match_golden(dut: Any) -> None:
    p = BitModParams(weight=Datatype.parse(parameters()["weight"]))
    rng = np.random.default_rng(seed())

    async def edge(**ports: int) -> None:
        for name, value in ports.items():
            getattr(dut, name).value = value
        dut.clk.value = 0
        await Timer(PERIOD // 2, "ns")
        dut.clk.value = 1
        await Timer(PERIOD // 2, "ns")

    dut.rst.value = 0
    kept_selector = 0
    await edge(word=0, take=1, phase=0, selector=0, take_selector=1)
    for word, selector in stimulus(p, rng):
        take_selector = int(rng.random() < 0.75)
        kept_selector = selector if take_selector else kept_selector
        await edge(word=word, take=1, selector=selector, take_selector=take_selector)
        wanted = column(p, np.array([word], np.uint64), np.array([kept_selector]))
        for phase in rng.permutation(p.weight.cycles).tolist():
            other = int(rng.integers(0, 1 << weight_bits(p)))
            await edge(word=other, take=0, selector=selector ^ 1, take_selector=0, phase=phase)
            await ReadOnly()
            found, golden = int(dut.weight.value), int(wanted[phase][0])
            assert found == golden, (
                f"word={word:#x} selector={kept_selector} phase={phase} gives {found:#x}, golden {golden:#x}"
            )
            await Timer(1, "ns")


def column_case(datatype: str) -> Case:
    """The unit of a datatype."""

    def build() -> tuple[str, str]:
        from hw.emit import verilog
        from hw.tile.edges import column as unit

        block, _ = unit(BitModParams(weight=Datatype.parse(datatype)))
        return verilog(block), block.name

    return Case(datatype.replace(":", "_").replace(",", "_"), build, {"weight": datatype})


CASES = [column_case(name) for name in (*INTEGERS, *BASIC, "bitmod_fp4:7,-15,24,0")]
QUICK = {"icarus": names(CASES), "verilator": ["bitmod_fp4", "int5"]}
EXTREME = [replace(each, slow=each not in CASES[:2]) for each in CASES]
MUTANTS = [Faults(name, number, slow=number > 2) for name in ("bitmod_fp4", "int6") for number in (2, 4)]
