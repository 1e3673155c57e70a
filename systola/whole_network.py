"""`systola map` and `systola run` on an accelerator: a network is one program, from start to interrupt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from golden import check
from golden.accelerator.assembler import unpack
from golden.accelerator.interpreter import Machine
from golden.accelerator.timing import Prediction, predict
from mapping.backends.engines import Mismatch
from mapping.backends.program.compiler import Program, compile
from mapping.ir import graph
from mapping.ir.graph import CodedNetwork
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
    """A network on its way to an accelerator. timing: of one step, the memory's latency fixed."""

    source: Source
    target: Target
    coded: CodedNetwork
    program: Program
    timing: Prediction

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a step, of matrix products and of depthwise convolutions."""
        return sum(macs_of(self.coded, operation) for operation in self.coded.operations)

    @property
    def products(self) -> int:
        """Those of matrix products: what the array does."""
        kinds = graph.Product | graph.MatMul
        return sum(macs_of(self.coded, each) for each in self.coded.operations if isinstance(each, kinds))

    @property
    def losses(self) -> dict[str, float]:
        """Shares of the predicted cycles by cause, systola.report.schema.LOSSES; they add up to 1."""
        assert self.target.accelerator is not None
        return self.timing.shares(self.target.accelerator, self.products)


def prepare(source: Source, target: Target, samples: Sequence[Inputs], method: str = "max") -> Prepared:
    """Codes, program and prediction; a float network takes its ranges from `samples`."""
    assert target.accelerator is not None
    coded = source.coded(target.accelerator, samples, method)
    program = compile(coded, target.accelerator)
    latency = target.memory_latency
    timing = predict(target.accelerator, unpack(program.commands), latency, latency)
    return Prepared(source=source, target=target, coded=coded, program=program, timing=timing)


def product_shape(coded: CodedNetwork, operation: graph.Operation) -> tuple[int, int, int, int] | None:
    """(batch, m, n, k) of an operation that multiplies, else None."""
    y = coded.tensors[operation.y].shape
    if isinstance(operation, graph.Product):
        kh, kw, channels, filters = operation.weights.shape
        return 1, int(np.prod(y[:-1])), filters, kh * kw * channels
    if isinstance(operation, graph.Depthwise):
        kh, kw, channels = operation.weights.shape
        return channels, int(np.prod(y[:-1])), 1, kh * kw
    if isinstance(operation, graph.MatMul):
        x = coded.tensors[operation.x].shape
        w = coded.tensors[operation.w].shape
        rows = x[-2]
        width = x[-1] // operation.heads if operation.heads_in_x == "columns" else x[-1]
        columns = w[-1] // operation.heads if operation.heads_in_w == "columns" else w[-1]
        return operation.heads, rows, w[-2] if operation.transposed else columns, width
    return None


def macs_of(coded: CodedNetwork, operation: graph.Operation) -> int:
    """Multiply-accumulates of an operation."""
    shape = product_shape(coded, operation)
    return int(np.prod(shape)) if shape else 0


def placed_on(operation: graph.Operation | None) -> str:
    """The unit that does the work of an operation."""
    if isinstance(operation, graph.Product | graph.MatMul):
        return "matrix"
    moved = (graph.Gather, graph.Reshape, graph.Slice, graph.Concat)
    return "load, store" if operation is None or isinstance(operation, moved) else "vector"


def layers(prepared: Prepared) -> list[dict[str, Any]]:
    """A row for each operation, in the program's order; `cycles` from the former's end to its own."""
    rows, before = [], 0
    done = {span.number: span.done for spans in prepared.timing.spans.values() for span in spans}
    by_name = {operation.name: operation for operation in prepared.coded.operations}
    for name, first, end in prepared.program.ranges:
        operation = by_name.get(name)  # what is none copies a network's state
        shape = product_shape(prepared.coded, operation) if operation else None
        ended = max([before, *(done.get(number, 0) for number in range(first, end))])
        batch, m, n, k = shape or (0, 0, 0, 0)
        rows.append({
            "name": name, "operator": type(operation).__name__ if operation else "State",
            "placed_on": placed_on(operation),
            "batch": batch, "m": m, "n": n, "k": k, "macs": batch * m * n * k,
            "commands": end - first, "cycles": int(ended - before), "ended": int(ended),
        })  # fmt: skip
        before = ended
    return rows


def total(prepared: Prepared) -> dict[str, Any]:
    """What the whole step costs, and where the cycles go."""
    timing, unit = prepared.timing, prepared.target.unit
    bound = prepared.products / (unit.rows * unit.cols)
    return {
        "macs": prepared.macs, "cycles": timing.cycles,
        "cycles_source": f"model of the units, memory latency {prepared.target.memory_latency}",
        "compute_bound": bound, "utilisation": bound / timing.cycles,
        "losses": prepared.losses,
        "commands": prepared.program.count, "program_bytes": len(prepared.program.commands),
        "memory_bytes": int(prepared.program.memory.size),
        "operators": len(prepared.coded.operations), "operators_on_host": 0, "macs_on_accelerator": 1.0,
    }  # fmt: skip


def mapped(prepared: Prepared, design: Mapping[str, Any]) -> dict[str, Any]:
    """`map --json`."""
    return {"design": dict(design), "network": prepared.source.name, "layers": layers(prepared),
            "total": total(prepared)}  # fmt: skip


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
    summary[f"{made.name}_cycles_source"] = ENGINES[made.name]
    if made.results:
        summary["rtl_cycles"] = made.results[0].cycles
        summary["counters"] = dict(made.results[0].counters)
        summary["prediction_error"] = prepared.timing.cycles / made.results[0].cycles - 1
    return result


__all__ = ["Engine", "Prepared", "mapped", "prepare", "ran", "run"]
