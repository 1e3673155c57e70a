"""The cells of a flat module of Yosys' JSON, sorted by what they compute: for synth.gate_netlist."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from golden.check import fail
from synth import boolean, cell_models
from synth.boolean import Tree
from synth.cell_models import StraightLine
from synth.gate_layout import Array, Macro, bit
from synth.liberty import LibraryCell


@dataclass(slots=True)
class Gates:
    """Gates of one function as they are met; inputs are flat, `arity` for each. owners: cell numbers."""

    program: StraightLine
    pin: int = -1
    outs: list[int] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)

    def add(self, out: int, nets: dict[str, int], owner: int) -> None:
        self.outs.append(out)
        self.owners.append(owner)
        self.inputs += [nets.get(name, 0) for name in self.program.inputs]

    def table(self) -> Array:
        """Inputs as int64 [gates, arity]."""
        return np.array(self.inputs, np.int64).reshape(len(self.outs), len(self.program.inputs))


class CellFunctions:
    """A cell of the Liberty with its functions read once."""

    def __init__(self, cell: LibraryCell):
        why = cell_models.refusal(cell)
        if why:
            raise fail(f"gate simulator: cell {cell.name}", why, "gates and flip-flops with functions")
        self.outputs = cell_models.functions(cell)
        self.storage = cell.storage
        if cell.storage:
            self.clock, self.falling = cell_models.clock(cell.storage)
            self.following = boolean.parse(cell.storage.data)
            forcing = ((cell.storage.preset, 1), (cell.storage.clear, 0))  # in this order: clear wins
            self.forcing = [(boolean.parse(text), value) for text, value in forcing if text]
            self.shows = {name for name, tree in self.outputs.items() if tree == ("pin", self.variable)}

    @property
    def variable(self) -> str:
        assert self.storage
        return self.storage.variables[0]


class Collector:
    """Gates, states and memories of a module's cells, by function; nets by Yosys' numbers."""

    def __init__(self, module: dict[str, Any], cells: Mapping[str, LibraryCell], macros: Mapping[str, Macro]):
        self.cells, self.macros = cells, macros
        self.kinds: dict[str, CellFunctions] = {}
        self.gates: dict[tuple[Tree, str], Gates] = {}
        self.following: dict[Tree, Gates] = {}
        self.forcing: dict[tuple[int, Tree], Gates] = {}
        self.memories: list[tuple[str, Macro, dict[str, Any]]] = []
        self.clocks: dict[int, tuple[str, bool]] = {}
        self.shown: list[tuple[int, int, int]] = []  # bit, cell and pin of a state that an output shows
        self.names: list[str] = []
        self.types: list[str] = []
        self.connections: list[dict[str, list[Any]]] = []
        self.pins: dict[str, int] = {}
        every = (value for net in module["netnames"].values() for value in net["bits"])
        self.free = 1 + max((value for value in every if isinstance(value, int)), default=1)
        for name, cell in module["cells"].items():
            self.add(name, cell["type"], cell["connections"])

    def add(self, name: str, type_: str, connections: dict[str, list[Any]]) -> None:
        """One cell."""
        owner = len(self.names)
        self.names.append(name)
        self.types.append(type_)
        self.connections.append(connections)
        if type_ in self.macros:
            self.memories.append((name, self.macros[type_], connections))
            reads = (pin for port in self.macros[type_].ports if not port.write for pin in port.data)
            for pin in reads:
                number = self.pins.setdefault(pin, len(self.pins))
                self.shown.append((bit(connections[pin][0]), owner, number))
            return
        kind = self.kinds.get(type_) or self.kind(name, type_)
        nets = {pin: bit(values[0]) for pin, values in connections.items() if values}
        if kind.storage:
            self.add_state(kind, nets, owner)
        for pin, tree in kind.outputs.items():
            if nets.get(pin, 0) > 1 and not (kind.storage and pin in self.aliased):
                self.gates_of(tree, pin).add(nets[pin], nets, owner)

    def kind(self, name: str, type_: str) -> CellFunctions:
        if type_ not in self.cells:
            raise fail(f"gate simulator: cell {name}", type_, "cells of the Liberty, and memory macros")
        self.kinds[type_] = CellFunctions(self.cells[type_])
        return self.kinds[type_]

    def gates_of(self, tree: Tree, pin: str) -> Gates:
        found = self.gates.get((tree, pin))
        if found is None:
            number = self.pins.setdefault(pin, len(self.pins))
            found = self.gates[tree, pin] = Gates(cell_models.program(tree), number)
        return found

    def add_state(self, kind: CellFunctions, nets: dict[str, int], owner: int) -> None:
        """The state is the net of an output that shows it as it is, else a net of its own."""
        assert kind.storage
        self.aliased = {pin for pin in kind.shows if nets.get(pin, 0) > 1}
        self.aliased = set(sorted(self.aliased)[:1])
        variable, inverse = kind.storage.variables
        if self.aliased:
            (pin,) = self.aliased
            state = nets[pin]
            self.shown.append((state, owner, self.pins.setdefault(pin, len(self.pins))))
        else:
            state, self.free = self.free, self.free + 1
        nets[variable] = state
        if any(inverse in boolean.pins(tree) for tree in kind.outputs.values()):
            nets[inverse], self.free = self.free, self.free + 1
            self.gates_of(("not", ("pin", variable)), "").add(nets[inverse], nets, -1)
        self.clocks.setdefault(nets.get(kind.clock, 0), (self.names[owner], kind.falling))
        following = self.following.setdefault(kind.following, Gates(cell_models.program(kind.following)))
        following.add(state, nets, owner)
        for tree, value in kind.forcing:
            forcing = self.forcing.setdefault((1 - value, tree), Gates(cell_models.program(tree)))
            forcing.add(state, nets, owner)
