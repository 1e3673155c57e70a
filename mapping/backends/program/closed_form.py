"""The plan of a network on an accelerator in closed form, without its program; mapping.plan.Plan, like the
exact one.

Exact are operations, their units, tiles, commands, bytes and compute_cycles. Cycles and losses come from a
model (mapping.backends.program.pipeline).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np

from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.compiler import lowered
from mapping.backends.program.pipeline import Pipeline, StepCycles, step_cycles
from mapping.backends.program.plan import StepSums, by_name, counts_of, host_row, row_of, unit_in_tables
from mapping.backends.program.segments import parted
from mapping.backends.program.steps_taken import NetworkSteps, TakenStep, with_unknown_weights
from mapping.ir import graph
from mapping.ir.graph import CodedNetwork
from mapping.plan import Plan
from mapping.result import Row, total
from mapping.target import Target

SOURCE = "closed form: what steps take, one behind the other in each unit; memory latency"
WINDOWS = ":window"  # in the name of a table over a part of its arguments
ASSUMED = "assumed: values decide how many tables a function needs"
WINDOW = 64  # steps that constants are loaded ahead of, at most
END = 10  # cycles from the last word stored to the interrupt


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
    network = with_unknown_weights(lowered(coded, p))
    units = {operation.name: unit_in_tables(p, coded, operation) for operation in coded.operations}
    steps, known = NetworkSteps(network, p), dict[int, tuple[StepCycles, np.ndarray]]()
    pipeline = Pipeline(p, latency, network.inputs)
    found: list[StepSums] = []
    for taken, coming in with_next(steps, WINDOW):
        if taken.alike not in known:
            unit = units.get(taken.name, unit_in_tables(p, coded, None))
            cycles = step_cycles(p, latency, taken.loads, taken.work)
            known[taken.alike] = cycles, counts_of(p, unit, [*taken.loads, *taken.work])
        cycles, counts = known[taken.alike]
        reads, writes = ([steps.root(t) for t in names] for names in (taken.step.reads, taken.step.writes))
        done = pipeline.step(taken, cycles, reads, writes, coming)
        if not found or found[-1].name != taken.name:
            found.append(StepSums(taken.name, np.zeros(len(counts), np.int64)))
        # and a LOAD for each chunk of constants that it is the first to need
        found[-1].counts += counts
        found[-1].counts += (0, taken.constants, 0, taken.constants, 0, taken.chunks)
        found[-1].ended = done
    return found, pipeline.end()


def with_next(steps: Iterable[TakenStep], most: int) -> Iterator[tuple[TakenStep, deque[TakenStep]]]:
    """Each step with up to `most` steps behind it."""
    waiting = deque[TakenStep]()
    for step in steps:
        waiting.append(step)
        if len(waiting) > most:
            yield waiting.popleft(), waiting
    while waiting:
        yield waiting.popleft(), waiting


def made_rows(
    coded: CodedNetwork, p: AcceleratorParams, found: Sequence[StepSums], end: float, start: int,
    assumed: bool,
) -> Iterator[Row]:
    """A row for each operation. Its cycles run from the end of the operations before it to its own; the last
    row also has the cycles behind all operations. start: cycles of the programs before."""
    operations, before = by_name(coded), 0
    for number, each in enumerate(found):
        ended = max(before, round(each.ended if number + 1 < len(found) else end + END))
        reason = ASSUMED if assumed and WINDOWS in each.name else None
        causes = partial(by_cause, ended - before)
        known = {"reason": reason} if reason else {}
        yield row_of(p, coded, operations, each, ended - before, causes, ended=start + ended, **known)
        before = ended


def by_cause(cycles: int, useful: float, compute: int) -> dict[str, float]:
    """A row's cycles by cause, those of its products first; product cycles beyond them overlap with the next
    row."""
    good = min(useful, cycles)
    waste = min(max(compute - useful, 0.0), cycles - good)
    return {"useful": good, "waste": waste, "memory": cycles - good - waste}
