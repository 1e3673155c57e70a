"""Bench of hw.accelerator.units.vector: commands over a scratchpad whose ports are granted at random."""

from functools import partial
from itertools import product
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS, Kind
from golden.accelerator.footprints import Walk
from golden.accelerator.map_lanes import TABLE
from golden.accelerator.units.vector import State, cycles, footprint
from sim.benches import Faults, parameters, verilog_case
from sim.benches.accelerator.maps import (
    block_words,
    packed,
    params_of,
    random_blocks,
    random_fields,
    spread,
    spread_fields,
)
from sim.benches.accelerator.unit_bench import Fields, UnitBench

COMMANDS = 40
ROWS = ((1, 1), (2, 1), (1, 3), (5, 1))  # count1, count2 of two-pass commands
BLOCKS = 40  # of parameters, at the beginning of the scratchpad, where nothing is written


class VectorBench(UnitBench):
    """The vector unit, with sums for MAPs that take them."""

    def __init__(self, dut: Any, *, busy: float = 0.0, stall_in: float = 0.0):
        p = params_of(parameters())
        super().__init__(dut, "vector", p, inputs=["sums"], busy=busy, stall_in=stall_in)

    def contents(self) -> np.ndarray:
        """Blocks of parameters, then words of elements of all kinds, corners often: uint8 [words, lanes]."""
        lanes, rng = self.p.lanes, self.rng
        blocks = block_words(random_blocks(rng, (1, BLOCKS), lanes), lanes)
        rest = []
        for _ in range(self.p.words - len(blocks)):
            bits = int(rng.choice([8, 16, 32]))
            elements = spread(rng, -(1 << bits - 1), (1 << bits - 1) - 1, (8 * lanes // bits,))
            rest.append(packed(elements, bits))
        numbers = b"".join(word.to_bytes(lanes, "little") for word in [*blocks, *rest])
        return np.frombuffer(numbers, np.uint8).reshape(-1, lanes).copy()

    def send(self, opcode: Opcode, fields: Fields) -> None:
        """A command, its sums, and what golden makes of it."""
        if opcode == Opcode.MAP and fields["a_kind"] == Kind.NONE:
            rows = int(np.prod([fields[f"count{i}"] for i in range(4)]))
            sums = spread(self.rng, -(1 << 31), (1 << 31) - 1, (rows, self.p.lanes))
            self.machine.give("sums", sums)
            self.sources["sums"].send(packed(row, 32) for row in sums)
        super().send(opcode, fields)

    def forget(self) -> None:
        """The table, too."""
        super().forget()
        self.machine.state_of(State).table = None

    def send_any(self, opcode: Opcode | None = None, **fixed: int) -> None:
        """A random command that writes nothing that it reads."""
        kinds = [Opcode.MAP] * 6 + [Opcode.TABLE, Opcode.EXPONENTIAL, Opcode.NORMALISE]
        opcode = opcode or kinds[int(self.rng.integers(len(kinds)))]
        while True:
            fields = self.random_command(opcode) | fixed
            if opcode == Opcode.TABLE or self.is_apart(opcode, fields):
                break
        table = self.machine.state_of(State).table
        if opcode == Opcode.MAP and fields["function"] == TABLE and table is None:
            self.send(Opcode.TABLE, self.random_command(Opcode.TABLE))
        self.send(opcode, fields)

    def random_command(self, opcode: Opcode) -> Fields:
        if opcode == Opcode.MAP:
            return random_fields(self.rng, self.p) | self.random_blocks()
        fields = spread_fields(self.rng, opcode)
        fields |= {name: int(self.rng.integers(1, 5)) for name in fields if name.startswith("count")}
        if opcode == Opcode.NORMALISE:
            fields["length"] = int(self.rng.integers(1, fields["count0"] * self.p.lanes + 1))
            if fields["columns"]:
                fields["length"] = fields["count0"]
        return fields

    def random_blocks(self) -> Fields:
        """p and its stride, so that all blocks are in their place; counts are at most 5."""
        stride = int(self.rng.choice([0, 0, 1, 2, -1]))
        first = int(self.rng.integers(10, BLOCKS - 10))
        return {"p": first * BLOCK_WORDS, "p_stride": stride * BLOCK_WORDS}

    def is_apart(self, opcode: Opcode, c: Fields) -> bool:
        """Whether no word is written that is also read, or is of the blocks; or twice, by EXPONENTIAL's r."""
        touched = footprint(self.p, Command(opcode, (), (), c))
        reads = set(range(BLOCKS * BLOCK_WORDS)).union(*map(self.words_of, touched.reads))
        writes = [self.words_of(walk) for walk in touched.writes]
        if opcode == Opcode.EXPONENTIAL:
            out, r = writes
            if set(r) & set(out) or len(set(r)) < len(r):
                return False
        return not reads & set().union(*writes)

    def words_of(self, walk: Walk) -> list[int]:
        """The scratchpad's words that a walk touches, each as often as it does."""
        return [int(place) for place in self.machine.walked(walk).ravel()]

    def check_cycles(self) -> None:
        """Every command took what golden says, unstalled."""
        for command, took in zip(self.commands, self.took(), strict=True):
            golden = cycles(self.p, command.opcode, command.fields) + 1
            assert took == golden, f"{command} took {took} cycles, golden {golden}"

    async def settle(self) -> None:
        await super().settle()
        assert not self.sources["sums"].words, "sums left over"


@cocotb.test
@cocotb.parametrize(busy=[0.0, 0.5], stall_in=[0.0, 0.5])
async def commands_do_what_golden_does(dut: Any, busy: float, stall_in: float) -> None:
    bench = VectorBench(dut, busy=busy, stall_in=stall_in)
    for _ in range(COMMANDS):
        bench.send_any()
    await bench.start()
    await bench.settle()
    bench.check_refusals()
    assert (bench.sources["sums"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    if busy == stall_in == 0:
        bench.check_cycles()


@cocotb.test
@cocotb.parametrize(name=["EXPONENTIAL", "NORMALISE"], first=[1, 5, 9])
async def rows_of_every_length_take_golden_cycles(dut: Any, name: str, first: int) -> None:
    """1, 2, 3 and 5 rows of `first` vectors to three more, columns too; strides are random."""
    bench = VectorBench(dut)
    opcode = Opcode.members()[name]
    kinds = ({"columns": 0}, {"columns": 1}) if opcode == Opcode.NORMALISE else ({},)
    for count0, (count1, count2), kind in product(range(first, first + 4), ROWS, kinds):
        bench.send_any(opcode, count0=count0, count1=count1, count2=count2, **kind)
    await bench.start()
    await bench.settle()
    bench.check_cycles()


@cocotb.test
@cocotb.parametrize(name=["MAP", "TABLE", "EXPONENTIAL", "NORMALISE"])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, name: str) -> None:
    """The scratchpad keeps what was written; commands after a reset do what they do on that."""
    opcode = Opcode.members()[name]
    bench = VectorBench(dut, busy=0.3)
    fixed = {"count0": 5, "count1": 5, "count2": 3}
    await bench.start()
    for after in (0, 1, 2, 9, 30, 80):
        bench.send_any(opcode, **(fixed | {"a_kind": 2} if opcode == Opcode.MAP else {}))
        while len(bench.monitors["command"].moved) < len(bench.commands):  # a table may come first
            await RisingEdge(dut.clk)
        await bench.cycles(after)
        await bench.reset()
        bench.forget()
        bench.send_any(opcode)
        bench.send_any()
        await bench.settle()
        await bench.reset()
        bench.forget()


case = partial(verilog_case, "accelerator/units/vector", lambda **given: params_of(given))
CASES = [
    case("x4", lanes=4, functions=["tanh"]),
    case("x16", lanes=16, functions=["gelu", "silu", "sigmoid", "tanh"]),
    case("x8-plain", lanes=8, functions=[]),
]
QUICK = {"verilator": ["x4"]}
LONG = {"icarus": ["x4"], "verilator": ["x16"]}
EXTREME = [CASES[0], CASES[2]]
MUTANTS = [Faults("x4", 1)]
