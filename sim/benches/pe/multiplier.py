"""Bench of hw.pe.multiplier, which has no handshake: operands each cycle, the sum `latency` later."""

from itertools import product
from random import Random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, Timer

from golden.formats import Int, parse
from golden.pe.multiplier import MultiplierParams, accumulate, latency
from sim.benches import Case, parameters, seed

COUNT = 1500
PERIOD = 10  # ns
Operands = tuple[int, ...]  # weight, activation, acc_in


def params_of(given: dict[str, Any]) -> MultiplierParams:
    """MultiplierParams of a case's parameters."""
    formats: dict[str, Any] = {name: parse(given[name]) for name in ("weight", "activation")}
    return MultiplierParams(**formats, depth=given["depth"], registers=given["registers"])


def corners(fmt: Int) -> list[int]:
    """The ends of a format, what is next to them, and next to zero."""
    near = (fmt.min, fmt.min + 1, -1, 0, 1, fmt.max - 1, fmt.max)
    return sorted({value for value in near if fmt.min <= value <= fmt.max})


def stimulus(p: MultiplierParams, random: Random, exhaustive: bool) -> list[Operands]:
    """All corners with one another, then every pair of operands, or random ones, with corners of acc_in."""
    formats = (p.weight, p.activation)
    crossed = list(product(*map(corners, formats), corners(p.accumulator)))
    if exhaustive:
        pairs = list(product(*(range(fmt.min, fmt.max + 1) for fmt in formats)))
    else:
        pairs = [tuple(random.randint(fmt.min, fmt.max) for fmt in formats) for _ in range(COUNT)]
    acc, ends = p.accumulator, corners(p.accumulator)
    words = [*crossed, *((*pair, random.choice((*ends, random.randint(acc.min, acc.max)))) for pair in pairs)]
    random.shuffle(words)
    return words


class PeBench:
    """Drives the ports, keeps what stood at them in each cycle. clk is driven by hand: a PE may have none."""

    def __init__(self, dut: Any):
        self.dut, self.p = dut, params_of(parameters())
        self.clocked = hasattr(dut, "clk")
        self.seen: dict[str, list[int]] = {name: [] for name in ("weight", "activation", "acc_in", "acc_out")}

    async def cycle(self, operands: Operands) -> None:
        """One cycle: operands just after the edge, everything read when it has settled."""
        for name, value in zip(("weight", "activation", "acc_in"), operands, strict=True):
            port = getattr(self.dut, name)
            port.value = value & (1 << len(port)) - 1
        if self.clocked:
            self.dut.clk.value = 0
        await Timer(PERIOD // 2, "ns")
        await ReadOnly()
        for name, values in self.seen.items():
            port = getattr(self.dut, name).value
            values.append(int(port) if port.is_resolvable else -1)
        await Timer(PERIOD // 2, "ns")
        if self.clocked:
            self.dut.clk.value = 1
            await Timer(1, "ns")

    def scoreboard(self) -> int:
        """Golden on what stood at the inputs, against acc_out; the number of sums compared."""
        p, delay = self.p, latency(self.p)
        formats = {"weight": p.weight, "activation": p.activation, "acc_in": p.accumulator}
        ports = {name: fmt.decode(np.array(self.seen[name])) for name, fmt in formats.items()}
        count = len(self.seen["acc_out"]) - delay
        weight, activation = ports["weight"][:count], ports["activation"][:count]
        acc = ports["acc_in"][delay:]
        golden = p.accumulator.encode(accumulate(p, acc, weight, activation)).astype(np.int64)
        found = np.array(self.seen["acc_out"])[delay:]
        for i in np.flatnonzero(found != golden)[:1]:
            given = f"acc={acc[i]} weight={weight[i]} activation={activation[i]}"
            raise AssertionError(f"cycle {i}: {given} gives {found[i]:#x}, golden {golden[i]:#x}")
        return int(count)


@cocotb.test
async def sums_match_golden(dut: Any) -> None:
    bench = PeBench(dut)
    if bench.clocked:
        dut.rst.value = 0
    words = stimulus(bench.p, Random(seed()), parameters()["exhaustive"])
    for operands in [*words, *words[: latency(bench.p)]]:
        await bench.cycle(operands)
    assert bench.scoreboard() == len(words)
    if parameters()["exhaustive"]:
        pairs = set(zip(bench.seen["weight"], bench.seen["activation"], strict=True))
        assert len(pairs) == 1 << bench.p.weight.width + bench.p.activation.width, "a pair was left out"


@cocotb.test
async def a_reset_changes_no_sum(dut: Any) -> None:
    """Operands are data: what is valid is known outside, and a PE in an array is never cleared."""
    bench = PeBench(dut)
    words = stimulus(bench.p, Random(seed() + 1), False)[:100]
    for index, operands in enumerate(words):
        if bench.clocked:
            dut.rst.value = int(index % 7 == 3)
        await bench.cycle(operands)
    assert bench.scoreboard() == len(words) - latency(bench.p)


def case(
    weight: str, activation: str, registers: int, *, depth: int = 1024, exhaustive: bool = False
) -> Case:
    """The PE of these parameters."""
    given = {"weight": weight, "activation": activation, "registers": registers, "depth": depth}
    given["exhaustive"] = exhaustive

    def build() -> tuple[str, str]:
        from hw.emit import verilog  # the simulator's process, which imports this module, needs no Amaranth
        from hw.pe import definition

        block = definition(params_of(given))
        return verilog(block), block.name

    return Case(f"{weight}-{activation}-r{registers}", build, given)


CASES = [
    *(case("int4", "int8", registers, exhaustive=True) for registers in range(4)),
    case("int4", "uint4", 1, exhaustive=True, depth=1),
    case("uint3", "int5", 0, exhaustive=True, depth=3),
    case("int1", "int1", 2, exhaustive=True),
    *(case("int8", "int8", registers) for registers in (0, 3)),
    case("int8", "uint8", 1),
    *(case("int16", "int16", registers) for registers in (0, 2)),
    case("int5", "int9", 3),
]
