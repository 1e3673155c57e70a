"""`systola map` and `systola run` on an accelerator: a network is one program, from start to interrupt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from golden import check
from golden.accelerator.assembler import unpack
from golden.accelerator.timing import predict
from golden.blocks import Device, Result
from mapping.backends.program.compiler import Program, compile
from mapping.backends.program.plan import plan
from mapping.ir.graph import CodedNetwork
from mapping.plan import Plan
from mapping.run.quantised import Steps
from mapping.target import Target
from sim import program_device
from sim.accelerator import Bus
from sim.device import Comparing
from sim.program_device import Step
from systola import operands
from systola.coding import Inputs, Source, answers, codes_of

Progress = Callable[[str, int, int], None]
ENGINES = {
    "golden": "golden: the program, command by command",
    "model": "golden: the network in codes",
    "rtl": "RTL: counted by the Verilated accelerator, from start to interrupt",
}


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
    planned = plan(source.name, target, coded, program, commands, timing)
    return Prepared(source=source, target=target, coded=coded, program=program, plan=planned)


def mapped(prepared: Prepared, design: Mapping[str, Any]) -> dict[str, Any]:
    """`map --json`."""
    return {"design": dict(design), **prepared.plan.as_dict()}


class Model:
    """The network in codes, its operations at once; it counts no cycles."""

    name = "model"

    def __init__(self, prepared: Prepared):
        assert prepared.target.accelerator is not None
        self.steps = Steps(prepared.coded, prepared.target.accelerator)

    def run(self, job: Step) -> Result:
        found = self.steps.step(job.codes)
        return Result(outputs={name: found[name] for name in job.outputs})


def on_rtl(prepared: Prepared) -> program_device.Rtl:
    """The Verilated accelerator, behind a memory of the design's latency."""
    assert prepared.target.accelerator is not None
    latency = prepared.target.memory_latency
    bus = Bus(read_latency=latency, write_latency=latency)
    return program_device.Rtl(prepared.target.accelerator, prepared.program, bus)


def device(prepared: Prepared, name: str) -> Device:
    """The device `name`, one of ENGINES, every step compared with the model's."""
    check.one_of("--engine", name, ENGINES)
    if name == "model":
        return Model(prepared)
    assert prepared.target.accelerator is not None
    golden = program_device.Golden(prepared.target.accelerator, prepared.program)
    return Comparing(on_rtl(prepared) if name == "rtl" else golden, Model(prepared))


def step(prepared: Prepared, sample: Inputs) -> Step:
    """The run of the program on a sample."""
    codes = codes_of(prepared.source, prepared.coded, sample)
    return Step(where=prepared.source.name, codes=codes, outputs=tuple(prepared.coded.outputs))


def run(
    prepared: Prepared, samples: Sequence[Inputs], engine: str, progress: Progress | None = None
) -> tuple[Inputs, list[Result]]:
    """All samples, one after the other (steps of a network with state): outputs, first axis the sample."""
    made, results, found = device(prepared, engine), list[Result](), list[Inputs]()
    for number, sample in enumerate(samples):
        if progress:
            progress(f"{prepared.source.name}, sample {number + 1}", number, len(samples))
        results.append(made.run(step(prepared, sample)))
        found.append(answers(prepared.source, prepared.coded, results[-1].outputs))
    return {name: operands.joined([one[name] for one in found]) for name in found[0]}, results


def ran(
    prepared: Prepared, engine: str, results: Sequence[Result], design: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """`run --json`, but for outputs."""
    found = {"engine": engine, "seed": seed, "samples": len(results), **mapped(prepared, design)}
    summary, first = found["total"], results[0]
    if first.cycles is not None:
        summary["rtl_cycles"] = first.cycles
        summary["rtl_cycles_source"] = ENGINES["rtl"]
        summary["counters"] = dict(first.counters)
        summary["prediction_error"] = prepared.plan.total.cycles / first.cycles - 1
    return found
