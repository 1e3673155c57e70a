"""The gate simulator's input: a netlist as arrays, with its memories.

Nets are numbered in the order in which they are computed:

    0, 1 | inputs; what nothing drives, which is 0 | memories' outputs | states | gates by level, function
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from golden.check import fail
from synth import macros
from synth.cell_models import StraightLine
from synth.memories import Shape

CLOCK = "clk"
Array = np.ndarray[Any, np.dtype[Any]]


def bit(value: Any) -> int:
    """Yosys' number of a bit, which is 2 or more; constants are 0 and 1, "x" and "z" 0."""
    return value if isinstance(value, int) else int(value == "1")


def bits(values: list[Any]) -> Array:
    return np.array([bit(value) for value in values], np.int64)


@dataclass(frozen=True, slots=True)
class MacroPort:
    """A clocked port of a memory macro: its pins, from bit 0. A read gives what stood there before the edge.

    enable  for each bit of the data
    """

    name: str
    write: bool
    address: tuple[str, ...]
    data: tuple[str, ...]
    enable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Macro:
    """A memory macro as the simulator takes it."""

    words: int
    width: int
    ports: tuple[MacroPort, ...]


def macro(shape: Shape) -> Macro:
    """The macro of a shape of synth.memories; BadValue for one that is read without a clock."""
    if shape.asynchronous:
        raise fail(f"gate simulator: memory {shape.name}", "read without a clock", "clocked reads")

    def port(name: str, enable: list[str]) -> MacroPort:
        address = tuple(macros.pins(f"{name}_addr", shape.address_bits))
        data = tuple(macros.pins(f"{name}_data", shape.width))
        each = tuple(pin for pin in enable for _ in range(shape.width // len(enable)))
        return MacroPort(name, name.startswith("w"), address, data, each)

    reads = [port(f"r{number}", [f"r{number}_en"]) for number in range(shape.reads)]
    writes = [
        port(f"w{number}", macros.pins(f"w{number}_en", shape.enables)) for number in range(shape.writes)
    ]
    return Macro(shape.words, shape.width, (*reads, *writes))


@dataclass(frozen=True, slots=True)
class GateGroup:
    """Gates of one function and level: nets of their inputs, int32 [arity, gates]; the first output."""

    program: StraightLine
    inputs: Array
    out: int


@dataclass(frozen=True, slots=True)
class PlacedMemory:
    """A memory in the netlist; for each port the nets of its address, its data, each data bit's enable."""

    instance: str
    macro: Macro
    nets: tuple[tuple[Array, Array, Array], ...]


@dataclass(slots=True)
class Layout:
    """A netlist as the simulator takes it.

    ports        (is it an input, net of each bit) by name
    logic        groups in order; state: what states become; forcing: what acts on them without the clock
    forced       for each gate of forcing, in order: (state, value)
    driver_cell, driver_pin   for each net what drives it, as places in cells and pins; -1: no cell
    clock_nets   nets of the clock
    connections  of each cell Yosys' bits by pin; net_of_bit: their nets
    module       the JSON's own module, without its cells
    """

    nets: int
    ports: dict[str, tuple[bool, Array]]
    logic: list[GateGroup]
    state: list[GateGroup]
    forcing: list[GateGroup]
    forced: list[tuple[int, int]]
    first_state: int
    states: int
    memories: list[PlacedMemory]
    cells: list[str]
    kinds: list[str]
    pins: list[str]
    driver_cell: Array
    driver_pin: Array
    clock_nets: Array
    connections: list[dict[str, list[Any]]]
    module: dict[str, Any]
    net_of_bit: Array

    def wires(self) -> dict[str, Array]:
        """Nets of each wire, by its name in the netlist."""
        return {name: self.net_of_bit[bits(net["bits"])] for name, net in self.module["netnames"].items()}

    def width(self, port: str) -> int:
        return len(self.ports[port][1])
