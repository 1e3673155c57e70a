"""A module on standard cells: area composed of its parts, clock of the whole; without a Liberty, gates."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from golden.progress import Progress
from sim import process
from sim.tools import ToolMissing
from synth import hierarchy, store, yosys
from synth.asic import MappedNetlist, map_asic
from synth.asic_script import FLAGS
from synth.borders import Part
from synth.compose import Composition, PartCost, PartLine, compose, sources
from synth.folders import workplace
from synth.gates import NAME, count_gates
from synth.hierarchy import JOBS, Own
from synth.liberty import Liberty
from synth.power_flow import areas_of, macs_a_cycle, of_pe, of_unit, small
from synth.power_flow import composed as composed_power
from synth.result import Figure, Subject, breakdown
from synth.sweep import AIMS, Sweep, Tried, Way, smallest_at
from synth.timing import SlowestPath, critical_path, find_sta

CLOCK = 100.0  # MHz at which power is given where no clock is asked for
RELAXED = 1000.0  # ns: a period that any way meets, where no clock is asked for
WIRES = "cells and macros only: no wires, no clock tree, no room between cells"
TOO_FAST = "power is given at a clock over fmax"


def run(
    subject: Subject,
    liberty: Liberty,
    files: list[str],
    clock_mhz: float | None,
    flatten: bool,
    update: Progress,
) -> dict[str, Any]:
    """The fields of a Synthesis. files: what tells the library from others of its name."""
    period = None if clock_mhz is None else 1000 / clock_mhz
    update("multipliers", 0, 0)
    ways = multipliers(subject, liberty, files, period)
    update("clock", 0, 0)
    how, timed = reaching(subject, liberty, files, ways, period)
    ways = [one | {"used": same_way(one, how)} for one in ways]

    def measure(own: Own) -> PartCost:
        with workplace(own.part.module[:40]) as folder:
            return cost(map_asic(own.verilog, own.part.module, liberty, folder, flatten=True, **how))

    depends = ["asic", files, how, yosys.version()]
    composed = whole(subject, measure, depends, flatten, update)
    update("power", 0, 0)
    burnt = watts(subject, liberty, files, how, composed, clock_mhz or CLOCK)
    by = f"Yosys {yosys.version()} with {liberty.name}, {method(composed, flatten)}"
    return {
        "library": liberty.name,
        "method": method(composed, flatten),
        "figures": figures(composed, liberty, by) | timed["figures"] | burnt["figures"],
        "parts": breakdown(composed, subject.roles, "area"),
        "kinds": dict(sorted(composed.total.kinds.items(), key=lambda kind: -kind[1][1])),
        "ways": ways,
        "path": timed["path"],
        "memories": timed["memories"],
        "notes": [WIRES, *timed["notes"], *burnt["notes"], *too_fast(timed, burnt, clock_mhz or CLOCK)],
    }


def reaching(
    subject: Subject,
    liberty: Liberty,
    files: list[str],
    ways: list[dict[str, Any]],
    period: float | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """How the whole is mapped, and its clock: for least area, or in the first way in which it has the period.

    Where none reaches it, in the one that comes nearest.
    """
    found = []
    for one in in_order(ways, period):
        how = {"flags": one["flags"], "aim": one["aim"], "period_ns": one["target_ns"] if period else None}
        timed = clock(subject, liberty, files, how, period or RELAXED)
        delay = timed["figures"].get("longest path", {}).get("value")
        if not (period and delay and delay > period):
            return how, timed
        found.append((delay, how, timed))
    return min(found, key=lambda each: float(each[0]))[1:]


def in_order(ways: list[dict[str, Any]], period: float | None) -> list[dict[str, Any]]:
    """The ways that the whole is tried in: the PE's best, then its best of each aim that is quicker."""
    best = next((one for one in ways if one["used"]), {"flags": "", "aim": AIMS[0], "target_ns": period})
    found = [best]
    for aim in AIMS[AIMS.index(best["aim"]) + 1 :] if period else ():
        of_aim = [one for one in ways if one["aim"] == aim]
        reach = [one for one in of_aim if one["met"]] or sorted(of_aim, key=lambda one: one["delay_ns"])[:1]
        if reach:
            found.append(min(reach, key=lambda one: float(one["area"])))
        elif not ways:
            found.append(best | {"aim": aim})
    return found


def same_way(one: Mapping[str, Any], how: Mapping[str, Any]) -> bool:
    return bool(one["flags"] == how["flags"] and one["aim"] == how["aim"])


def too_fast(timed: Mapping[str, Any], burnt: Mapping[str, Any], mhz: float) -> list[str]:
    """A note where the power is at a clock that is not reached."""
    fmax = timed["figures"].get("fmax", {}).get("value")
    return [TOO_FAST] if burnt["figures"] and fmax and fmax < mhz else []


def whole(subject: Subject, measure: Any, depends: object, flatten: bool, update: Progress) -> Composition:
    """Composed of parts, or as one part that is all of it."""
    if not flatten:
        return compose(subject.verilog, subject.top, measure, depends, update)
    update(subject.top, 0, 1)
    verilog = hierarchy.flat(subject.verilog, subject.top)
    own = Own(Part(subject.top), verilog, ())
    total = measure(own)
    return Composition(total, (PartLine(own.part, 1, total),), 1)


def method(composed: Composition, flatten: bool) -> str:
    many = len(composed.lines)
    return "flattened" if flatten else f"composed of {many} parts" if many > 1 else "whole, it is one part"


def cost(mapped: MappedNetlist) -> PartCost:
    """The cost that a mapped netlist adds to a design."""
    return PartCost(
        {
            "area": mapped.area_um2,
            "sequential": mapped.sequential_um2,
            "combinational": mapped.combinational_um2,
            "memory": mapped.memory_um2,
            "flip_flops": sum(many for kind, (many, _) in mapped.by_kind.items()
                              if mapped.liberty.cells[kind].storage is not None),
            "cells": sum(many for many, _ in mapped.by_kind.values()),
        },
        mapped.by_kind,
    )  # fmt: skip


def figures(composed: Composition, liberty: Liberty, by: str) -> dict[str, Any]:
    """Area and counts, as Figures that json can write."""
    total = composed.total.figures
    logic = total["sequential"] + total["combinational"]
    return {
        "area": asdict(Figure(total["area"], "um2", by)),
        "sequential area": asdict(Figure(total["sequential"], "um2", by)),
        "combinational area": asdict(Figure(total["combinational"], "um2", by)),
        "memory area": asdict(Figure(total["memory"], "um2", "macros of synth.memories' model")),
        "gate equivalents": asdict(Figure(logic / liberty.nand2.area, "NAND2", f"{by}; without memories")),
        "cells": asdict(Figure(total["cells"], "", by)),
        "flip-flops": asdict(Figure(total["flip_flops"], "", by)),
    }


def multipliers(
    subject: Subject, liberty: Liberty, files: list[str], period: float | None
) -> list[dict[str, Any]]:
    """The PE with each way of building its multiplier: the smallest that meets the clock is used."""
    if subject.pe is None:
        return []
    top, verilog = subject.pe

    def make() -> list[dict[str, Any]]:
        try:
            find_sta()
        except ToolMissing:
            return untimed(top, verilog, liberty)
        aims = ("area",) if period is None else AIMS
        with workplace("multipliers") as folder:

            def built(flags: str) -> tuple[Tried, ...]:
                return smallest_at(
                    verilog, top, liberty, folder, period or RELAXED, flags=(flags,), aims=aims,
                    targets=(1.0,), threads=1,
                ).tried  # fmt: skip

            with process.pool(JOBS) as pool:
                tried = tuple(one for each in pool.map(built, FLAGS) for one in each)
            found = Sweep(period or RELAXED, tried)
            best = found.best or found.fastest
            return [way(one.way, one.mapped, one.timing, one is best) for one in found.tried]

    key = ["ways", verilog, top, files, period, yosys.version(), sources()]
    return list(store.remembered(key, make))


def way(which: Way, mapped: MappedNetlist, timing: SlowestPath, used: bool) -> dict[str, Any]:
    return asdict(which) | {
        "area": mapped.area_um2, "gate_equivalents": mapped.gate_equivalents, "delay_ns": timing.delay_ns,
        "met": timing.met, "used": used,
    }  # fmt: skip


def untimed(top: str, verilog: str, liberty: Liberty) -> list[dict[str, Any]]:
    """The ways by area alone, where there is no OpenSTA."""
    found = []
    for flags in FLAGS:
        with workplace("multipliers") as folder:
            mapped = map_asic(verilog, top, liberty, folder, flatten=True, flags=flags)
        found.append({
            "flags": flags, "aim": "area", "target_ns": None, "area": mapped.area_um2,
            "gate_equivalents": mapped.gate_equivalents, "delay_ns": None, "met": None,
        })  # fmt: skip
    best = min(found, key=lambda one: float(str(one["area"])))
    return [one | {"used": one is best} for one in found]


def clock(
    subject: Subject, liberty: Liberty, files: list[str], how: Mapping[str, Any], period: float
) -> dict[str, Any]:
    """Slowest path of the whole, each module mapped once, by OpenSTA; its memories."""

    def make() -> dict[str, Any]:
        with workplace("clock") as folder:
            mapped = map_asic(subject.verilog, subject.top, liberty, folder, flatten=False, **how)
            memories = [asdict(memory) for memory in mapped.memories]
            try:
                timing = critical_path(mapped, liberty, folder, period)
            except ToolMissing as missing:
                return {"figures": {}, "path": [], "memories": memories, "notes": [f"no clock: {missing}"]}
        by = f"OpenSTA, each module mapped once by Yosys {yosys.version()}; no wires"
        found = {
            "fmax": asdict(Figure(timing.fmax_mhz, "MHz", by)),
            "longest path": asdict(Figure(timing.delay_ns, "ns", by)),
        }
        steps = [asdict(step) for step in timing.path]
        return {"figures": found, "path": steps, "memories": memories, "notes": list(timing.assumed)}

    key = ["clock", subject.verilog, subject.top, files, how, period, yosys.version(), sources()]
    return dict(store.remembered(key, make))


def watts(
    subject: Subject,
    liberty: Liberty,
    files: list[str],
    how: Mapping[str, Any],
    composed: Composition,
    mhz: float,
) -> dict[str, Any]:
    """Power at the subject's task: simulated, or composed from the simulation of a small unit."""
    task = subject.task
    if task is None:
        return {"figures": {}, "notes": [f"no power: {subject.powerless}"]}
    try:
        find_sta()
    except ToolMissing as missing:
        return {"figures": {}, "notes": [f"no power: {missing}"]}
    period = 1000 / mhz
    if task.small is None:
        with workplace("power") as folder:
            mapped = map_asic(subject.verilog, subject.top, liberty, folder, flatten=True, **how)
            found = of_pe(mapped, task.params, task.work, period, folder)
        total, macs, way = found.total, found.macs_a_cycle, "simulated"
    else:
        unit = small(task.params)
        with workplace("power") as folder:
            mapped = map_asic(task.small, unit.name, liberty, folder, flatten=False, **how)
            found = of_unit(mapped, unit, task.work, period, folder)
        total = composed_power(mapped, found, areas_of(composed), composed.total.figures["sequential"])
        macs = macs_a_cycle(task.params, task.work)
        way = f"composed from the same parts of the simulated {unit.rows}x{unit.cols} unit"
    by = f"{', '.join(dict.fromkeys(found.sources))}; {way}"
    return {
        "figures": {
            "power": asdict(Figure(total, f"mW at {mhz:g} MHz", by)),
            "energy": asdict(Figure(total * period / macs, "pJ a multiply-accumulate", by)),
        },
        "notes": ["power leaves out glitches: toggles are counted without delays"],
    }


def run_gates(subject: Subject, flatten: bool, update: Progress) -> dict[str, Any]:
    """The fields of a Synthesis without a library: gate equivalents and depth, named as what they are."""

    def measure(own: Own) -> PartCost:
        with workplace(own.part.module[:40]) as folder:
            found = count_gates(own.verilog, own.part.module, folder)
        kinds = {kind: (many, 0.0) for kind, many in found.by_kind.items()}
        values = {"gate_equivalents": found.equivalents, "memory_bits": found.memory_bits,
                  "sequential": found.sequential}  # fmt: skip
        return PartCost(values, kinds)

    composed = whole(subject, measure, ["gates", yosys.version()], flatten, update)
    total = composed.total.figures
    update("logic depth", 0, 0)
    tools = f"{NAME}, Yosys {yosys.version()}"
    by = f"{tools}, {method(composed, flatten)}"
    where = "the whole, flattened" if flatten else "the whole, each module mapped once"
    return {
        "library": NAME,
        "method": method(composed, flatten),
        "figures": {
            "gate equivalents": asdict(Figure(total.get("gate_equivalents"), "NAND2", by)),
            "logic depth": asdict(Figure(depth(subject, flatten), "gates", f"{tools}: of {where}")),
            "memory bits": asdict(Figure(total.get("memory_bits"), "bits", by)),
        },
        "parts": breakdown(composed, subject.roles, "gate_equivalents"),
        "kinds": dict(composed.total.kinds),
        "notes": ["memories are counted in bits, not in gates"],
    }


def depth(subject: Subject, flatten: bool) -> int:
    """Gates on the longest path of the whole."""

    def make() -> int:
        with workplace("depth") as folder:
            return count_gates(subject.verilog, subject.top, folder, flatten=flatten).depth

    key = ["depth", subject.verilog, subject.top, flatten, yosys.version(), sources()]
    return int(store.remembered(key, make))
