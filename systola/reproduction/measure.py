"""Area, clock and power of blocks at one clock: of each part the smallest form that meets it counts."""

from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict
from typing import Any

from golden.progress import Progress
from sim import process
from systola.reproduction.blocks import Block, BlockCost, BlockPart, BlockTotal, Conditions
from systola.reproduction.building import built

JOBS = 2  # tools at once


def measure(blocks: Sequence[Block], bench: Conditions, update: Progress) -> dict[str, BlockTotal]:
    """Each block at the bench's clock, by its name; parts that several blocks have, once."""
    parts = {part.name: part for block in blocks for part, _ in block.parts}
    forms = [(part, form) for part in parts.values() for form in part.forms]
    update("elaborating", 0, len(forms))
    with process.pool(JOBS) as pool:
        waiting = {pool.submit(built, part, form, bench): (part.name, form.label) for part, form in forms}
        for done, one in enumerate(as_completed(waiting), 1):
            one.result()
            update(", ".join(waiting[one]), done, len(forms))
    results = [one.result() for one in waiting]
    costs = {
        name: cost_of(
            part, [found for (owner, _), found in zip(forms, results, strict=True) if owner is part]
        )
        for name, part in parts.items()
    }
    return {block.name: whole(block, costs, bench.period_ns) for block in blocks}


def cost_of(part: BlockPart, built: list[dict[str, Any]]) -> BlockCost:
    """The smallest form that meets the clock, or the fastest of those that do not."""
    best = min(built, key=lambda one: (not one["met"], one["area_um2"] if one["met"] else one["delay_ns"]))
    ways = [way | {"form": one["form"]} for one in built for way in one["ways"]]
    fields = {name: best[name] for name in ("area_um2", "sequential_um2", "delay_ns", "met")}
    watts = best["power_mw"] + (best["inputs_mw"] if part.broadcast else 0.0)
    used = f"{best['form']}, {best['way']}"
    return BlockCost(part=part.name, power_mw=watts, used=used, ways=ways, **fields)


def whole(block: Block, costs: Mapping[str, BlockCost], period_ns: float) -> BlockTotal:
    """A block of its parts."""
    parts = [(costs[part.name], count) for part, count in block.parts]
    return BlockTotal(
        name=block.name,
        inside=block.inside,
        macs=block.macs,
        area_um2=sum(cost.area_um2 * count for cost, count in parts),
        power_mw=sum(cost.power_mw * count for cost, count in parts),
        delay_ns=max(cost.delay_ns for cost, _ in parts),
        met=all(cost.met for cost, _ in parts),
        parts=[asdict(cost) | {"count": count} for cost, count in parts],
        period_ns=period_ns,
    )
