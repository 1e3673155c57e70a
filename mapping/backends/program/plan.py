"""The plan of a program: a row for each operation of the coded network, in the program's order."""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import prod

import numpy as np

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.multiply import count_of, passes_of, tiles_of
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.accelerator.timing import Prediction
from golden.accelerator.timing_units import unit_cycles
from mapping.backends.program.compiler import Program
from mapping.cost import energy
from mapping.ir import graph
from mapping.ir.graph import CodedNetwork, Operation
from mapping.plan import Plan
from mapping.result import Row, total
from mapping.target import Target

MATRIX, VECTOR, MOVED = "matrix", "vector", "load, store"
NONE = None, (0, 0, 0, 0)  # what copies a network's state


def product_shape(coded: CodedNetwork, operation: Operation) -> tuple[int, int, int, int] | None:
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


def by_name(coded: CodedNetwork) -> dict[str, tuple[Operation, tuple[int, int, int, int]]]:
    """Operations, each with its (batch, m, n, k), 0 of what does not multiply; of one name are a batch."""
    found: dict[str, tuple[Operation, tuple[int, int, int, int]]] = {}
    for operation in coded.operations:
        batch, m, n, k = product_shape(coded, operation) or (0, 0, 0, 0)
        if operation.name in found:
            batch += found[operation.name][1][0]
        found[operation.name] = operation, (batch, m, n, k)
    return found


def unit_of(operation: Operation | None) -> str:
    """The unit that does the work of an operation; what is none copies a network's state."""
    if isinstance(operation, graph.Product | graph.MatMul):
        return MATRIX
    moved = (graph.Gather, graph.Reshape, graph.Slice, graph.Concat)
    return MOVED if operation is None or isinstance(operation, moved) else VECTOR


def plan(
    name: str, target: Target, coded: CodedNetwork, program: Program, commands: Sequence[Command],
    timing: Prediction,
) -> Plan:  # fmt: skip
    """A network's plan, from its program, the program's commands and their prediction."""
    assert target.accelerator is not None
    rows = program_rows(target.accelerator, coded, program, commands, timing)
    figures = total(
        rows, peak=target.peak_macs, mhz=target.clock_mhz,
        source=f"model of the units, memory latency {target.memory_latency}",
        commands=program.count, program_bytes=len(program.commands), memory_bytes=int(program.memory.size),
    )  # fmt: skip
    return Plan(network=name, rows=tuple(rows), total=figures, schedules={})


def program_rows(
    p: AcceleratorParams, coded: CodedNetwork, program: Program, commands: Sequence[Command],
    timing: Prediction,
) -> list[Row]:  # fmt: skip
    """A row for each operation."""
    done = {span.number: span.done for spans in timing.spans.values() for span in spans}
    operations = by_name(coded)
    rows, ended = [], 0
    for name, first, end in program.ranges:
        own, (operation, (batch, m, n, k)) = commands[first:end], operations.get(name, NONE)
        unit, macs = unit_of(operation), batch * m * n * k
        ended = max([ended, *(done.get(number, 0) for number in range(first, end))])
        useful = macs / p.lanes**2 if unit == MATRIX else 0.0
        lost = {cause: sum(cycles[first:end]) for cause, cycles in timing.lost.items()}
        read, written = (words * p.lanes for words in words_of(own))
        read += len(own) * COMMAND_BYTES
        energy_pj = energy.of_words(p, *energy.passed(p, own), macs, read + written)
        compute = unit_work(p, unit, own)
        rows.append(Row(
            name=name, operator=type(operation).__name__ if operation else "State", unit=unit,
            batch=batch, m=m, n=n, k=k, macs=macs, compute_cycles=compute, cycles=sum(lost.values()),
            utilisation=useful / compute if compute else 0.0, bytes_read=read, bytes_written=written,
            losses=by_cause(lost, useful), energy_pj=energy_pj,
            commands=end - first, ended=ended,
        ))  # fmt: skip
    return rows


def by_cause(lost: dict[str, int], useful: float) -> dict[str, float]:
    """By mapping.result.CAUSES: of the cycles in which vectors enter, what is not useful is waste."""
    waste = lost["waste"] + lost["compute"] - useful
    others = {cause: float(lost[cause]) for cause in ("fill", "drain", "memory", "dependency", "control")}
    return {"useful": useful, "waste": waste, **others}


def unit_work(p: AcceleratorParams, unit: str, commands: Iterable[Command]) -> int:
    """Cycles of a unit's own commands, nothing holding them up: of passes as long as their vectors and the
    array's rows ask, of the vector unit's commands; of words stored by what computes nothing."""
    if unit == MATRIX:
        products = (command.fields for command in commands if command.opcode == Opcode.MULTIPLY)
        return sum(tiles_of(f) * passes_of(f) * max(count_of(f), p.lanes) for f in products)
    if unit == VECTOR:
        return sum(unit_cycles(p, command) for command in commands if command.unit == VECTOR)
    return sum(words_moved(command) for command in commands if command.opcode == Opcode.STORE)


def words_moved(command: Command) -> int:
    """Words of the bus that LOAD, GATHER or STORE takes; of the scratchpad that FILL writes."""
    loops = ("words", "count1", "count2", "count3")
    return prod(command.fields[loop] for loop in loops if loop in command.fields)


def words_of(commands: Iterable[Command]) -> tuple[int, int]:
    """Read, written: words between memory and the accelerator, without the commands themselves."""
    words: Counter[bool] = Counter()
    for command in commands:
        if command.opcode in (Opcode.LOAD, Opcode.GATHER, Opcode.STORE):
            words[command.opcode == Opcode.STORE] += words_moved(command)
    return words[False], words[True]
