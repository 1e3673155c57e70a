"""The plan of a network on an accelerator in closed form, without its program; mapping.plan.Plan, like the
exact one.

Exact are operations, their units, tiles, commands, bytes and compute_cycles. Cycles and losses come from a
model (mapping.backends.program.pipeline).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from golden.accelerator.assembler import Command
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from mapping.backends.program.compiler import lowered
from mapping.backends.program.pipeline import Pipeline, StepCycles, step_cycles
from mapping.backends.program.plan import (
    MATRIX,
    NONE,
    by_name,
    host_row,
    unit_in_tables,
    unit_work,
    words_of,
)
from mapping.backends.program.segments import parted
from mapping.backends.program.steps_taken import NetworkSteps, TakenStep, without_weights
from mapping.cost import energy
from mapping.ir import graph
from mapping.ir.graph import CodedNetwork
from mapping.plan import Plan
from mapping.result import Row, total
from mapping.target import Target

SOURCE = "closed form: what steps take, one behind the other in each unit; memory latency"
WINDOWS = ":window"  # in the name of a table over a part of its arguments
ASSUMED = "assumed: values decide how many tables a function needs"
END = 10  # cycles from the last word stored to the interrupt


@dataclass(slots=True)
class StepCosts:
    """Quantities that all steps with the same commands share. read, written: words over the bus; passed:
    scratchpad words and sums as in mapping.cost.energy.passed."""

    parts: StepCycles
    compute: int
    read: int
    written: int
    passed: tuple[int, int]
    commands: int


@dataclass(slots=True)
class StepSums:
    """Totals over an operation's steps. read, written, words, sums: as in StepCosts; ended: the last
    step's end."""

    name: str
    compute: int = 0
    read: int = 0
    written: int = 0
    words: int = 0
    sums: int = 0
    commands: int = 0
    ended: float = 0.0

    def add(self, costs: StepCosts, taken: TakenStep, done: float) -> None:
        """Add a step, with a LOAD for each chunk of constants that it is the first to need."""
        self.compute += costs.compute
        self.read += costs.read + taken.constants
        self.written += costs.written
        self.words += costs.passed[0] + taken.constants
        self.sums += costs.passed[1]
        self.commands += costs.commands + taken.chunks
        self.ended = done


def plan(name: str, target: Target, coded: CodedNetwork, *, assumed: bool = False) -> Plan:
    """A network's plan, with or without known weights. assumed: ranges are not known either
    (mapping.legalise.outline).

    raises  BadValue, naming the operation, if no tiling fits
    """
    assert target.accelerator is not None
    p, latency = target.accelerator, target.memory_latency
    rows, host, programs = list[Row](), list[Row](), 0
    for part in parted(coded, p, partial(operations, latency=latency), target.host):
        if isinstance(part, graph.Host):
            host.append(host_row(part))
            continue
        rows += made_rows(part.network, p, *part.program, sum(row.cycles for row in rows), assumed)
        programs += 1
    figures = total(
        [*rows, *host], peak=target.peak_macs, mhz=target.clock_mhz, source=f"{SOURCE} {latency}",
        commands=sum(row.commands or 0 for row in rows) + programs,
    )  # fmt: skip
    return Plan(network=name, rows=(*rows, *host), total=figures, schedules={})


def operations(coded: CodedNetwork, p: AcceleratorParams, *, latency: int) -> tuple[list[StepSums], float]:
    """Totals over each operation's steps, in program order, and the cycle in which all steps are done."""
    network = without_weights(lowered(coded, p))
    units = {operation.name: unit_in_tables(p, coded, operation) for operation in coded.operations}
    steps, known = NetworkSteps(network, p), dict[int, StepCosts]()
    pipeline = Pipeline(p, latency, network.inputs)
    found: list[StepSums] = []
    for taken in steps:
        costs = known.get(taken.alike)
        if costs is None:
            unit = units.get(taken.name, unit_in_tables(p, coded, None))
            costs = known[taken.alike] = costs_of(p, latency, unit, taken)
        places = [[steps.root(name) for name in names] for names in (taken.step.reads, taken.step.writes)]
        done = pipeline.step(taken, costs.parts, *places)
        if not found or found[-1].name != taken.name:
            found.append(StepSums(taken.name))
        found[-1].add(costs, taken, done)
    return found, pipeline.end()


def costs_of(p: AcceleratorParams, latency: int, unit: str, taken: TakenStep) -> StepCosts:
    """The quantities of steps like this one; unit: that of their operation."""
    commands: Sequence[Command] = [*taken.loads, *taken.work]
    read, written = words_of(commands)
    return StepCosts(
        parts=step_cycles(p, latency, taken.loads, taken.work),
        compute=unit_work(p, unit, commands),
        read=read,
        written=written,
        passed=energy.passed(p, commands),
        commands=len(commands),
    )


def made_rows(
    coded: CodedNetwork, p: AcceleratorParams, found: Sequence[StepSums], end: float, start: int,
    assumed: bool,
) -> Iterator[Row]:
    """A row for each operation. Its cycles run from the end of the operations before it to its own; the last
    row also has the cycles behind all operations. start: cycles of the programs before."""
    operations = by_name(coded)
    before = 0
    for number, each in enumerate(found):
        operation, (batch, m, n, k) = operations.get(each.name, NONE)
        unit, macs = unit_in_tables(p, coded, operation), batch * m * n * k
        ended = max(before, round(each.ended if number + 1 < len(found) else end + END))
        compute = each.compute
        useful = macs / p.lanes**2 if unit == MATRIX else 0.0
        read, written = each.read * p.lanes + each.commands * COMMAND_BYTES, each.written * p.lanes
        yield Row(
            name=each.name, operator=type(operation).__name__ if operation else "State", unit=unit,
            batch=batch, m=m, n=n, k=k, macs=macs, compute_cycles=compute, cycles=ended - before,
            utilisation=useful / compute if compute else 0.0, bytes_read=read, bytes_written=written,
            losses=by_cause(ended - before, useful, compute if unit == MATRIX else 0),
            energy_pj=energy.of_words(p, each.words, each.sums, macs, read + written),
            commands=each.commands, ended=start + ended,
            reason=ASSUMED if assumed and WINDOWS in each.name else None,
        )  # fmt: skip
        before = ended


def by_cause(cycles: int, useful: float, compute: int) -> dict[str, float]:
    """A row's cycles by cause, those of its products first; product cycles beyond them overlap with the next
    row."""
    good = min(useful, cycles)
    waste = min(max(compute - useful, 0.0), cycles - good)
    return {"useful": good, "waste": waste, "memory": cycles - good - waste}
