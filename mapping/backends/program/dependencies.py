"""Dependencies: tokens between units, derived from the words that each command reads and writes.

A command waits for the last command of each other unit that must be done first: one that wrote a word that
this one reads or writes, or one that read a word that this one writes. Since units work in order, a token of
that last command is enough; a dependency that follows from earlier waits, of this unit or of the commands
waited for, needs no token. Tokens of a pair of units match in order, since both sides only move on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from golden.accelerator.assembler import Command, legal
from golden.accelerator.commands import CONTROL, TOKENS, Opcode
from golden.accelerator.legal import check_values, mask_of, names_of
from golden.accelerator.units import UNITS, names
from golden.division import ceil_div

Span = tuple[int, int]  # first word, words


@dataclass(slots=True)
class Draft:
    """A command under construction: its unit's `number`-th, from 1 on, at `position` of the program.

    knows               commands of each unit that are known to be done when it starts
    unit, wait, signal  indices into UNITS; one past the last: control
    fields              all but the header's
    """

    opcode: Opcode
    unit: int
    number: int
    position: int
    fields: dict[str, int]
    knows: list[int]
    wait: set[int] = field(default_factory=set)
    signal: set[int] = field(default_factory=set)

    def command(self) -> Command:
        """The command, its fields complete."""
        return legal(self.opcode, self.fields, in_order(self.wait), in_order(self.signal))


def in_order(units: set[int]) -> tuple[str, ...]:
    """Units' names as a command has them."""
    return names_of(mask_of(UNITS[unit] for unit in units)) if units else ()


class LastAccesses:
    """The last command of each unit that read or wrote each word, int32 [units, words]; 0: none."""

    def __init__(self, words: int):
        self.read = np.zeros((len(UNITS), words), np.int32)
        self.written = np.zeros((len(UNITS), words), np.int32)

    def needs(self, reads: Sequence[Span], writes: Sequence[Span]) -> np.ndarray:
        """The last command of each unit that must be done first, int [units]."""
        needed = np.zeros(len(UNITS), np.int32)
        for start, words in (*reads, *writes):
            np.maximum(needed, self.written[:, start : start + words].max(axis=1, initial=0), out=needed)
        for start, words in writes:
            np.maximum(needed, self.read[:, start : start + words].max(axis=1, initial=0), out=needed)
        return needed

    def note(self, unit: int, number: int, reads: Sequence[Span], writes: Sequence[Span]) -> None:
        """Record that command `number` of `unit` reads and writes these words."""
        for start, words in reads:
            self.read[unit, start : start + words] = number
        for start, words in writes:
            self.written[unit, start : start + words] = number


class TokenSchedule:
    """Commands in program order, with their tokens.

    scratch_words  words of the scratchpad
    memory_words   words of the memory that changes, counted from its word 0
    together       commands of a unit that one token stands for, where what waits does so long after them
    """

    def __init__(self, scratch_words: int, memory_words: int, together: int = 1):
        self.together = together
        self.scratch, self.memory = LastAccesses(scratch_words), LastAccesses(memory_words)
        self.drafts: list[Draft] = []
        self.of_unit: list[list[Draft]] = [[] for _ in (*UNITS, "control")]

    def emit(
        self,
        opcode: Opcode,
        fields: dict[str, int],
        *,
        reads: Sequence[Span] = (),
        writes: Sequence[Span] = (),
        memory_reads: Sequence[Span] = (),
        memory_writes: Sequence[Span] = (),
    ) -> Draft:
        """The next command of the program. Spans: words of the scratchpad, and of the memory that changes."""
        unit = UNITS.index(names()[opcode.unit]) if opcode.unit != CONTROL else len(UNITS)
        mine = self.of_unit[unit]
        position = len(self.drafts)
        draft = Draft(opcode, unit, len(mine) + 1, position, complete(opcode, fields), [0] * len(UNITS))
        if mine:
            draft.knows = list(mine[-1].knows)
        needed = np.maximum(self.scratch.needs(reads, writes), self.memory.needs(memory_reads, memory_writes))
        self.wait_for(draft, [int(number) for number in needed])
        self.scratch.note(unit, draft.number, reads, writes)
        self.memory.note(unit, draft.number, memory_reads, memory_writes)
        mine.append(draft)
        self.drafts.append(draft)
        return draft

    def wait_for(self, draft: Draft, needed: list[int]) -> None:
        """Add tokens for the commands that must be known to be done, the newest first: they may
        imply others."""
        others = [unit for unit in range(len(UNITS)) if unit != draft.unit]
        while lacking := [unit for unit in others if needed[unit] > draft.knows[unit]]:
            unit = max(lacking, key=lambda unit: self.of_unit[unit][needed[unit] - 1].position)
            source = self.source(unit, needed[unit])
            assert draft.unit not in source.signal, "tokens of a pair meet in order"
            source.signal.add(draft.unit)
            draft.wait.add(unit)
            draft.knows = [max(a, b) for a, b in zip(draft.knows, source.knows, strict=True)]
            draft.knows[unit] = source.number

    def source(self, unit: int, number: int) -> Draft:
        """The command whose token says that command `number` of `unit` is done.

        That one itself, or the last of those that one token stands for: only where as many again are behind,
        since waiting for what has just begun would keep a unit from running ahead.
        """
        last = ceil_div(number, self.together) * self.together
        behind = last + self.together <= len(self.of_unit[unit])
        return self.of_unit[unit][(last if behind else number) - 1]


@cache
def least(opcode: Opcode) -> tuple[dict[str, int], frozenset[str]]:
    """The least legal values from 0 on; which fields are strides in the scratchpad."""
    strides = frozenset(each.name for each in opcode.fields if "stride" in each.name and each.width == 16)
    return {name: max(low, 0) for name, (low, _) in opcode.limits.items()}, strides


def complete(opcode: Opcode, fields: dict[str, int]) -> dict[str, int]:
    """All fields of a command, the omitted ones at their least legal value; BadValue if one does not fit."""
    others, strides = least(opcode)
    assert not fields.keys() - others.keys(), f"{opcode.name}: {fields.keys() - others.keys()}"
    values = others.copy()
    for name, value in fields.items():
        # addresses wrap, so a long stride is a negative one
        values[name] = (int(value) + 0x8000) % 0x10000 - 0x8000 if name in strides else int(value)
    check_values(opcode, values)
    return values


def most_tokens(drafts: Sequence[Draft]) -> int:
    """The most tokens that a pair of units holds when commands execute one by one in program order.

    On the accelerator there can be more, by as many commands as wait at a unit.
    """
    held: dict[tuple[int, int], int] = {}
    most = 0
    for draft in drafts:
        for unit in draft.wait:
            held[unit, draft.unit] -= 1
        for unit in draft.signal:
            held[draft.unit, unit] = held.get((draft.unit, unit), 0) + 1
            most = max(most, held[draft.unit, unit])
    return most


__all__ = ["TOKENS", "Draft", "Span", "TokenSchedule", "most_tokens"]
