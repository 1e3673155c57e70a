"""Devices of an accelerator's programs: a program's step on the interpreter, or on the Verilated accelerator.

Each keeps the memory, so that the state of a network that has one goes from step to step. The model, the
network in codes, is the mapper's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from golden.accelerator.machine import Machine
from golden.accelerator.params import AcceleratorParams
from golden.blocks import Result
from sim.accelerator import Bus, RtlModel, RtlOutcome
from sim.device import Mismatch, Waves


class LoadableProgram(Protocol):
    """A program for an accelerator, as mapping.backends.program.compiler.Program has it."""

    @property
    def base(self) -> int: ...
    @property
    def memory(self) -> np.ndarray: ...
    @property
    def address(self) -> int: ...
    @property
    def count(self) -> int: ...
    def write(self, memory: np.ndarray, name: str, codes: np.ndarray) -> None: ...
    def read(self, memory: np.ndarray, name: str) -> np.ndarray: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProgramRun:
    """One run of the program. where: the network. codes: of its inputs. outputs: their names."""

    where: str
    codes: Mapping[str, np.ndarray]
    outputs: tuple[str, ...]


class InMemory:
    """A memory with the program and its operands in it."""

    def __init__(self, p: AcceleratorParams, program: LoadableProgram):
        self.p, self.program = p, program
        self.memory = program.memory.copy()

    def put(self, step: ProgramRun) -> None:
        """The inputs' codes."""
        for name, values in step.codes.items():
            self.program.write(self.memory, name, values)

    def found(self, step: ProgramRun) -> dict[str, np.ndarray]:
        """The outputs' codes."""
        return {name: self.program.read(self.memory, name) for name in step.outputs}


class GoldenProgram(InMemory):
    """Every command as the hardware does it; it counts no cycles."""

    name = "golden"

    def run(self, job: ProgramRun) -> Result:
        self.put(job)
        Machine(self.p, self.memory, self.program.base).run(self.program.address, self.program.count)
        return Result(outputs=self.found(job))


class RtlProgram(InMemory):
    """The Verilated accelerator, from start to interrupt. outcomes: the steps', the first with intervals.

    waves  of the first step
    """

    name = "rtl"

    def __init__(self, p: AcceleratorParams, program: LoadableProgram, bus: Bus, waves: Waves | None = None):
        super().__init__(p, program)
        self.accelerator = RtlModel(p, self.memory, program.base, trace=waves is not None)
        self.bus, self.waves = bus, waves
        self.outcomes: list[RtlOutcome] = []

    def run(self, job: ProgramRun) -> Result:
        self.put(job)
        first, waves, self.waves = not self.outcomes, self.waves, None
        traced = {"window": waves.window, "trace_file": waves.path} if waves else {"record": first}
        outcome = self.accelerator.run(self.program.address, self.program.count, self.bus, **traced)
        if outcome.cause:
            raise Mismatch(
                f"{job.where}: the accelerator stopped: {outcome.cause.name}, command {outcome.command}"
            )
        self.outcomes.append(outcome)
        return Result(outputs=self.found(job), cycles=outcome.cycles, counters=outcome.counters)
