"""A flat mapped netlist, as Yosys writes it in JSON, laid out for synth/native/gates.cpp."""

import gc
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from golden.check import fail
from synth.asic import MappedNetlist
from synth.gate_cells import Collector, Gates
from synth.gate_layout import CLOCK, Array, GateGroup, Layout, Macro, PlacedMemory, bit, bits, macro
from synth.gate_library import levels
from synth.liberty import LibraryCell


def read(path: Path, top: str, cells: Mapping[str, LibraryCell], macros: Mapping[str, Macro]) -> Layout:
    """The layout of module `top` of a JSON that Yosys wrote, whose cells are those of a Liberty, and macros.

    raises  BadValue for a cell that cannot be simulated, a loop, two drivers, a clock that is not clk
    """
    collecting = gc.isenabled()
    gc.disable()  # it would walk millions of objects that all stay: ten times the time at 16x16
    try:
        module = json.loads(path.read_text())["modules"][top]
        found = Collector(module, cells, macros)
        module["cells"] = {}
        return Arranger(module, found).layout()
    finally:
        if collecting:
            gc.enable()


def layout_of(mapped: MappedNetlist) -> Layout:
    """The layout of a netlist of synth.asic, with its memories as macros. Raises as `read` does."""
    found = {memory.shape for memory in mapped.memories if memory.cell}
    return read(mapped.json, mapped.top, mapped.liberty.cells, {shape.name: macro(shape) for shape in found})


class Arranger:
    """Numbers the nets of what a Collector found."""

    def __init__(self, module: dict[str, Any], found: Collector):
        self.module, self.found = module, found
        kinds = list(found.gates.values())
        arity = np.array([len(kind.program.inputs) for kind in kinds], np.int64)
        count = np.array([len(kind.outs) for kind in kinds], np.int64)
        self.kinds = kinds
        self.function = np.repeat(np.arange(len(kinds)), count)
        self.outs = np.array([out for kind in kinds for out in kind.outs], np.int64)
        self.first = np.concatenate([[0], np.cumsum(np.repeat(arity, count))]).astype(np.int64)
        self.inputs = np.array([net for kind in kinds for net in kind.inputs], np.int64)
        self.states = np.array([out for kind in found.following.values() for out in kind.outs], np.int64)
        self.read = np.array(
            [
                bit(value)
                for _, macro, nets in found.memories
                for port in macro.ports
                if not port.write
                for pin in port.data
                for value in nets[pin]
            ],
            np.int64,
        )
        self.ports = {
            name: (port["direction"] == "input", bits(port["bits"])) for name, port in module["ports"].items()
        }
        self.driver = np.full(found.free, -1, np.int64)
        self.driver[self.outs] = np.arange(len(self.outs))

    def layout(self) -> Layout:
        """The whole of it."""
        self.refuse_two_drivers()
        clock_nets = self.clock_nets()
        level = levels(self.first, self.driver[self.inputs])
        if (level < 0).any():
            gate = int(np.flatnonzero(level < 0)[0])
            where = f"a loop of gates at cell {self.cell_of(gate)}"
            raise fail("gate simulator", where, "logic without loops")
        order = np.lexsort((self.function, level))
        net = self.numbered(order)
        first_gate = len(net) - len(order)
        groups = self.groups(order, level, net, first_gate)
        driver_cell, driver_pin = self.drivers(net)
        first_state = first_gate - len(self.states)
        forcing = [self.found.forcing[name] for name in sorted(self.found.forcing, key=lambda name: name[0])]
        values = [1 - name[0] for name in sorted(self.found.forcing, key=lambda name: name[0])]
        forced = [
            (int(net[out]) - first_state, value)
            for gates, value in zip(forcing, values, strict=True)
            for out in gates.outs
        ]
        return Layout(
            nets=len(net),
            ports={name: (given, net[found]) for name, (given, found) in self.ports.items()},
            logic=groups,
            state=whole(list(self.found.following.values()), net),
            forcing=whole(forcing, net),
            forced=forced,
            first_state=first_state,
            states=len(self.states),
            memories=[self.placed(name, macro, nets, net) for name, macro, nets in self.found.memories],
            cells=self.found.names,
            kinds=self.found.types,
            pins=list(self.found.pins),
            driver_cell=driver_cell,
            driver_pin=driver_pin,
            clock_nets=net[clock_nets],
            connections=self.found.connections,
            module=self.module,
            net_of_bit=net,
        )

    def cell_of(self, gate: int) -> str:
        kind = self.kinds[self.function[gate]]
        owner = kind.owners[gate - int(np.searchsorted(self.function, self.function[gate]))]
        return self.found.names[owner] if owner >= 0 else "of a flip-flop's inverse"

    def refuse_two_drivers(self) -> None:
        inputs = [found for given, found in self.ports.values() if given]
        driven = np.concatenate([self.outs, self.states, self.read, *inputs])
        values, counts = np.unique(driven[driven > 1], return_counts=True)
        if (counts > 1).any():
            twice = int(values[counts > 1][0])
            names = [name for name, net in self.module["netnames"].items() if twice in net["bits"]]
            raise fail("gate simulator: net", f"{names[:1]} driven twice", "one driver a net")

    def clock_nets(self) -> Array:
        """Bits that carry the clock to flip-flops and memories; BadValue unless all act as it rises."""
        on_way: set[int] = set()
        uses = dict(self.found.clocks)
        for name, _, nets in self.found.memories:
            uses.setdefault(bit(nets[CLOCK][0]), (name, False))
        for used, (cell, falling) in uses.items():
            net, inverted = used, falling
            on_way.add(net)
            while (gate := int(self.driver[net])) >= 0:
                program = self.kinds[self.function[gate]].program
                if len(program.inputs) != 1:
                    break
                inverted ^= bool(len(program.steps) & 1)
                net = int(self.inputs[self.first[gate]])
                on_way.add(net)
            if CLOCK not in self.ports or net != self.ports[CLOCK][1][0] or inverted:
                raise fail(
                    f"gate simulator: clock of {cell}", "not clk's rising edge", "clk, or buffers of it"
                )
        return np.array(sorted(on_way), np.int64)

    def numbered(self, order: Array) -> Array:
        """The net of each of Yosys' bits."""
        net = np.full(self.found.free, -1, np.int64)
        known = np.zeros(self.found.free, bool)
        known[self.outs] = known[self.states] = known[self.read] = True
        others = np.flatnonzero(~known)  # 0 and 1 are the first of them
        sequence = np.concatenate([others, self.read, self.states, self.outs[order]])
        net[sequence] = np.arange(len(sequence))
        return net

    def groups(self, order: Array, level: Array, net: Array, first_gate: int) -> list[GateGroup]:
        """The gates in order, cut where level or function changes."""
        function = self.function[order]
        changes = (np.diff(function) != 0) | (np.diff(level[order]) != 0)
        ends = [0, *(np.flatnonzero(changes) + 1).tolist(), len(order)]
        found = []
        for begin, end in pairwise(ends):
            if begin == end:
                continue
            program = self.kinds[function[begin]].program
            rows = self.first[order[begin:end]]
            inputs = np.zeros((len(program.inputs), len(rows)), np.int32)
            for k in range(len(inputs)):
                inputs[k] = net[self.inputs[rows + k]]
            found.append(GateGroup(program, inputs, first_gate + begin))
        return found

    def drivers(self, net: Array) -> tuple[Array, Array]:
        """For each net the cell and the pin."""
        cell, pin = np.full(len(net), -1, np.int64), np.full(len(net), -1, np.int64)
        for kind in self.kinds:
            if kind.pin >= 0 and list(self.found.pins)[kind.pin]:
                cell[net[kind.outs]], pin[net[kind.outs]] = kind.owners, kind.pin
        if self.found.shown:
            shown = np.array(self.found.shown, np.int64)
            cell[net[shown[:, 0]]], pin[net[shown[:, 0]]] = shown[:, 1], shown[:, 2]
        return cell, pin

    @staticmethod
    def placed(name: str, macro: Macro, nets: dict[str, Any], net: Array) -> PlacedMemory:
        """A memory's nets."""

        def of(pins: tuple[str, ...]) -> Array:
            return np.asarray(net[[bit(nets[pin][0]) for pin in pins]], np.int32)

        found = [(of(port.address), of(port.data), of(port.enable)) for port in macro.ports]
        return PlacedMemory(name, macro, tuple(found))


def whole(kinds: list[Gates], net: Array) -> list[GateGroup]:
    """A group a function; outputs are places among the states, or among what is forced, one after another."""
    starts = np.cumsum([0, *(len(kind.outs) for kind in kinds)])
    return [
        GateGroup(kind.program, net[kind.table().T].astype(np.int32), int(start))
        for kind, start in zip(kinds, starts[:-1], strict=True)
    ]
