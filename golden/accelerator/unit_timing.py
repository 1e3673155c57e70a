"""A unit's time among the others' (golden.accelerator.timing); rows that wait between units."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from golden.accelerator.assembler import Command

if TYPE_CHECKING:
    from golden.accelerator.timing import Model

Step = Generator[None, None, None]  # it yields where more must be known before it can go on


class UnitTiming:
    """Of a unit that does one command after the other, each in as many cycles as `cycles` says.

    A unit that works otherwise has `begin` and `finish` of its own.
    """

    def __init__(self, model: "Model"):
        self.model, self.p = model, model.p
        self.free = 0  # the cycle from which on a command may start
        self.done = -1  # of the command that was finished last
        self.number = -1  # in the program, of the command at hand

    def cycles(self, command: Command) -> int:
        """From a command's acceptance to its `done`, both counted, where nothing holds the unit up."""
        raise NotImplementedError

    def idle(self, offered: int) -> int:
        """The first of the cycles before `offered` in which the unit idles, if they are counted."""
        return offered

    def begin(self, command: Command, offered: int) -> int:
        """The cycle in which the unit takes a command that stands at it from cycle `offered` on."""
        return max(offered, self.free)

    def finish(self, command: Command, start: int) -> Step:
        """A command that began in cycle `start`, to its end; then self.done is the cycle of its `done`."""
        self.done = start + self.cycles(command) - 1
        self.free = self.done + 1
        return
        yield


class Taken:
    """When rows of a stream are taken. segments: (first row, rows, cycle of the first, cycles a row)."""

    def __init__(self) -> None:
        self.rows = self.at = 0
        self.segments: list[tuple[int, int, float, float]] = []

    def add(self, count: int, first: float, pace: float) -> None:
        """The next rows."""
        self.segments.append((self.rows, count, first, pace))
        self.rows += count

    def cycle(self, row: int) -> int:
        """Of a row; rows are asked for in order."""
        while self.segments[self.at][0] + self.segments[self.at][1] <= row:
            self.at += 1
        start, _, first, pace = self.segments[self.at]
        return int(first + (row - start) * pace)


class StreamTiming:
    """Rows of a stream, as far as they are known.

    there  (rows, cycle of the first) of each block that its giver makes; one row a cycle from then on
    """

    def __init__(self) -> None:
        self.there: list[tuple[int, int]] = []
        self.taken = Taken()

    @property
    def known(self) -> tuple[int, int]:
        """Grows as more becomes known."""
        return len(self.there), len(self.taken.segments)
