"""A netlist as Yosys' `write_json` gives it: modules, ports, cells, nets.

A bit of a net is an int, one number for one net of its module, or one of the constants "0", "1", "x", "z".
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden.check import fail

Bits = list[int | str]


@dataclass(frozen=True, slots=True)
class Port:
    """direction: "input", "output" or "inout"."""

    direction: str
    bits: Bits


@dataclass(frozen=True, slots=True)
class Cell:
    """connections: the bits at each port; outputs: the ports that drive, where Yosys knows the type."""

    name: str
    type: str
    connections: dict[str, Bits]
    parameters: dict[str, str]
    outputs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Module:
    """nets: the bits of each net that has a name."""

    name: str
    ports: dict[str, Port]
    cells: dict[str, Cell]
    nets: dict[str, Bits]

    def own(self) -> Counter[str]:
        """How many cells of each type it has itself; an instance of a module is one too."""
        return Counter(cell.type for cell in self.cells.values())


@dataclass(frozen=True, slots=True)
class Instance:
    """path: "column_3.cell_0", empty for the top; own: its cells by type, without what it instantiates."""

    path: str
    module: str
    own: Counter[str]


@dataclass(frozen=True, slots=True)
class Netlist:
    """modules: those with contents; a type that is not among them is a cell of the target."""

    modules: dict[str, Module]
    top: str

    @classmethod
    def read(cls, path: Path, top: str) -> "Netlist":
        """The netlist in a file of `write_json`; BadValue if it has no module `top`."""
        found = json.loads(path.read_text())["modules"]
        modules = {name: _module(name, given) for name, given in found.items() if not _is_box(given)}
        if top not in modules:
            raise fail(f"{path.name}: module", top, ", ".join(modules))
        return cls(modules, top)

    def kinds(self, module: str) -> Counter[str]:
        """How many cells of each type `module` has, all that it instantiates counted in."""
        known: dict[str, Counter[str]] = {}

        def of(name: str) -> Counter[str]:
            if name not in known:
                total: Counter[str] = Counter()
                for kind, count in self.modules[name].own().items():
                    inner = of(kind) if kind in self.modules else Counter({kind: 1})
                    for each, times in inner.items():
                        total[each] += times * count
                known[name] = total
            return known[name]

        return of(module)

    def instances(self) -> list[Instance]:
        """Every instance, the top first, each before what it instantiates."""
        own = {
            name: Counter({kind: count for kind, count in module.own().items() if kind not in self.modules})
            for name, module in self.modules.items()
        }
        children = {
            name: [(cell.name, cell.type) for cell in module.cells.values() if cell.type in self.modules]
            for name, module in self.modules.items()
        }

        def walk(path: str, module: str) -> Iterator[Instance]:
            yield Instance(path, module, own[module])
            for name, kind in children[module]:
                yield from walk(f"{path}.{name}" if path else name, kind)

        return list(walk("", self.top))


def _is_box(given: dict[str, Any]) -> bool:
    """A library's cell, which Yosys lists among the modules."""
    return any(int(given["attributes"].get(name, "0"), 2) for name in ("blackbox", "whitebox"))


def _module(name: str, given: dict[str, Any]) -> Module:
    ports = {port: Port(each["direction"], each["bits"]) for port, each in given["ports"].items()}
    cells = {
        cell: Cell(
            cell,
            each["type"],
            each["connections"],
            each["parameters"],
            frozenset(
                port for port, way in each.get("port_directions", {}).items() if way in ("output", "inout")
            ),
        )
        for cell, each in given["cells"].items()
    }
    return Module(name, ports, cells, {net: each["bits"] for net, each in given["netnames"].items()})
