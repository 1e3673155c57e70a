"""Networks that an accelerator runs by itself: each is one program, from start to interrupt."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden import check
from golden.accelerator.assembler import unpack
from golden.accelerator.timing import predict
from golden.blocks import Device, Result
from mapping.backends.program.compiler import Program, compile
from mapping.backends.program.plan import plan as plan_of
from mapping.ir.graph import CodedNetwork
from mapping.network import ShapeNetwork
from mapping.plan import Plan
from mapping.run.host import Progress
from mapping.run.quantised import Steps
from mapping.target import Target
from sim import program_device
from sim.accelerator import Bus
from sim.device import Comparing
from sim.device import Waves as Traced
from sim.program_device import Step
from systola import coding, operands, waveforms
from systola.coding import Source, answers, codes_of
from systola.operands import Inputs
from systola.waveforms import Waves, Window

RTL_SOURCE = "RTL: counted by the Verilated accelerator, from start to interrupt"
EVER = 1 << 62
AROUND = 300  # cycles of a waveform before and behind what an operation's commands are predicted to take


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A network on its way to an accelerator. plan: of one step, the memory's latency fixed."""

    source: Source
    target: Target
    coded: CodedNetwork
    program: Program
    plan: Plan


def prepare(source: Source, target: Target, samples: Sequence[Inputs], method: str = "max") -> Prepared:
    """Codes, program and prediction; a float network takes its ranges from `samples`."""
    assert target.accelerator is not None
    coded = source.coded(target.accelerator, samples, method)
    program = compile(coded, target.accelerator)
    latency = target.memory_latency
    commands = unpack(program.commands)
    timing = predict(target.accelerator, commands, latency, latency)
    planned = plan_of(source.name, target, coded, program, commands, timing)
    return Prepared(source=source, target=target, coded=coded, program=program, plan=planned)


def read(path: Path, target: Target, **sizes: Any) -> Source:
    """The network; what has shapes alone has no program."""
    source = coding.read(path, **sizes)
    if isinstance(source, ShapeNetwork):
        raise check.fail(
            f"{source.name}: weights", "not there", "a network with weights (a design of family systolic)"
        )
    return source


def plan(source: Source, target: Target) -> Plan:
    """The plan of its program; cycles do not depend on values: any ranges will do."""
    return prepare(source, target, operands.read(source, {}, 0)).plan


class Model:
    """The network in codes, its operations at once; it counts no cycles."""

    name = "model"

    def __init__(self, prepared: Prepared):
        assert prepared.target.accelerator is not None
        self.steps = Steps(prepared.coded, prepared.target.accelerator)

    def run(self, job: Step) -> Result:
        found = self.steps.step(job.codes)
        return Result(outputs={name: found[name] for name in job.outputs})


def on_rtl(prepared: Prepared, traced: Traced | None = None) -> program_device.Rtl:
    """The Verilated accelerator, behind a memory of the design's latency."""
    assert prepared.target.accelerator is not None
    latency = prepared.target.memory_latency
    bus = Bus(read_latency=latency, write_latency=latency)
    return program_device.Rtl(prepared.target.accelerator, prepared.program, bus, traced)


class Session:
    """Steps of a program on a device; the state of a network that has one stays in its memory."""

    def __init__(self, prepared: Prepared, device: Device, progress: Progress | None = None) -> None:
        self.prepared, self.plan, self.device, self.progress = prepared, prepared.plan, device, progress
        self.results: list[Result] = []

    def step(self, sample: Inputs) -> Inputs:
        """The network's outputs."""
        source, coded, done = self.prepared.source, self.prepared.coded, len(self.results)
        if self.progress:
            self.progress(f"{source.name}, sample {done + 1}", done, done + 1)
        job = Step(where=source.name, codes=codes_of(source, coded, sample), outputs=tuple(coded.outputs))
        self.results.append(self.device.run(job))
        return answers(source, coded, self.results[-1].outputs)

    def add(self, result: dict[str, Any]) -> None:
        """What the RTL counted in the first step, put into the plan's figures."""
        first = self.results[0]
        if first.cycles is not None:
            result["total"] |= {
                "rtl_cycles": first.cycles,
                "rtl_cycles_source": RTL_SOURCE,
                "prediction_error": self.plan.total.cycles / first.cycles - 1,
                "counters": dict(first.counters),
            }


@contextmanager
def session(
    path: Path, source: Source, target: Target, samples: Sequence[Inputs], *, engine: str, seed: int,
    waves: Waves | None, progress: Progress | None,
) -> Iterator[Session]:  # fmt: skip
    """A session, quantised on `samples`. golden runs the program command by command, model the coded network
    at once, rtl the Verilog; what golden and rtl give is compared with what model gives.
    """
    prepared = prepare(source, target, samples)
    assert target.accelerator is not None
    if engine == "golden":
        golden = program_device.Golden(target.accelerator, prepared.program)
        yield Session(prepared, Comparing(golden, Model(prepared)), progress)
    elif engine == "model":
        yield Session(prepared, Model(prepared), progress)
    else:
        with traced(prepared.plan, waves) as kept:
            yield Session(prepared, Comparing(on_rtl(prepared, kept), Model(prepared)), progress)


@contextmanager
def traced(plan: Plan, waves: Waves | None) -> Iterator[Traced | None]:
    """What the RTL leaves a waveform of."""
    if waves is None:
        yield None
        return
    window = waves.window or window_of(plan, waves.layer)
    with waveforms.kept(waves) as path:
        yield Traced(plan.network, path, window)


def window_of(plan: Plan, layer: str) -> Window:
    """The cycles in which an operation is predicted to run, with some around; of the network, all."""
    check.one_of("--waves", layer, [plan.network, *(row.name for row in plan.layers)])
    if layer == plan.network:
        return 0, EVER
    place = [row.name for row in plan.rows].index(layer)
    before, own = (plan.rows[i].ended or 0 if i >= 0 else 0 for i in (place - 1, place))
    return max(0, int(0.97 * before) - AROUND), int(1.03 * own) + AROUND


def outputs_of(source: Source) -> int:
    """How many outputs a run gives."""
    return len(source.outputs)


def states_scales(source: Source, target: Target) -> str:
    """Why no sample decides a range, or ""."""
    return f"{source.name} states its own scales" if source.network is None else ""
