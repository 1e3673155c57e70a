"""Bench of hw.accelerator.units.vector: commands over a scratchpad whose ports are granted at random."""

from functools import partial
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.assembler import Command, encode
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS, Kind
from golden.accelerator.machine import Machine
from golden.accelerator.map_lanes import TABLE
from golden.accelerator.units.vector import State, cycles
from golden.accelerator.walk import addresses
from sim.benches import Faults, parameters, verilog_case
from sim.benches.accelerator.maps import (
    WORDS,
    block_words,
    packed,
    params_of,
    random_blocks,
    random_fields,
    spread,
)
from sim.benches.accelerator.read_port import ReadPort
from sim.benches.stream import Bench, high

COMMANDS = 40
LONGEST = 10_000  # cycles of a command
BLOCKS = 40  # of parameters, at the beginning of the scratchpad, where nothing is written
READERS = ("a", "b", "p")
Fields = dict[str, int]


class VectorBench(Bench):
    """The unit, a scratchpad that grants with probability 1 - busy, and golden's machine, ahead of the unit.

    wanted   golden's scratchpad after each command
    dones    cycles in which `done` was high, since the last reset
    held_up  cycles that a write waited
    """

    def __init__(self, dut: Any, *, busy: float = 0.0, stall_in: float = 0.0):
        super().__init__(dut, ["command", "sums"], [], stall_in=stall_in)
        self.p, self.busy = params_of(parameters()), busy
        self.rng = np.random.default_rng(self.random.getrandbits(32))
        self.machine = Machine(self.p, np.zeros(64, np.uint8))
        self.machine.scratch[:] = self.contents()
        self.scratch = self.machine.scratch.copy()
        self.commands: list[tuple[Opcode, Fields]] = []
        self.wanted: list[np.ndarray] = []
        self.dones: list[int] = []
        self.cycle = self.held_up = 0
        self.ports = {
            name: ReadPort(dut, f"scratch_{name}", self.scratch, self.random_of(name)) for name in READERS
        }
        for port in self.ports.values():
            port.pause = busy

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

    async def start(self) -> None:
        await super().start()
        for part in (*(port.run() for port in self.ports.values()), self.write(), self.watch()):
            cocotb.start_soon(part)

    async def watch(self) -> None:
        """Every done: the scratchpad is golden's after that command."""
        while True:
            await ReadOnly()
            if high(self.dut.rst):
                self.dones.clear()
            elif high(self.dut.done):
                number = len(self.dones)
                self.dones.append(self.cycle)
                different = np.argwhere(self.scratch != self.wanted[number])
                assert not len(different), self.describe(number, *different[0])
            await RisingEdge(self.dut.clk)
            self.cycle += 1

    def describe(self, number: int, word: int, byte: int) -> str:
        found, golden = self.scratch[word, byte], self.wanted[number][word, byte]
        opcode, fields = self.commands[number]
        place = f"command {number}: byte {byte} of word {word:#x}"
        return f"{place} is {found}, golden {golden}: {opcode.name} {fields}"

    async def write(self) -> None:
        """The scratchpad's write port, granted at random."""
        dut, random = self.dut, self.random_of("scratchpad")
        while True:
            dut.scratch_vector_ready.value = int(random.random() >= self.busy)
            await ReadOnly()
            if high(dut.scratch_vector_valid) and dut.rst.value == 0:
                self.held_up += dut.scratch_vector_ready.value == 0
                if high(dut.scratch_vector_ready):
                    data = int(dut.scratch_vector_data.value).to_bytes(self.p.lanes, "little")
                    address = int(dut.scratch_vector_address.value) % self.p.words
                    self.scratch[address] = np.frombuffer(data, np.uint8)
            await RisingEdge(dut.clk)

    def send(self, opcode: Opcode, fields: Fields) -> None:
        """A command, its sums, and what golden makes of it."""
        if opcode == Opcode.MAP and fields["a_kind"] == Kind.NONE:
            rows = int(np.prod([fields[f"count{i}"] for i in range(4)]))
            sums = spread(self.rng, -(1 << 31), (1 << 31) - 1, (rows, self.p.lanes))
            self.machine.give("sums", sums)
            self.sources["sums"].send(packed(row, 32) for row in sums)
        self.machine.execute(Command(opcode, (), (), fields))
        self.commands.append((opcode, fields))
        self.wanted.append(self.machine.scratch.copy())
        self.sources["command"].send([int.from_bytes(encode(opcode, **fields), "little")])

    def forget(self) -> None:
        """The commands so far, and the table; golden goes on from what the scratchpad holds."""
        for each in (self.commands, self.wanted, self.dones):
            each.clear()
        self.machine.scratch[:] = self.scratch
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
        fields = {each.name: int(spread(self.rng, *each.range)) for each in opcode.fields}
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
        """Whether no word is written that is also read, or that is of the blocks."""
        loops = range(4 if opcode == Opcode.MAP else 3)
        counts = [c[f"count{i}"] for i in loops]

        def walk(name: str, words: int, own: list[int], numbers: Any = loops) -> set[int]:
            strides = [c[f"{name}_stride{i}"] for i in numbers]
            return set((addresses(c[name], [words, *own], [1, *strides]) % self.p.words).tolist())

        reads = set(range(BLOCKS * BLOCK_WORDS))
        if opcode == Opcode.MAP:
            for name in ("a", "b"):
                words = WORDS[Kind(c[f"{name}_kind"])]
                reads |= walk(name, words, counts) if words else set()
            out = [1, 1, *counts[2:]] if c["reduce"] else counts
            writes = walk("out", WORDS[Kind(c["out_kind"])], out)
        else:
            reads |= walk("a", 2, counts)
            writes = walk("out", 2 if opcode == Opcode.NORMALISE else 1, counts)
        if opcode == Opcode.EXPONENTIAL:
            r = walk("r", 2, counts[1:], (1, 2))
            if r & writes or len(r) < 2 * counts[1] * counts[2]:
                return False
            writes |= r
        return not reads & writes

    async def settle(self) -> None:
        """All commands done."""
        total, idle, before = len(self.commands), 0, 0
        while len(self.dones) < total and idle < LONGEST:
            await RisingEdge(self.dut.clk)
            idle, before = (idle + 1 if len(self.dones) == before else 0), len(self.dones)
        await self.cycles(10)
        assert len(self.dones) == total, f"{len(self.dones)} commands of {total} done"
        assert self.dut.busy.value == 0, "busy after the last command"
        assert not self.sources["sums"].words, "sums left over"


@cocotb.test
@cocotb.parametrize(busy=[0.0, 0.5], stall_in=[0.0, 0.5])
async def commands_do_what_golden_does(dut: Any, busy: float, stall_in: float) -> None:
    bench = VectorBench(dut, busy=busy, stall_in=stall_in)
    for _ in range(COMMANDS):
        bench.send_any()
    await bench.start()
    await bench.settle()
    refused = [bench.held_up, *(port.waits for port in bench.ports.values())]
    assert min(refused) > 0 if busy else max(refused) == 0, f"refused {refused} times, asked for {busy}"
    assert (bench.sources["sums"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    if busy == stall_in == 0:
        for number, (begun, _) in enumerate(bench.monitors["command"].moved):
            opcode, fields = bench.commands[number]
            took, golden = bench.dones[number] - begun, cycles(bench.p, opcode, fields)
            what = f"command {number}: {opcode.name} {fields}"
            assert took == golden, f"{what} took {took} cycles, golden {golden}"


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
LONG = {"icarus": ["x4"]}
EXTREME = [CASES[0], CASES[2]]
MUTANTS = [Faults("x4", 1)]
