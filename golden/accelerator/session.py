"""A session: what a host sees of an accelerator from program to program, without a hard reset.

Control's own rules are in golden.accelerator.control, a program's effect in golden.accelerator.machine. This
module says in which cycle STATUS, CAUSE and the interrupt change. A register that is written in cycle w holds
the new value from w + 1 on; CONTROL's pulses stand in w + 1. A program whose start stands in cycle s, and of
which CYCLES says c, ran in the cycles s + 1 to s + c; from the next cycle on it has ended, or was stopped,
and in that cycle its event comes. An event is held from the cycle after on; an event that comes in the cycle
in which INTERRUPT_STATUS is written is not cleared. The interrupt stands in the cycles after those in which
an enabled event is held. A reset that stands in the last cycle of a program, or before, leaves no trace of
the program: no event, no cause.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from golden.accelerator.assembler import Command, unpack
from golden.accelerator.commands import Opcode
from golden.accelerator.machine import Fault, Machine
from golden.accelerator.moves import runs, words
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams

WRITE_TO_PULSE = 1  # cycles from a write of CONTROL to the pulse
EVENT_TO_INTERRUPT = 2  # cycles from an event to the interrupt
DONE, ERROR = 1, 2  # bits of INTERRUPT_ENABLE and INTERRUPT_STATUS


class Moment(NamedTuple):
    """Changes of events in a cycle: bits cleared, bits enabled from then on, bits that come."""

    cycle: int
    clears: int = 0
    enables: int | None = None
    comes: int = 0


class Interrupt:
    """Events and the interrupt.

    held, enabled  bits that stand
    rises          times that the interrupt rose
    rose           the first cycle in which it stood since
    """

    def __init__(self) -> None:
        self.held = self.enabled = self.rises = self.rose = 0

    @property
    def stands(self) -> bool:
        """Whether the interrupt stands, once a cycle has passed."""
        return bool(self.held & self.enabled)

    def pass_through(self, moments: Iterable[Moment]) -> None:
        """Apply moments, given in any order, of cycles later than those applied before."""
        cycles: dict[int, list[Moment]] = {}
        for moment in moments:
            cycles.setdefault(moment.cycle, []).append(moment)
        for cycle in sorted(cycles):
            before = self.stands
            for each in cycles[cycle]:
                self.held &= ~each.clears
                self.enabled = self.enabled if each.enables is None else each.enables
            for each in cycles[cycle]:
                self.held |= each.comes
            if self.stands and not before:
                self.rises += 1
                self.rose = cycle + EVENT_TO_INTERRUPT


@dataclass(slots=True)
class Status:
    """STATUS at rest, CAUSE and FAULT_COMMAND. fault: why the program that was started last stopped."""

    done: bool = False
    error: bool = False
    fault: Fault | None = None

    def takes_start(self) -> bool:
        """Whether a start counts, at rest."""
        return not self.error

    def end(self, started: int, cycles: int, reset: int | None, fault: Fault | None) -> Moment | None:
        """Account for a program that was started and has ended; returns its event, None where a reset came
        first.

        started  the cycle of the start's pulse; cycles: what CYCLES says
        reset    the cycle of a reset's pulse after the start, if there was one
        fault    what stops the program, if no reset does
        raises   ValueError if the program cannot have taken so long
        """
        last = started + cycles
        if reset is not None and last > reset:
            raise ValueError(f"it ran until cycle {last}, and was reset in {reset}")
        wiped = reset is not None and last == reset
        self.fault = None if wiped else fault
        self.done, self.error = reset is None and fault is None, reset is None and fault is not None
        return None if wiped else Moment(last + 1, comes=ERROR if fault else DONE)

    def reset(self) -> None:
        """A reset at rest; CAUSE stays."""
        self.done = self.error = False

    def registers(self) -> dict[str, int]:
        """The values read from the registers, at rest."""
        fault = self.fault
        cause = fault.cause | fault.unit << 8 | fault.response << 16 if fault else 0
        return {
            "STATUS": self.done << 1 | self.error << 2,
            "CAUSE": cause,
            "FAULT_COMMAND": fault.command if fault else 0,
        }


class StoreRecorder(Machine):
    """A machine that records its stores: for each STORE (indices into memory, bytes), arrays of
    equal shapes."""

    stored: list[tuple[np.ndarray, np.ndarray]]

    def write_memory(self, places: np.ndarray, words: np.ndarray) -> None:
        self.stored.append((places[..., None] + np.arange(self.p.lanes), words))
        super().write_memory(places, words)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The effect of a program.

    memory  afterwards, uint8 [bytes]; of a program that is stopped: with the stores of all commands before
            the fault
    fault   what stops it
    stored  as in StoreRecorder
    given   commands executed, END included; 0 where a fault stops the program
    read, written  bus words, fetched commands not included
    """

    memory: np.ndarray
    fault: Fault | None
    stored: list[tuple[np.ndarray, np.ndarray]]
    given: int
    read: int
    written: int

    def explains(self, before: np.ndarray, now: np.ndarray) -> bool:
        """Whether a program that was interrupted may leave memory so: each byte as before, or as a STORE left
        it."""
        fine = now == before
        for places, data in self.stored:
            fine[places[now[places] == data]] = True  # a STORE may write a byte several times
        return bool(fine.all())


def outcome(
    p: AcceleratorParams, memory: np.ndarray, address: int, most: int, failing: tuple[int, int] = (0, 0)
) -> Outcome:
    """The Outcome of the program of `most` commands at an address. memory: uint8 [bytes] from address 0, not
    changed."""
    after, fault, given = memory.copy(), None, 0
    machine = StoreRecorder(p, after, 0, failing)
    machine.stored = []
    try:
        given = machine.run(address, most)
    except Fault as stopped:
        fault = stopped
    commands = unpack(after[address : address + COMMAND_BYTES * given].tobytes()) if given else []
    moved = {opcode: sum(words(each.fields) for each in commands if each.opcode == opcode)
             for opcode in (Opcode.LOAD, Opcode.GATHER, Opcode.STORE)}  # fmt: skip
    read = moved[Opcode.LOAD] + moved[Opcode.GATHER]
    return Outcome(after, fault, machine.stored, given, read, moved[Opcode.STORE])


def touched(p: AcceleratorParams, commands: Sequence[Command], size: int) -> np.ndarray:
    """Bytes of memory that a STORE among these commands may write: bool [size]."""
    found = np.zeros(size, bool)
    for command in commands:
        if command.opcode == Opcode.STORE:
            for start, length in runs(p, command.fields):
                found[start : start + length] = True
    return found
