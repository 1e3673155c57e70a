"""Power of a PE or a block of streams at a real workload; of a large unit, composed from a small one.

A unit's kinds of modules (a cell, a column, a bank, a lane) burn, on the same operands, what their area is:
the small unit's gate-level simulation gives each kind's power per um2 of its own cells, the large unit's
areas the rest.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synth import gate_netlist
from synth.activity import activity
from synth.asic import MappedNetlist
from synth.compose import Composition
from synth.gate_simulator import GateSimulator
from synth.power import Power, power
from synth.workload import Workload, for_block, for_pe

SMALL = 4  # rows and columns of the unit that is simulated
PASSES, VECTORS = 2, 48  # of the unit's work: tiles one after the other, vectors through each
NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class MeasuredPower:
    """Power of a simulated netlist, mW.

    macs_a_cycle  multiply-accumulates, mean over the cycles that were counted
    own           by instance, without what it places; clock: of the clock's net, outside of `own`
    """

    total: float
    clock: float
    macs_a_cycle: float
    own: Mapping[str, float]
    sources: tuple[str, ...]
    groups: Mapping[str, float]

    @property
    def inside(self) -> float:
        return self.total - self.clock


def of_pe(
    mapped: MappedNetlist, params: Any, work: Workload, period_ns: float, folder: Path
) -> MeasuredPower:
    """A PE at `work`: one multiply-accumulate a cycle, or as many as its kind does."""
    layout = gate_netlist.layout_of(mapped)
    job = for_pe(params, work)
    found = activity(layout, GateSimulator(layout).run(drive=job.ports))
    burnt = power(mapped, found, folder, period_ns)
    source = (*burnt.sources, work.source)
    return MeasuredPower(burnt.total, burnt.clock, job.operations, {}, source, groups(burnt))


def of_unit(
    mapped: MappedNetlist, params: Any, work: Workload, period_ns: float, folder: Path
) -> MeasuredPower:
    """A block of streams at `work`, all of it simulated; `mapped` keeps its hierarchy."""
    layout = gate_netlist.layout_of(mapped)
    job = for_block(params, work, vectors=VECTORS, passes=PASSES)
    run = GateSimulator(layout).run(streams=job.streams, take={"o": job.count})
    burnt = power(mapped, activity(layout, run), folder, period_ns, by_cell=True)
    own = own_power(burnt.by_instance(layout, mapped))
    source = (*burnt.sources, work.source)
    return MeasuredPower(burnt.total, burnt.clock, job.macs / run.cycles, own, source, groups(burnt))


def macs_a_cycle(params: Any, work: Workload) -> float:
    """Mean of a block at `work`, by golden's count of cycles."""
    job = for_block(params, work, vectors=VECTORS, passes=PASSES)
    return job.macs / job.cycles


def groups(burnt: Power) -> dict[str, float]:
    """mW by group."""
    found = {name: part.total for name, part in burnt.groups.items() if name != "macro"}
    return found | {"clock net": burnt.clock, "memories": sum(burnt.memories.values())}


def own_power(total: Mapping[str, float]) -> dict[str, float]:
    """Of each place without the places in it."""
    own = dict(total)
    for path in total:
        if path:
            above = max((other for other in total if other != path and is_in(path, other)), key=len)
            own[above] -= total[path]
    return own


def is_in(path: str, other: str) -> bool:
    return other == "" or path.startswith(f"{other}.")


def small(params: Any) -> Any:
    """The block of the same parts that is simulated in a large one's place."""
    return replace(params, rows=min(params.rows, SMALL), cols=min(params.cols, SMALL))


def kind(module: str) -> str:
    """A module's name without its sizes: column_4 and column_16 are of one kind."""
    return NUMBER.sub("", module)


def densities(mapped: MappedNetlist, measured: MeasuredPower, kinds: Collection[str]) -> dict[str, float]:
    """mW per um2 of what is of each of `kinds`; what is of another kind counts with what it stands in."""
    area, burnt = dict.fromkeys(kinds, 0.0), dict.fromkeys(kinds, 0.0)
    modules = {place.path: kind(place.module) for place in mapped.by_instance}
    for place in mapped.by_instance:
        path = place.path
        while path and modules[path] not in area:
            path = max((other for other in modules if other != path and is_in(path, other)), key=len)
        if modules[path] in area:
            area[modules[path]] += place.own_um2
            burnt[modules[path]] += measured.own.get(place.path, 0.0)
    return {name: burnt[name] / area[name] for name in kinds if area[name]}


def composed(
    mapped: MappedNetlist, measured: MeasuredPower, areas: Mapping[str, float], sequential_um2: float
) -> float:
    """mW of a larger unit, from that of the small one.

    areas           um2 of the larger unit's own cells and macros, by kind
    sequential_um2  of its flip-flops: the clock's net grows with them
    """
    per_um2 = densities(mapped, measured, areas.keys())
    mean = measured.inside / sum(place.own_um2 for place in mapped.by_instance)
    inside = sum(um2 * per_um2.get(name, mean) for name, um2 in areas.items())
    return inside + measured.clock * sequential_um2 / mapped.sequential_um2


def areas_of(composition: Composition) -> dict[str, float]:
    """um2 by kind of what a composition adds up."""
    found: dict[str, float] = {}
    for line in composition.lines:
        name = kind(line.part.module)
        found[name] = found.get(name, 0.0) + line.cost.figures["area"] * line.count
    return found
