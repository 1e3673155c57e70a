"""`systola map` and `systola run` on an accelerator: a network is one program, from start to interrupt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from golden import check
from golden.accelerator.assembler import unpack
from golden.accelerator.interpreter import Machine
from golden.accelerator.timing import predict
from mapping.backends.engines import Mismatch
from mapping.backends.program.compiler import Program, compile
from mapping.backends.program.plan import plan
from mapping.ir.graph import CodedNetwork
from mapping.plan import Plan
from mapping.run.quantised import Steps
from mapping.target import Target
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


class Engine:
    """Steps of a program by one of ENGINES; the state of a network that has one stays in the memory.

    cycles  of each step, by the RTL; None by the others
    """

    def __init__(self, prepared: Prepared, name: str):
        check.one_of("--engine", name, ENGINES)
        self.prepared, self.name = prepared, name
        assert prepared.target.accelerator is not None
        self.p = prepared.target.accelerator
        self.memory = prepared.program.memory.copy()
        self.model = Steps(prepared.coded, self.p)
        self.rtl: Any = None
        self.results: list[Any] = []
        if name == "rtl":
            from sim.accelerator import Accelerator

            self.rtl = Accelerator(self.p, self.memory, prepared.program.base)

    def step(self, codes: Mapping[str, np.ndarray], *, record: bool = False) -> dict[str, np.ndarray]:
        """Outputs in codes. raises: Mismatch where the program's result is not the network's."""
        wanted = self.model.step(codes)
        program = self.prepared.program
        if self.name == "model":
            return {name: wanted[name] for name in self.prepared.coded.outputs}
        for name, values in codes.items():
            program.write(self.memory, name, values)
        if self.rtl is None:
            Machine(self.p, self.memory, program.base).run(program.address, program.count)
        else:
            self.results.append(self.on_rtl(record))
        found = {name: program.read(self.memory, name) for name in self.prepared.coded.outputs}
        for name, values in found.items():
            wrong = np.argwhere(values != wanted[name].reshape(values.shape))
            if len(wrong):
                place = tuple(int(i) for i in wrong[0])
                where = f"{self.prepared.source.name}: {name}{list(place)}"
                golden = wanted[name].reshape(values.shape)[place]
                raise Mismatch(f"{where} is {values[place]}; golden: {golden}; {len(wrong)} differ")
        return found

    def on_rtl(self, record: bool) -> Any:
        """One run, start to interrupt."""
        from sim.accelerator import Bus

        latency = self.prepared.target.memory_latency
        bus = Bus(read_latency=latency, write_latency=latency)
        program = self.prepared.program
        result = self.rtl.run(program.address, program.count, bus, record=record)
        if result.cause:
            raise Mismatch(f"{self.prepared.source.name}: the accelerator stopped: {result.cause.name}, "
                           f"command {result.command}")  # fmt: skip
        return result


def run(
    prepared: Prepared, samples: Sequence[Inputs], engine: str, progress: Progress | None = None
) -> tuple[Inputs, Engine]:
    """All samples, one after the other (steps of a network with state): outputs, first axis the sample."""
    made = Engine(prepared, engine)
    found: list[Inputs] = []
    for number, sample in enumerate(samples):
        if progress:
            progress(f"{prepared.source.name}, sample {number + 1}", number, len(samples))
        codes = made.step(codes_of(prepared.source, prepared.coded, sample), record=number == 0)
        found.append(answers(prepared.source, prepared.coded, codes))
    outputs = {name: operands.joined([one[name] for one in found]) for name in found[0]}
    return outputs, made


def ran(
    prepared: Prepared, made: Engine, design: Mapping[str, Any], samples: int, seed: int
) -> dict[str, Any]:
    """`run --json`, but for outputs."""
    result = {"engine": made.name, "seed": seed, "samples": samples, **mapped(prepared, design)}
    summary = result["total"]
    if made.results:
        summary["rtl_cycles"] = made.results[0].cycles
        summary["rtl_cycles_source"] = ENGINES["rtl"]
        summary["counters"] = dict(made.results[0].counters)
        summary["prediction_error"] = prepared.plan.total.cycles / made.results[0].cycles - 1
    return result


__all__ = ["Engine", "Prepared", "mapped", "prepare", "ran", "run"]
