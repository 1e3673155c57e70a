"""The bench of a unit that works on the scratchpad: commands, ports granted at random, golden's machine."""

from collections.abc import Sequence
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.machine import Machine
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import unit
from sim.benches.accelerator.read_port import ReadPort
from sim.benches.stream import Bench, high

LONGEST = 10_000  # cycles of a command
Fields = dict[str, int]


class UnitBench(Bench):
    """The unit `name`, a scratchpad that grants with probability 1 - busy, and golden's machine.

    commands  sent so far; wanted: golden's scratchpad after each
    dones     cycles in which `done` was high, since the last reset
    held_up   cycles that a write waited, by port
    """

    def __init__(
        self, dut: Any, name: str, p: AcceleratorParams, *, inputs: Sequence[str] = (), busy: float = 0.0,
        stall_in: float = 0.0,
    ):  # fmt: skip
        super().__init__(dut, ["command", *inputs], [], stall_in=stall_in)
        self.p, self.unit, self.busy = p, unit(name), busy
        self.rng = np.random.default_rng(self.random.getrandbits(32))
        self.machine = Machine(p, np.zeros(64, np.uint8))
        self.machine.scratch[:] = self.contents()
        self.scratch = self.machine.scratch.copy()
        self.commands: list[Command] = []
        self.wanted: list[np.ndarray] = []
        self.dones: list[int] = []
        self.cycle = 0
        self.ports = {port: self.read_port(port) for port in self.unit.READERS}
        self.held_up = dict.fromkeys(self.unit.WRITERS, 0)

    def contents(self) -> np.ndarray:
        """The scratchpad at first, uint8 [words, lanes]."""
        return self.rng.integers(0, 256, (self.p.words, self.p.lanes), np.uint8)

    def read_port(self, name: str) -> ReadPort:
        port = ReadPort(self.dut, f"scratch_{name}", self.scratch, self.random_of(name))
        port.pause = self.busy
        return port

    async def start(self) -> None:
        await super().start()
        writes = (self.write(port) for port in self.held_up)
        for part in (*(port.run() for port in self.ports.values()), *writes, self.watch()):
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
        place = f"command {number}: byte {byte} of word {word:#x}"
        return f"{place} is {found}, golden {golden}: {self.commands[number]}"

    async def write(self, name: str) -> None:
        """A write port of the scratchpad, granted at random."""
        dut, random = self.dut, self.random_of("scratchpad")
        valid, ready, address, data = (
            getattr(dut, f"scratch_{name}_{end}") for end in ("valid", "ready", "address", "data")
        )
        while True:
            ready.value = int(random.random() >= self.busy)
            await ReadOnly()
            if high(valid) and not high(dut.rst):
                self.held_up[name] += not high(ready)
                if high(ready):
                    word = int(data.value).to_bytes(self.p.lanes, "little")
                    self.scratch[int(address.value) % self.p.words] = np.frombuffer(word, np.uint8)
            await RisingEdge(dut.clk)

    def send(self, opcode: Opcode, fields: Fields) -> None:
        """A command, and what golden makes of it."""
        command = Command(opcode, (), (), fields)
        self.machine.execute(command)
        self.commands.append(command)
        self.wanted.append(self.machine.scratch.copy())
        self.sources["command"].send([int.from_bytes(command.encode(), "little")])

    def forget(self) -> None:
        """The commands so far; golden goes on from what the scratchpad holds."""
        for each in (self.commands, self.wanted, self.dones):
            each.clear()
        self.machine.scratch[:] = self.scratch

    async def settle(self) -> None:
        """All commands done."""
        total, idle, before = len(self.commands), 0, 0
        while len(self.dones) < total and idle < LONGEST:
            await RisingEdge(self.dut.clk)
            idle, before = (idle + 1 if len(self.dones) == before else 0), len(self.dones)
        await self.cycles(10)
        assert len(self.dones) == total, f"{len(self.dones)} commands of {total} done"
        assert self.dut.busy.value == 0, "busy after the last command"

    def check_refusals(self) -> None:
        """The scratchpad held each port up, or none."""
        refused = [*self.held_up.values(), *(port.waits for port in self.ports.values())]
        fine = min(refused) > 0 if self.busy else max(refused) == 0
        assert fine, f"refused {refused} times, asked for {self.busy}"

    def took(self) -> list[int]:
        """Cycles from each command's acceptance to its `done`, both counted."""
        begun = [cycle for cycle, _ in self.monitors["command"].moved]
        return [done - begin + 1 for done, begin in zip(self.dones, begun, strict=True)]
