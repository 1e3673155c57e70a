"""Area of a mapped netlist, by kind of cell and by instance, and where its memories are."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.liberty import Liberty
from synth.memories import MemoryCell, MemoryModel, Shape, shape_of
from synth.process import SynthesisError

Found = dict[tuple[str, str], Shape]  # (module, its memory): its shape

UNESCAPED = re.compile(r"\W")  # what Yosys' rename -unescape replaces


@dataclass(frozen=True, slots=True)
class PlaceArea:
    """Area at one place, um2, macros included. path: "" is the top, `column_3.cell_0` within it.

    own    without, total with what is instantiated inside it; cells: its own number of them
    """

    path: str
    module: str
    own_um2: float
    total_um2: float
    cells: int


@dataclass(frozen=True, slots=True)
class Area:
    sequential_um2: float
    combinational_um2: float
    memory_um2: float
    by_kind: dict[str, tuple[int, float]]
    by_instance: tuple[PlaceArea, ...]
    memories: tuple[MemoryCell, ...]


def memories_of(path: Path) -> Found:
    """The memories that are written, of Yosys' JSON after its coarse steps."""
    found = {}
    for module, content in json.loads(path.read_text())["modules"].items():
        for name, cell in content["cells"].items():
            shape = shape_of(f"{module}.{name}", cell) if cell["type"] == "$mem_v2" else None
            if shape:
                found[module, name] = shape
    return found


def read(folder: Path, top: str, liberty: Liberty, model: MemoryModel | None, found: Found) -> Area:
    """The Area of what synth.asic_script left in `folder`."""
    tree = folder / "hierarchy.json"
    netlist = json.loads((folder / "netlist.json").read_text())["modules"][top]["cells"]
    counts = Counter(str(cell["type"]) for cell in netlist.values())
    figures = {shape.name: model.figures(shape).area_um2 for shape in set(found.values())} if model else {}
    unknown = sorted(kind for kind in counts if kind not in liberty.cells and kind not in figures)
    if unknown:
        raise SynthesisError(f"{top}: {', '.join(unknown)} not mapped: {liberty.name} has no such cell")
    by_kind = {
        kind: (count, count * liberty.cells[kind].area)
        for kind, count in sorted(counts.items())
        if kind not in figures
    }
    sequential = sum(area for kind, (_, area) in by_kind.items() if liberty.cells[kind].sequential)
    areas = {**figures, **{kind: cell.area for kind, cell in liberty.cells.items()}}
    design = json.loads(tree.read_text())["modules"] if tree.exists() else {top: {"cells": {}}}
    instances, where = walk(design, top, own_areas(netlist, areas, tree.exists()))
    return Area(
        sequential_um2=sequential,
        combinational_um2=sum(area for _, area in by_kind.values()) - sequential,
        memory_um2=sum(count * figures[kind] for kind, count in counts.items() if kind in figures),
        by_kind=by_kind,
        by_instance=instances,
        memories=placed(netlist, where, model, found),
    )


def own_areas(
    netlist: dict[str, Any], areas: dict[str, float], hierarchical: bool
) -> dict[str, tuple[float, int]]:
    """{path: (um2, cells)} of a flat netlist: a cell's own name has no dot, before it stands the path."""
    own: dict[str, tuple[float, int]] = {}
    for name, cell in netlist.items():
        path = name.rpartition(".")[0] if hierarchical else ""
        area, count = own.get(path, (0.0, 0))
        own[path] = area + areas[cell["type"]], count + 1
    return own


def walk(
    design: dict[str, Any], top: str, own: dict[str, tuple[float, int]]
) -> tuple[tuple[PlaceArea, ...], dict[str, list[str]]]:
    """The tree of instances, and the paths at which each module is."""
    instances: list[PlaceArea] = []
    where: dict[str, list[str]] = {}

    def visit(path: str, module: str) -> float:
        at = len(instances)
        instances.append(PlaceArea(path, module, 0.0, 0.0, 0))
        where.setdefault(module, []).append(path)
        area, cells = own.get(path, (0.0, 0))
        inside = [
            (name, cell["type"]) for name, cell in design[module]["cells"].items() if cell["type"] in design
        ]
        inner = sum(
            visit(f"{path}.{name}" if path else name, kind)
            for name, kind in inside
            if not is_leaf(design[kind])
        )
        instances[at] = PlaceArea(path, module, area, area + inner, cells)
        return area + inner

    visit("", top)
    return tuple(instances), where


def is_leaf(module: dict[str, Any]) -> bool:
    """Whether a module is a cell of the library, or a macro: Yosys marks those as black boxes."""
    return "blackbox" in module.get("attributes", {})


def placed(
    netlist: dict[str, Any], where: dict[str, list[str]], model: MemoryModel | None, found: Found
) -> tuple[MemoryCell, ...]:
    """Each memory at each of its places."""
    if model is None:
        return ()
    memories = []
    for (module, name), shape in found.items():
        small = shape.bits <= model.small_bits
        for path in where.get(module, []):
            start = UNESCAPED.sub("_", name)
            within = f"{path}.{start}" if path else start
            cells = (one for one in netlist if one.startswith(within) and netlist[one]["type"] == shape.name)
            cell = "" if small else next(cells, "")
            if small or cell:  # a memory that nothing reads is gone
                memories.append(MemoryCell(path, name, shape, None if small else model.figures(shape), cell))
    return tuple(memories)
