"""Units of the accelerator: the contract and the table.

A unit does commands, one after the other. Its golden module here has

    NUMBER      of the kind of unit, 0 to 7, whether a design has one or not: its commands' opcodes are
                NUMBER + 1 << 4 and their code, its bit of the masks `wait` and `signal` is NUMBER
    Params      frozen dataclass: its table [[unit]] of a design file, but for `kind`. None: every design has
                the unit, and describes it in tables of its own
    COMMANDS    its opcodes (golden.accelerator.commands), each with its fields and rules
    READERS     its ports that read the scratchpad, by name, with their rank: of those who want a bank in the
                same cycle the lowest rank has it. Names are of one unit alone; so are ranks
    WRITERS     its ports that write the scratchpad, likewise
    MEMORY      "read" or "write": what it does with memory, whose read port and write port have room for one
                unit each; "": nothing
    STREAMS     rows that go from unit to unit without standing in the scratchpad: by name, a Stream
    CAUSES      of faults of its own: name, (code, in words)
    State       a UnitState: what the unit keeps from command to command
    footprint(p, command)          what a command touches, as Footprint
    work(p, command)               cycles of its own, nothing holding it up: what a plan counts
    execute(p, command, machine)   what it does (golden.accelerator.machine.Machine)
    Timing(model)                  how long that takes: a golden.accelerator.unit_timing.UnitTiming

`hw.accelerator.units.NAME.definition(p)` gives its hardware, a component with the members

    command                In stream of commands, 512 bits
    done, busy             Out: a pulse a command, in order; a command, operands or results are inside
    fault, fault_code, fault_response  Out, where it has CAUSES
    scratch                a member for each of READERS and WRITERS (hw.accelerator.ports)
    memory                 where it has MEMORY: the port's command, data and status
    each of STREAMS        the stream, In or Out

which `hw.accelerator.units.signature` makes of the above.

`mapping.backends.program.units.NAME` says which operations of a network it can do, and by which commands. A
new unit is those modules, a bench, and its line in the table; docs/new-unit.md walks through one. All else is
derived: decoder, assembler, documentation, registers, counters, races, wiring.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from golden.accelerator.commands import END, FENCE, KINDS, Opcode

if TYPE_CHECKING:
    from golden.accelerator.assembler import Command
    from golden.accelerator.footprints import Footprint
    from golden.accelerator.machine import Machine
    from golden.accelerator.params import AcceleratorParams

UNITS = (
    "load",
    "matrix",
    "vector",
    "store",
    "attention",
)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream, as one of its two units declares it.

    gives  True: the unit makes the rows; False: it takes them
    bits   of a row, in a design
    room   rows that wait at most, in the unit that makes them
    """

    gives: bool
    bits: "Callable[[AcceleratorParams], int]"
    room: "Callable[[AcceleratorParams], int] | None" = None


class UnitState:
    """The State of a unit that keeps nothing from command to command, and the methods that any other State
    has."""

    def __init__(self, p: "AcceleratorParams"): ...

    def add(self, command: "Command") -> str:
        """Account for the next command of a program; returns what is wrong with it after those
        before, or ""."""
        return ""

    def left(self) -> int:
        """Rows of streams that have begun and that no command has finished."""
        return 0


class Unit(Protocol):
    """The contract in this module's docstring, as a Protocol."""

    NUMBER: int
    Params: type[Any] | None
    COMMANDS: tuple[Opcode, ...]
    READERS: Mapping[str, int]
    WRITERS: Mapping[str, int]
    MEMORY: str
    STREAMS: Mapping[str, Stream]
    CAUSES: Mapping[str, tuple[int, str]]
    State: type[UnitState]
    Timing: Any

    @staticmethod
    def footprint(p: "AcceleratorParams", command: "Command") -> "Footprint": ...

    @staticmethod
    def work(p: "AcceleratorParams", command: "Command") -> int: ...

    @staticmethod
    def execute(p: "AcceleratorParams", command: "Command", machine: "Machine") -> None: ...


@cache
def unit(name: str) -> Unit:
    """The module of a unit of the table."""
    return cast(Unit, import_module(f"{__name__}.{name}"))


@cache
def numbers() -> dict[str, int]:
    """NUMBER of each kind of unit, by name; TypeError if two have the same."""
    found = {name: unit(name).NUMBER for name in UNITS}
    if len(set(found.values())) < len(found) or not set(found.values()) <= set(range(KINDS)):
        raise TypeError(f"units' NUMBERs are {found}; each has one of its own, 0 to {KINDS - 1}")
    return found


@cache
def names() -> dict[int, str]:
    """The name of each NUMBER."""
    return {number: name for name, number in numbers().items()}


@cache
def opcodes() -> dict[str, Opcode]:
    """All opcodes by name, in the order of their numbers; TypeError if two have the same number."""
    every = sorted([END, FENCE, *(opcode for name in UNITS for opcode in unit(name).COMMANDS)])
    found = {opcode.name: opcode for opcode in every}
    if len({*every}) < len(every) or len(found) < len(every):
        raise TypeError(f"two commands have the same number or name: {every}")
    return found


def ports(present: tuple[str, ...], kind: str) -> dict[str, str]:
    """The unit behind each port of the scratchpad, in order of priority. kind: "READERS" or "WRITERS"."""
    found = [(rank, port, name) for name in present for port, rank in getattr(unit(name), kind).items()]
    if len({rank for rank, _, _ in found}) < len(found) or len({port for _, port, _ in found}) < len(found):
        raise TypeError(f"two units' {kind} have the same name or rank: {sorted(found)}")
    return {port: name for _, port, name in sorted(found)}


def streams(present: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """(giver, taker) of each stream; TypeError if a stream lacks one, or has several."""
    ends: dict[str, dict[bool, list[str]]] = {}
    for name in present:
        for stream, its in unit(name).STREAMS.items():
            ends.setdefault(stream, {True: [], False: []})[its.gives].append(name)
    for stream, end in ends.items():
        if len(end[True]) != 1 or len(end[False]) != 1:
            raise TypeError(f"stream {stream} is made by {end[True]} and taken by {end[False]}: one of each")
    return {stream: (end[True][0], end[False][0]) for stream, end in ends.items()}
