"""A design is a composition of units; the name of a family is a shorthand, which `expanded` writes out.

    family         [control]           [[unit]]
    systolic       kind = "host"       kind = "matrix": [array], [pe], [accumulators], [requantise], [buffers]
    tile           kind = "host"       kind = "tile": [array], [pe]
    (none)         kind = "host"       kind = "attention": an engine and its keys
    accelerator    kind = "program"    kind = "matrix", kind = "vector" (units.functions), and further ones
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from golden import check
from systola import toml_file
from systola.design_schema import (
    AttentionTable,
    CompositionFile,
    FamilyFile,
    MatrixTable,
    Table,
    TileTable,
    VectorTable,
)

UNITS: dict[str, type[Table]] = {"matrix": MatrixTable, "tile": TileTable, "vector": VectorTable,
                                 "attention": AttentionTable}  # fmt: skip
ARRAYS = ("matrix", "tile", "attention")  # of which a design has one
FURTHER = {"host": (), "program": ("attention",)}  # of these, what is a further unit, by who runs networks
SHORTHANDS = {"systolic": ("host", ["matrix"]), "tile": ("host", ["tile"]),
              "accelerator": ("program", ["matrix", "vector"])}  # fmt: skip
# tables and keys that a family has not, but others
SYSTOLIC = {"scratchpad", "units", "unit", "bus", "control", "memory.latency"}
FOREIGN = {
    "systolic": SYSTOLIC,
    "accelerator": {"requantise", "buffers"},
    "tile": {"accumulators", "array.dataflow", "requantise", "buffers"} | SYSTOLIC,
}
OF_PROGRAMS = ("scratchpad", "bus")  # tables of a composition that a host's has not
SHORT = re.compile(r"\b(array|pe|accumulators|requantise|buffers|units)(?=\b)")
PLACED = re.compile(r"\bunit\.(\d+)")


@dataclass(slots=True)
class Units:
    """A composition's units. array: the one of ARRAYS, at `place`; the vector unit at `beside`. more: by
    place, what is neither. added: how many of them a shorthand has not written out; -1: all are.
    """

    array: MatrixTable | TileTable | AttentionTable
    place: int
    vector: VectorTable | None = None
    beside: int = 0
    more: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    added: int = -1

    def renamed(self, message: str) -> str:
        """A message about the keys of a shorthand and of places, about those of the user's file."""
        where, is_, rest = message.partition(" is ")
        if self.added >= 0:
            return PLACED.sub(lambda found: f"unit.{int(found[1]) - self.added}", where) + is_ + rest
        unit = f"unit.{self.place}"
        names = {"array": unit, "units": f"unit.{self.beside}"}
        where = where.replace("units.queue", "control.queue")
        return SHORT.sub(lambda found: names.get(found[1], f"{unit}.{found[1]}"), where) + is_ + rest


def is_composed(values: Mapping[str, Any]) -> bool:
    """Whether a file names its units; what a family has beside its own are further ones."""
    control, units = values.get("control"), values.get("unit")
    given = [each.get("kind") for each in units if isinstance(each, dict)] if isinstance(units, list) else []
    named = "family" not in values and any(kind in list(UNITS) for kind in given)
    return named or (isinstance(control, dict) and "kind" in control)


def read(values: Mapping[str, Any], where: str) -> tuple[CompositionFile, int]:
    """A file's tables as a composition, and how many units a shorthand has added; -1 where it is none."""
    if is_composed(values):
        return toml_file.checked(CompositionFile, values, where), -1
    file = toml_file.checked(FamilyFile, values, where)
    return expanded(file), len(SHORTHANDS[file.family][1])


def expanded(file: FamilyFile) -> CompositionFile:
    """The composition for which a family is a shorthand; BadValue for a table that it has not."""
    tables = {name: each for name, each in given(file).items() if isinstance(each, dict)}
    keys = {f"{name}.{key}" for name, each in tables.items() for key in each}
    for key in sorted(FOREIGN[file.family] & (file.model_fields_set | keys)):
        homes = " or ".join(f'"{family}"' for family in FOREIGN if key not in FOREIGN[family])
        raise check.fail(key, "given", f'a design of family {homes}, not "{file.family}"')
    control, kinds = SHORTHANDS[file.family]
    array = {"kind": kinds[0], "pe": file.pe, **given(file.array)} | {
        table: given(getattr(file, table))
        for table in ("accumulators", "requantise", "buffers")
        if table in file.model_fields_set
    }
    own = given(file.units)
    vectors = [{"kind": kind, **{k: v for k, v in own.items() if k == "functions"}} for kind in kinds[1:]]
    queue = {k: v for k, v in own.items() if k == "queue"}
    return CompositionFile.model_validate({
        "name": file.name,
        "control": {"kind": control, **given(file.control), **queue},
        "unit": [array, *vectors, *file.unit],
        **{table: given(getattr(file, table)) for table in ("memory", "clock", *OF_PROGRAMS)
           if table in file.model_fields_set},
    })  # fmt: skip


def given(table: BaseModel) -> dict[str, Any]:
    """The keys that a file gives of a table."""
    return table.model_dump(exclude_unset=True)


def units_of(design: CompositionFile, added: int) -> Units:
    """The units by what they are; BadValue, naming the unit's place and key."""
    kinds = [str(each.get("kind")) for each in design.unit]
    further = FURTHER[design.control.kind]
    own = [kind for kind in ARRAYS if kind not in further]
    arrays = [place for place, kind in enumerate(kinds) if kind in own]
    if len(arrays) != 1:
        raise check.fail("unit", f"{len(arrays)} of kind {', '.join(own[:-1])} or {own[-1]}", "one")
    known = [place for place, kind in enumerate(kinds) if kind in UNITS and kind not in further]
    tables = {place: table(place, design.unit[place]) for place in known}
    vectors = {place: each for place, each in tables.items() if isinstance(each, VectorTable)}
    if len(vectors) != (design.control.kind == "program"):
        wanted = 'one with control.kind = "program", none with "host"'
        raise check.fail("unit", f"{len(vectors)} of kind vector", wanted)
    more = {place: each for place, each in enumerate(design.unit) if place not in tables}
    tables_of = [name for name in OF_PROGRAMS if name in design.model_fields_set]
    latency = ["memory.latency"] if "latency" in design.memory.model_fields_set else []
    foreign = [*(f"unit.{place}" for place in more), *tables_of, *latency]
    if foreign and design.control.kind == "host":
        raise check.fail(foreign[0], "given", 'a design with control.kind = "program"')
    found: Any = tables[arrays[0]]
    beside, vector = next(iter(vectors.items()), (0, None))
    return Units(found, arrays[0], vector, beside, more, added)


def table(place: int, values: Mapping[str, Any]) -> Table:
    """A unit's table."""
    try:
        return toml_file.checked(UNITS[values["kind"]], values, f"unit.{place}")
    except check.BadValue as error:
        raise check.BadValue(str(error).replace(f"unit.{place}: ", f"unit.{place}.", 1)) from None
