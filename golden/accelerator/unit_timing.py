"""Timing of one unit among others (golden.accelerator.timing), and of the rows that wait between units."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from golden.accelerator.assembler import Command

if TYPE_CHECKING:
    from golden.accelerator.timing import TimingModel

Step = Generator[None, None, None]  # it yields where more must be known before it can go on


class UnitTiming:
    """Timing of a unit that executes one command after the other, each in as many cycles as `cycles` says.

    A unit that overlaps commands has `begin` and `finish` of its own.
    """

    def __init__(self, model: "TimingModel"):
        self.model, self.p = model, model.p
        self.free = 0  # the cycle from which on a command may start
        self.done = -1  # of the command that was finished last
        self.number = -1  # in the program, of the command at hand

    def cycles(self, command: Command) -> int:
        """Cycles from a command's acceptance to its `done`, both counted, unstalled."""
        raise NotImplementedError

    def idle(self, offered: int) -> int:
        """The first of the idle cycles before `offered`, if this unit counts them."""
        return offered

    def begin(self, command: Command, offered: int) -> int:
        """The cycle in which the unit accepts a command that is offered from cycle `offered` on."""
        return max(offered, self.free)

    def finish(self, command: Command, start: int) -> Step:
        """Complete a command that was accepted in cycle `start`; self.done becomes the cycle of its
        `done`."""
        self.done = start + self.cycles(command) - 1
        self.free = self.done + 1
        return
        yield


class TakenRows:
    """When rows of a stream are taken. segments: (first row, rows, cycle of the first, cycles per row)."""

    def __init__(self) -> None:
        self.rows = self.at = 0
        self.segments: list[tuple[int, int, float, float]] = []

    def add(self, count: int, first: float, pace: float) -> None:
        """Append `count` rows, the first taken in cycle `first`, `pace` cycles apart."""
        self.segments.append((self.rows, count, first, pace))
        self.rows += count

    def cycle(self, row: int) -> int:
        """The cycle in which a row is taken; rows are asked for in order."""
        while self.segments[self.at][0] + self.segments[self.at][1] <= row:
            self.at += 1
        start, _, first, pace = self.segments[self.at]
        return int(first + (row - start) * pace)


class StreamTiming:
    """Rows of a stream, as far as their timing is known.

    there  (rows, cycle of the first) of each block that the giver makes; one row a cycle from then on
    """

    def __init__(self) -> None:
        self.there: list[tuple[int, int]] = []
        self.taken = TakenRows()

    @property
    def known(self) -> tuple[int, int]:
        """A value that changes as more becomes known."""
        return len(self.there), len(self.taken.segments)
