"""Networks that an accelerator runs: each is one program, from start to interrupt; or several, with what no
unit does between them, where the design has a host.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from golden.blocks import Device, Result
from golden.progress import Progress, untold
from mapping.backends.program import closed_form
from mapping.backends.program.compiler import Program
from mapping.backends.program.plan import plan as plan_of
from mapping.backends.program.segments import Part, Programs, Segment, parts
from mapping.ir.graph import CodedNetwork
from mapping.legalise.shapes import shaped
from mapping.network import ShapeNetwork
from mapping.plan import Plan
from mapping.run.quantised import Interpreter
from mapping.target import Target
from sim import program_device
from sim.accelerator import Bus
from sim.device import Comparing, Waves
from sim.program_device import ProgramRun
from systola import coding, operands, waveforms
from systola.coding import NetworkSource, answers, codes_of
from systola.operands import Inputs
from systola.waveforms import WaveRequest, Window

Loaded = NetworkSource | ShapeNetwork
RTL_SOURCE = "RTL: counted by the Verilated accelerator, from start to interrupt"
EVER = 1 << 62
AROUND = 300  # cycles of a waveform before and behind what an operation's commands are predicted to take


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A network on its way to an accelerator. plan: of one step, the memory's latency fixed."""

    source: NetworkSource
    target: Target
    coded: CodedNetwork
    parts: tuple[Part, ...]
    plan: Plan

    @property
    def segments(self) -> list[Segment[Program]]:
        """The segments that the accelerator runs, in order."""
        return [part for part in self.parts if isinstance(part, Segment)]


def prepare(
    source: NetworkSource, target: Target, samples: Sequence[Inputs], method: str = "max"
) -> Prepared:
    """Codes, program and prediction; a float network takes its ranges from `samples`."""
    assert target.accelerator is not None
    coded, parts = source.parts(target.accelerator, samples, method, target.host)
    planned = plan_of(source.name, target, parts)
    return Prepared(source=source, target=target, coded=coded, parts=parts, plan=planned)


def read(path: Path, target: Target, **sizes: Any) -> Loaded:
    """The network, or the shapes of its layers."""
    return coding.read(path, **sizes)


def plan(source: Loaded, target: Target, exact: bool | None = None) -> Plan:
    """exact: of its program, on any ranges, since cycles do not depend on values; else in closed form, which
    looks at no value (mapping.backends.program.closed_form). None: exact, where there are weights.
    """
    p = target.accelerator
    assert p is not None
    if isinstance(source, ShapeNetwork) and exact:
        return plan_of(source.name, target, parts(shaped(source, p, np.zeros), p, host=False))
    if isinstance(source, ShapeNetwork):
        return closed_form.plan(source.name, target, shaped(source, p))
    if exact is not False:
        return prepare(source, target, operands.read(source, {}, 0)).plan
    make = partial(closed_form.plan, source.name, target, assumed=source.network is not None)
    return source.made(p, None, make, host=target.host)


class ModelProgram:
    """The network in codes, its operations at once; it counts no cycles."""

    name = "model"

    def __init__(self, network: CodedNetwork, p: AcceleratorParams):
        self.steps = Interpreter(network, p)

    def run(self, job: ProgramRun) -> Result:
        found = self.steps.step(job.codes)
        return Result(outputs={name: found[name] for name in job.outputs})


def on_rtl(target: Target, program: Program, traced: Waves | None = None) -> program_device.RtlProgram:
    """The Verilated accelerator, behind a memory of the design's latency."""
    assert target.accelerator is not None
    latency = target.memory_latency
    bus = Bus(read_latency=latency, write_latency=latency)
    return program_device.RtlProgram(target.accelerator, program, bus, traced)


def device_of(engine: str, target: Target, segment: Segment[Program], traced: Waves | None = None) -> Device:
    """golden runs the program command by command, model the coded network at once, rtl the Verilog; what
    golden and rtl give is compared with what model gives."""
    assert target.accelerator is not None
    model = ModelProgram(segment.network, target.accelerator)
    if engine == "model":
        return model
    if engine == "golden":
        return Comparing(program_device.GoldenProgram(target.accelerator, segment.program), model)
    return Comparing(on_rtl(target, segment.program, traced), model)


class ProgramSession:
    """Steps of the programs, each on a device of its own. results: of each step, the programs'."""

    def __init__(
        self, prepared: Prepared, devices: Sequence[Device], progress: Progress = untold
    ) -> None:
        self.prepared, self.plan, self.progress = prepared, prepared.plan, progress
        places = [i for i, part in enumerate(prepared.parts) if isinstance(part, Segment)]
        self.devices = dict(zip(places, devices, strict=True))
        assert prepared.target.accelerator is not None
        self.programs = Programs(prepared.coded, prepared.target.accelerator, prepared.parts)
        self.results: list[list[Result]] = []

    def step(self, sample: Inputs) -> Inputs:
        """The network's outputs."""
        source, coded, done = self.prepared.source, self.prepared.coded, len(self.results)
        self.progress(f"{source.name}, sample {done + 1}", done, done + 1)
        self.results.append([])
        return answers(source, coded, self.programs.step(codes_of(source, coded, sample), self.run))

    def run(self, place: int, codes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """One of the programs."""
        part, device = self.prepared.parts[place], self.devices[place]
        assert isinstance(part, Segment)
        job = ProgramRun(where=self.prepared.source.name, codes=codes, outputs=tuple(part.network.outputs))
        self.results[-1].append(device.run(job))
        return dict(self.results[-1][-1].outputs)

    def add(self, result: dict[str, Any]) -> None:
        """What the RTL counted in the first step, put into the plan's figures."""
        first = self.results[0]
        cycles = sum(each.cycles or 0 for each in first)
        if cycles:
            counters = sum((Counter(each.counters) for each in first), Counter[str]())
            result["total"] |= {
                "rtl_cycles": cycles,
                "rtl_cycles_source": RTL_SOURCE,
                "prediction_error": self.plan.total.cycles / cycles - 1,
                "counters": {name: counters[name] for name in first[0].counters},
            }


@contextmanager
def session(
    source: NetworkSource, target: Target, samples: Sequence[Inputs], *, engine: str, seed: int,
    waves: WaveRequest | None, progress: Progress,
) -> Iterator[ProgramSession]:  # fmt: skip
    """A session, quantised on `samples`."""
    prepared = prepare(source, target, samples)
    if waves is not None and len(prepared.parts) > 1:
        raise check.fail("--waves", waves.layer, "a network that is one program, without a host's part")
    with traced(prepared.plan, waves) as kept:
        devices = [device_of(engine, target, segment, kept) for segment in prepared.segments]
        yield ProgramSession(prepared, devices, progress)


@contextmanager
def traced(plan: Plan, waves: WaveRequest | None) -> Iterator[Waves | None]:
    """The part of the RTL whose waveform is kept."""
    if waves is None:
        yield None
        return
    check.one_of("--waves", waves.layer, [plan.network, *(row.name for row in plan.layers)])
    waves.check_window(int(1.03 * plan.total.cycles) + AROUND)
    window = waves.window or window_of(plan, waves.layer)
    with waveforms.kept(waves) as path:
        yield Waves(plan.network, path, window)


def window_of(plan: Plan, layer: str) -> Window:
    """The cycles in which an operation is predicted to run, with some around; of the network, all."""
    if layer == plan.network:
        return 0, EVER
    place = [row.name for row in plan.rows].index(layer)
    before, own = (plan.rows[i].ended or 0 if i >= 0 else 0 for i in (place - 1, place))
    return max(0, int(0.97 * before) - AROUND), int(1.03 * own) + AROUND


def outputs_of(source: Loaded) -> int:
    """How many outputs a run gives."""
    return len(source.outputs if isinstance(source, NetworkSource) else source.layers)


def states_scales(source: Loaded, target: Target) -> str:
    """Why no sample decides a range, or ""."""
    stated = isinstance(source, NetworkSource) and source.network is None
    return f"{source.name} states its own scales" if stated else ""


def refuse(path: Path, source: Loaded, target: Target) -> None:
    """BadValue for what has a plan and no program."""
    if isinstance(source, ShapeNetwork):
        raise check.fail(f"{source.name}: weights", "not there", "a network with weights")
