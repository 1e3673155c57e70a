"""The part that the benches of EXPONENTIAL and NORMALISE share: commands, groups that come twice, a reset."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import numpy as np

from golden.accelerator.commands import HEADER, Opcode
from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from sim.benches import Case, parameters, verilog_case
from sim.benches.stream import Bench, compare, pack_word, unpack_word

WIDTH = 16  # of an element of `a`


def params_of(lanes: int) -> AcceleratorParams:
    """The parameters of a case."""
    return AcceleratorParams(unit=MatrixUnitParams(rows=lanes, cols=lanes))


def cases_of(block: str, *each: int) -> list[Case]:
    """An engine of so many lanes each."""
    return [verilog_case(block, params_of, f"x{lanes}", lanes=lanes) for lanes in each]


def pack_command(opcode: Opcode, fields: Mapping[str, int], random: Random) -> int:
    """A command of 512 bits; what `fields` lacks, and the bits beyond, are noise."""
    word, place = 0, 0
    for each in (*HEADER, *opcode.fields):
        value = opcode if each.name == "opcode" else fields.get(each.name, random.getrandbits(each.width))
        word |= (value & (1 << each.width) - 1) << place
        place += each.width
    return word | random.getrandbits(512 - place) << place


def unpack_command(opcode: Opcode, word: int) -> dict[str, int]:
    """All fields of a command."""
    fields = {}
    for each in (*HEADER, *opcode.fields):
        value = word & (1 << each.width) - 1
        fields[each.name] = value - (each.signed and value >> each.width - 1 << each.width)
        word >>= each.width
    return fields


def shape_of(command: Mapping[str, int]) -> tuple[int, int, int]:
    """(count2, count1, count0)."""
    return command["count2"], command["count1"], command["count0"]


@dataclass(frozen=True, slots=True)
class EngineJob:
    """A command's fields, and elements int64 [count2, count1, count0, lanes]."""

    command: dict[str, int]
    elements: np.ndarray


def describe(name: str, owners: list[dict[str, int]], at: int, lane: int) -> str:
    """Whose word `at` of output `name` is."""
    return f"{name} of {owners[at]}"


class EngineBench(Bench, ABC):
    """Streams `start` and `a` in; its own class says what comes out."""

    opcode: Opcode

    def __init__(self, dut: Any, outputs: list[str], **stalls: float):
        super().__init__(dut, ["start", "a"], outputs, **stalls)
        self.p = params_of(**parameters())
        self.rng = np.random.default_rng(self.random.getrandbits(32))

    @abstractmethod
    def job(self, **fixed: int) -> EngineJob:
        """A random command, `fixed` fields apart, and elements for it."""

    @abstractmethod
    def golden(self, job: EngineJob) -> dict[str, list[list[int]]]:
        """Words, of lanes, of each output."""

    @abstractmethod
    def widths(self) -> dict[str, tuple[int, int]]:
        """(bits of a lane, lanes) of each output."""

    def send(self, job: EngineJob) -> None:
        """Queue the command, and each group's vectors twice."""
        self.sources["start"].send([pack_command(self.opcode, job.command, self.random)])
        self.sources["a"].send(self.packed(job.elements))

    def packed(self, elements: np.ndarray) -> list[int]:
        """Words of `a`."""
        twice = np.repeat(elements[:, :, None], 2, axis=2).reshape(-1, self.p.lanes)
        return [pack_word([("x", WIDTH, self.p.lanes)], {"x": vector}) for vector in twice.tolist()]

    def accepted(self) -> list[EngineJob]:
        """The jobs that the RTL has taken since the last reset, by the monitors of its inputs."""
        vectors, jobs, at = self.monitors["a"].words, [], 0
        for word in self.monitors["start"].words:
            command = unpack_command(self.opcode, word)
            shape = shape_of(command)
            count = int(np.prod(shape))
            own, at = vectors[at : at + 2 * count], at + 2 * count
            assert len(own) == 2 * count, "not all vectors of a command were taken"
            codes = [unpack_word([("x", WIDTH, self.p.lanes)], each)["x"] for each in own]
            signed = np.array(codes, np.uint16).view(np.int16).astype(np.int64)
            both = signed.reshape(*shape[:2], 2, shape[2], self.p.lanes)
            assert np.array_equal(both[:, :, 0], both[:, :, 1]), "a group did not come twice"
            jobs.append(EngineJob(command, both[:, :, 0]))
        assert at == len(vectors), "vectors without a command were taken"
        return jobs

    async def run(self, jobs: list[EngineJob]) -> None:
        """All of them, from the start to the end."""
        for job in jobs:
            self.send(job)
        await self.start()
        await self.finish(jobs)

    def check_stalls(self) -> None:
        """They happened if they were asked for."""
        assert (self.sources["a"].stalls > 0) == (self.stall_in > 0), "the stalls asked for did not happen"
        for name in self.sinks:
            waits = self.monitors[name].waits
            assert (waits > 0) == (self.stall_out > 0), "the waits asked for did not happen"

    async def finish(self, jobs: list[EngineJob]) -> None:
        """Wait until all that belongs to `jobs`, sent since the last reset, has come out; compare it."""
        vectors = sum(2 * each.elements.size // self.p.lanes for each in jobs)
        groups = sum(each.command["count1"] * each.command["count2"] for each in jobs)
        within = 8 * vectors + (60 + 3 * self.p.lanes) * (groups + len(jobs)) + 100
        wanted = [self.golden(each) for each in jobs]
        for name in self.widths():
            count = sum(len(each[name]) for each in wanted)
            await self.moved(name, count, within=within)
        self.scoreboard()

    def scoreboard(self) -> None:
        """Golden on what the RTL took, against what it delivered."""
        jobs = self.accepted()
        wanted = [self.golden(each) for each in jobs]
        for name, (width, lanes) in self.widths().items():
            found = [unpack_word([("o", width, lanes)], word)["o"] for word in self.monitors[name].words]
            golden = [[value & (1 << width) - 1 for value in row] for each in wanted for row in each[name]]
            owners = [job.command for job, each in zip(jobs, wanted, strict=True) for _ in each[name]]
            compare(found, golden, partial(describe, name, owners))

    async def tear(self, job: EngineJob, after: int) -> None:
        """Start `job`, reset `after` cycles later. What was not taken is gone but the word on offer."""
        self.send(job)
        await self.cycles(after)
        a, start = self.sources["a"], self.sources["start"]
        a.stall = start.stall = 1.0
        await self.reset()
        while len(a.words) > 1:
            a.words.pop()
        assert not start.words, "the reset came before the command was taken"
        for monitor in self.monitors.values():
            assert not monitor.moved, f"{monitor.port.name}: something moved right behind the reset"
        for source, stall in ((a, self.stall_in), (start, self.stall_in)):
            source.stall = stall

    async def go_on(self, jobs: list[EngineJob]) -> None:
        """After a reset: these; the word that is still on offer is the first one's first vector."""
        if self.sources["a"].words:
            (word,) = self.sources["a"].words
            self.sources["a"].words.clear()
            codes = unpack_word([("x", WIDTH, self.p.lanes)], word)["x"]
            jobs[0].elements[0, 0, 0] = np.array(codes, np.uint16).view(np.int16)
        for job in jobs:
            self.send(job)
        await self.finish(jobs)
