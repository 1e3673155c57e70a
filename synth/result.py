"""Subjects and results of synthesis: figures, each with where it is from; what they add up of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synth.borders import FREE, Part
from synth.compose import Composition
from synth.workload import Workload


@dataclass(frozen=True, slots=True)
class Task:
    """params: a PE's, or those of a block of streams or of what is in it. work: operands. small: Verilog
    of the block that is simulated in its place (synth.power_flow.small), None for a PE."""

    params: Any
    work: Workload
    small: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a synthesis.

    roles  module -> what it is in the design, for the breakdown: "PE", "systolic/accumulator"
    pe     (top, Verilog) of the PE in it, whose multiplier is tried in every way; None without one
    task   what it is as golden has it, and the operands it works on: for its power; None: no power is given
    powerless  why none is, where there is no task
    """

    top: str
    verilog: str
    roles: Mapping[str, str] = field(default_factory=dict)
    pe: tuple[str, str] | None = None
    task: Task | None = None
    powerless: str = "no operands are known for it"


@dataclass(frozen=True, slots=True)
class Figure:
    value: float | None
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Synthesis:
    """figures  by name: area, cells, flip_flops, fmax, ...
    parts    the distinct parts, the top's first: module, role, knows (what its place tells of its ports),
             count, own (its cost once, without what it places), share (of the whole's area, all its places)
    kinds    kind of cell -> (count, area)
    ways     every way of building the PE's multiplier, and which is used
    path     the slowest path, pin by pin
    used     FPGA: resource -> (used, available)
    notes    what the figures leave out
    """

    top: str
    target: str
    library: str
    clock_mhz: float | None
    method: str
    figures: dict[str, Figure]
    parts: list[dict[str, Any]]
    kinds: dict[str, Any]
    ways: list[dict[str, Any]] = field(default_factory=list)
    path: list[dict[str, Any]] = field(default_factory=list)
    used: dict[str, Any] = field(default_factory=dict)
    memories: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def breakdown(composed: Composition, roles: Mapping[str, str], measure: str) -> list[dict[str, Any]]:
    """The `parts` of a Synthesis; shares are of figure `measure`."""
    whole = composed.total.figures.get(measure, 0.0) or 1.0
    return [
        {
            "module": line.part.module,
            "role": roles.get(line.part.module, line.part.module),
            "knows": words_of(line.part),
            "count": line.count,
            "own": dict(line.cost.figures),
            "share": line.cost.figures.get(measure, 0.0) * line.count / whole,
        }
        for line in composed.lines
    ]


def words_of(part: Part) -> str:
    """Text about a part's ports, as it is placed: "acc_in tied, acc_out part unread"."""
    told = [f"{name} {'' if FREE not in bits else 'partly '}tied" for name, bits in part.ties]
    told += [f"{name} {'' if FREE not in bits else 'partly '}unread" for name, bits in part.opens]
    return ", ".join(told)
