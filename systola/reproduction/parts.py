"""The parts that several papers' comparisons have: cells of PEs, operands in their formats."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from golden import pe as golden_pe
from hw import pe
from systola.reproduction import cells, jobs
from systola.reproduction.blocks import BlockPart, Form
from systola.reproduction.operands import GROUP, Groups, RecordedLayer, layer


def cell(
    name: str, forms: dict[str, Any], weights: Callable[[], Any], activations: Callable[[], Any]
) -> BlockPart:
    """A PE for arrays in its cell, with registers of its operands: {label: Params}, of the same formats."""
    return BlockPart(
        name=name,
        forms=tuple(form(label, p, lambda: (weights(), activations())) for label, p in forms.items()),
    )


def form(label: str, p: Any, operands: Callable[[], tuple[Any, Any]]) -> Form:
    latency = golden_pe.module_of(p).latency(p)
    return Form(
        label=label,
        key=f"cell {p!r}",
        definition=lambda: cells.cell(pe.definition(p), latency),
        job=lambda: jobs.array_pe(p, Groups.of(*operands(), jobs.groups_for(GROUP))),
    )


def registered(p: Any, *counts: int) -> dict[str, Any]:
    """The PE with so many registers each: what reaches the clock and is smallest counts."""
    return {
        f"{count} registers" if count != 1 else "1 register": replace(p, registers=count) for count in counts
    }


def widths(p: Any) -> str:
    """Formats of a PE: "int4 x int8 + int19"."""
    return f"{p.weight} x {p.activation} + {p.accumulator}"


__all__ = ["RecordedLayer", "cell", "form", "layer", "registered", "widths"]
