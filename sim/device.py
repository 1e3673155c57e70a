"""Devices, which run jobs: golden follows a job as the hardware does, the model computes it at once, RTL is
the Verilog.

A device has a name and `run(job) -> Result` (golden.blocks.Device); these take the jobs of every block,
those of
sim.program_device the programs of an accelerator. All give the same bits, which `Comparing` holds them to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from golden import blocks
from golden.blocks import OUTPUT, Device, Job, Result
from sim.build import build_model
from sim.driver import CompiledModel
from sim.ports import StreamPort


class Mismatch(Exception):
    """Two devices disagree: a job, an output, a place, both values."""


class Golden:
    """Every command or pass as the hardware does it, and golden's count of the cycles."""

    name, function = "golden", "follow"

    def run(self, job: Job) -> Result:
        block = blocks.module_of(job.p)
        values = getattr(block, self.function)(job.p, job.shape, job.operands)
        return Result(outputs={OUTPUT: values}, cycles=block.cycles(job.p, job.shape))


class Model(Golden):
    """The values at once, and golden's count of the cycles."""

    name, function = "model", "compute"


def stream_ports(p: Any) -> list[StreamPort]:
    """The streams of a block as the driver sees them."""
    widths = blocks.widths(p)
    return [StreamPort(name, "out" if name == OUTPUT else "in", bits) for name, bits in widths.items()]


@cache
def block_verilog(p: Any) -> str:
    """Verilog of a block."""
    from hw.blocks import definition
    from hw.emit import verilog

    return str(verilog(definition(p)))


def compile_block(p: Any, *, trace: bool = False) -> CompiledModel:
    """A block, verilated and loaded; from the cache where it is there."""
    return CompiledModel(build_model(block_verilog(p), p.name, stream_ports(p), trace=trace))


@dataclass
class Waves:
    """Waves of one job: of the name `job`, into `path` (FST), the cycles of `window` alone."""

    job: str
    path: Path
    window: tuple[int, int] = (0, 1 << 62)


@dataclass
class Rtl:
    """Runs jobs on the Verilated block.

    stalls: probability with which each stream is held back in a cycle; the cycles then tell of that, too.
    A model is compiled when its block is first met, and kept for the device's life.
    """

    stalls: float = 0.0
    seed: int = 1
    waves: Waves | None = None
    name: str = "rtl"
    models: dict[tuple[Any, bool], CompiledModel] = field(default_factory=dict)
    cycles_run: int = 0

    def run(self, job: Job) -> Result:
        """One job through the RTL; cycles are counted there, from the first word in to the last out.

        raises  SimulationError if it hangs or breaks a stream's rules
        """
        block, p = blocks.module_of(job.p), job.p
        waves = self.waves if self.waves and self.waves.job == job.name else None
        if waves:
            self.waves = None  # of a batch that goes job by job, the first
        model = self.model(p, trace=waves is not None)
        inputs = {
            name: padded(words, model.stride(name))
            for name, words in block.pack(p, job.shape, job.operands).items()
        }
        found = model.run(
            inputs, {OUTPUT: block.count(p, job.shape)}, stalls=self.stalls, seed=self.seed,
            window=waves.window if waves else (0, 0), trace_file=waves.path if waves else None,
        )  # fmt: skip
        self.cycles_run += found.cycles
        values = block.unpack(p, job.shape, found.outputs[OUTPUT])
        return Result(outputs={OUTPUT: values}, cycles=found.cycles, counters=found.waits)

    def model(self, p: Any, *, trace: bool = False) -> CompiledModel:
        """The compiled block of these parameters."""
        if (p, trace) not in self.models:
            self.models[p, trace] = compile_block(p, trace=trace)
        return self.models[p, trace]


def padded(words: np.ndarray, stride: int) -> np.ndarray:
    """Words, uint8 [words, bytes], of `stride` bytes each."""
    return words if words.shape[1] == stride else np.pad(words, ((0, 0), (0, stride - words.shape[1])))


class Comparing:
    """`primary`, each job checked against `reference`: values to the bit, and cycles where both count them.

    raises  Mismatch at the first difference
    """

    def __init__(self, primary: Device, reference: Device) -> None:
        self.primary, self.reference = primary, reference
        self.name = f"{primary.name}, checked against {reference.name}"

    def run(self, job: Any) -> Result:
        found, wanted = self.primary.run(job), self.reference.run(job)
        who = f"{job.where}: {self.primary.name} gives"
        self.same(who, found.outputs, wanted.outputs)
        if found.cycles != wanted.cycles and None not in (found.cycles, wanted.cycles):
            raise Mismatch(f"{who} {found.cycles} cycles, {self.reference.name} {wanted.cycles}")
        return found

    def same(self, who: str, found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
        """Mismatch for a value that is not the reference's; NaN is NaN."""
        for name, values in found.items():
            others = wanted[name].reshape(values.shape)
            alike = (values == others) | ((values != values) & (others != others))
            for place in map(tuple, np.argwhere(~alike)[:1]):
                raise Mismatch(
                    f"{who} {values[place]} at {name}{[int(i) for i in place]}, {self.reference.name} "
                    f"{others[place]} ({int((~alike).sum())} of {alike.size} values differ)"
                )
