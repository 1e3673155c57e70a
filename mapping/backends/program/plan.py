"""The plan of a program: a row for each operation of the coded network, in the program's order."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.moves import words
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.accelerator.timing import Prediction, predict
from golden.accelerator.units import unit
from mapping.backends.program.compiler import Program
from mapping.backends.program.segments import Part, Segment
from mapping.backends.program.units import further
from mapping.backends.streams import gemm_of
from mapping.cost import energy
from mapping.ir import graph
from mapping.ir.graph import CodedNetwork, Operation
from mapping.plan import Plan
from mapping.result import HOST, Row, total
from mapping.target import Target

MATRIX, VECTOR, MOVED = "matrix", "vector", "load, store"
NONE = None, (0, 0, 0, 0)  # what copies a network's state
Operations = Mapping[str, tuple[Operation, tuple[int, int, int, int]]]


def by_name(coded: CodedNetwork) -> dict[str, tuple[Operation, tuple[int, int, int, int]]]:
    """Operations by name, each with its (batch, m, n, k), zeros where it multiplies nothing; operations that
    share a name are a batch."""
    found: dict[str, tuple[Operation, tuple[int, int, int, int]]] = {}
    for operation in coded.operations:
        g = gemm_of(coded, operation)
        batch, m, n, k = (g.batch, g.m, g.n, g.k) if g else (0, 0, 0, 0)
        if operation.name in found:
            batch += found[operation.name][1][0]
        found[operation.name] = operation, (batch, m, n, k)
    return found


def unit_in_tables(p: AcceleratorParams, coded: CodedNetwork, operation: Operation | None) -> str:
    """The unit that executes an operation; None: a copy of the network's state."""
    if operation is not None and (name := further(p, coded.tensors, operation)):
        return name
    if isinstance(operation, graph.Product | graph.MatMul):
        return MATRIX
    moved = (graph.Gather, graph.Reshape, graph.Slice, graph.Concat)
    return MOVED if operation is None or isinstance(operation, moved) else VECTOR


def plan(name: str, target: Target, parts: Sequence[Part]) -> Plan:
    """A network's plan, from its programs and their prediction; rows of the host come last."""
    assert target.accelerator is not None
    rows, host, latency = list[Row](), list[Row](), target.memory_latency
    programs = [part.program for part in parts if isinstance(part, Segment)]
    for part in parts:
        if isinstance(part, graph.Host):
            host.append(host_row(part))
            continue
        commands = part.program.listed
        timing = predict(target.accelerator, commands, latency, latency)
        before = sum(row.cycles for row in rows)
        own = program_rows(target.accelerator, part.network, part.program, commands, timing)
        rows += [replace(row, ended=before + (row.ended or 0)) for row in own]
    figures = total(
        [*rows, *host], peak=target.peak_macs, mhz=target.clock_mhz,
        source=f"model of the units, memory latency {target.memory_latency}",
        commands=sum(program.count for program in programs),
        program_bytes=COMMAND_BYTES * sum(program.count for program in programs),
        memory_bytes=sum(int(program.memory.size) for program in programs),
    )  # fmt: skip
    return Plan(network=name, rows=(*rows, *host), total=figures, schedules={})


def host_row(o: graph.Host) -> Row:
    """The row of an operation on the host."""
    return Row(name=o.name, operator=o.operator, unit=HOST, count=1, losses={}, reason=o.reason, macs=o.macs)


@dataclass(slots=True)
class StepSums:
    """What all steps of an operation take together. counts: see `counts_of`; ended: the cycle in which they
    are done."""

    name: str
    counts: np.ndarray
    ended: float = 0.0


def counts_of(p: AcceleratorParams, unit: str, commands: Sequence[Command]) -> np.ndarray:
    """Of commands, int64: cycles that compute, words read and written over the bus, words of the scratchpad
    and sums that pass, the commands themselves."""
    work = unit_work(p, unit, commands)
    return np.array([work, *words_of(commands), *energy.passed(p, commands), len(commands)], np.int64)


def row_of(
    p: AcceleratorParams, coded: CodedNetwork, operations: Operations, found: StepSums, cycles: int,
    by_cause: Callable[[float, int], dict[str, float]], **known: Any,
) -> Row:  # fmt: skip
    """The row of an operation. by_cause: returns the losses, from its useful cycles and the array's."""
    operation, (batch, m, n, k) = operations.get(found.name, NONE)
    unit, macs = unit_in_tables(p, coded, operation), batch * m * n * k
    compute, read, written, words, sums, commands = found.counts.tolist()
    useful = macs / p.lanes**2 if unit == MATRIX else 0.0
    read, written = read * p.lanes + commands * COMMAND_BYTES, written * p.lanes
    return Row(
        name=found.name, operator=type(operation).__name__ if operation else "State", unit=unit,
        batch=batch, m=m, n=n, k=k, macs=macs, compute_cycles=compute, cycles=cycles,
        utilisation=useful / compute if compute else 0.0, bytes_read=read, bytes_written=written,
        losses=by_cause(useful, compute if unit == MATRIX else 0),
        energy_pj=energy.of_words(p, words, sums, macs, read + written), commands=commands,
        **{"reason": getattr(operation, "why", "") or None, **known},
    )  # fmt: skip


def program_rows(
    p: AcceleratorParams, coded: CodedNetwork, program: Program, commands: Sequence[Command],
    timing: Prediction,
) -> list[Row]:  # fmt: skip
    """A row for each operation."""
    done = {span.number: span.done for spans in timing.spans.values() for span in spans}
    operations = by_name(coded)
    rows, ended = [], 0
    for name, first, end in program.ranges:
        own, unit = commands[first:end], unit_in_tables(p, coded, operations.get(name, NONE)[0])
        ended = max([ended, *(done.get(number, 0) for number in range(first, end))])
        lost = {cause: sum(cycles[first:end]) for cause, cycles in timing.lost.items()}
        found = StepSums(name, counts_of(p, unit, own))
        causes = partial(by_cause, lost)
        rows.append(row_of(p, coded, operations, found, sum(lost.values()), causes, ended=ended))
    return rows


def by_cause(lost: dict[str, int], useful: float, compute: int) -> dict[str, float]:
    """Losses by mapping.result.CAUSES; cycles in which vectors enter but do no useful work are waste."""
    waste = lost["waste"] + lost["compute"] - useful
    others = {cause: float(lost[cause]) for cause in ("fill", "drain", "memory", "dependency", "control")}
    return {"useful": useful, "waste": waste, **others}


def unit_work(p: AcceleratorParams, name: str, commands: Iterable[Command]) -> int:
    """Cycles of a unit's own commands, unstalled; for operations that compute nothing, of the words that they
    store."""
    own = "store" if name == MOVED else name
    return sum(unit(own).work(p, command) for command in commands if command.unit == own)


def words_of(commands: Iterable[Command]) -> tuple[int, int]:
    """Words read from and written to memory by commands, without the commands themselves."""
    moved: Counter[bool] = Counter()
    for command in commands:
        if command.opcode in (Opcode.LOAD, Opcode.GATHER, Opcode.STORE):
            moved[command.opcode == Opcode.STORE] += words(command.fields)
    return moved[False], moved[True]
