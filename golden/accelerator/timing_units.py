"""Units among the others (golden.accelerator.timing): commands at the read port, sums that wait."""

from collections import deque
from functools import lru_cache

from golden.accelerator import vector
from golden.accelerator.assembler import Command
from golden.accelerator.commands import FIELDS, Opcode
from golden.accelerator.move_timing import TAKEN, LoadTiming
from golden.accelerator.multiply import count_of, passes_of, words_of_pass
from golden.accelerator.multiply_cycles import NEVER, Timing
from golden.accelerator.params import AcceleratorParams

LOSSES = ("compute", "waste", "fill", "memory", "dependency", "control", "drain")
LONG = 1 << 16  # vectors of no pass at all: it wastes nothing


class Matrix(Timing):
    """The multiply unit, tile by tile; rows of sums leave when they are taken.

    there  (rows, cycle of the first) of each tile; one a cycle from then on
    lost   by LOSSES, for each command of the program: cycles, up to the last vector
    """

    def __init__(self, p: AcceleratorParams, commands: int):
        super().__init__(p)
        self.there: list[tuple[int, int]] = []
        self.lost = {cause: [0] * commands for cause in LOSSES}
        self.previous = LONG  # vectors of the last pass

    def begin(self, command: Command, offered: int) -> int:
        """A command is accepted, in the cycle that is returned."""
        accepted = max(offered, self.accepting)
        left_walk = self.left.start(accepted + 1)
        top_walk = self.top.start(max(accepted + 1, self.unpacked.popleft() + 1))
        self.accepting = max(left_walk, top_walk)
        return accepted

    def tile(self, command: Command, number: int, rows: int) -> None:
        """The next tile of a command and its number; its sums have room from cycle `rows` on."""
        fields, lanes, lost = command.fields, self.p.lanes, self.lost
        count, words = count_of(fields), words_of_pass(self.p, fields)
        for index in range(passes_of(fields)):
            before, held = self.vector, rows if index == 0 else NEVER
            self.load(words, bool(fields["transpose"]))
            self.stream(count, held)
            gap = self.vector - count - before
            waste = min(gap, max(0, lanes - self.previous))
            room = min(gap - waste, max(0, held - before)) if index == 0 else 0
            lost["compute"][number] += count
            lost["waste"][number] += waste
            lost["dependency"][number] += room
            lost["fill"][number] += gap - waste - room
            self.previous = count
        if not fields["more"]:
            self.there.append((count, self.vector - count + 1 + self.delivery))

    def end(self) -> int:
        """All of the command has been asked for: the cycle of its `done`."""
        self.unpacked.append(self.top.taken[-1])
        self.done = max(self.left.last, self.top.last, self.done) + 1
        return self.done

    def idle(self, offered: int) -> tuple[int, int]:
        """Up to a command's offer the array has nothing to do: the first of these cycles, and `offered`."""
        first = self.vector + 1
        if first < offered:
            self.previous = LONG
            self.vector = offered - 1
        return first, offered


class Loads(LoadTiming):
    """The load unit at a read port that fetches commands too.

    fetches  (cycle, words) of requests for commands that the port has not taken, in order
    come     cycle in which the first word of each that it has taken is there
    behind   whether it came behind other words, mostly the load unit's
    """

    def __init__(self, p: AcceleratorParams, memory_latency: int):
        super().__init__(p, memory_latency)
        self.fetches: deque[tuple[int, int]] = deque()
        self.come: list[int] = []
        self.behind: list[bool] = []

    def next_run(self, offered: int) -> int:
        """The first cycle in which the port may take a run of a command offered then."""
        return max(self.run + 1, offered, self.port.slots.issue)

    def fetch(self) -> None:
        """The port takes the first request."""
        asked, count = self.fetches.popleft()
        slots = self.port.slots
        slots.issue = max(slots.issue, asked)
        first, longest = self.port.last_beat, self.p.read.longest_burst
        for left in range(count, 0, -longest):
            beats = min(left, longest)
            self.port.burst(beats, final=left == beats)
            if left == count:
                first = self.port.last_beat - beats + 1
        self.come.append(first + TAKEN)
        self.behind.append(first > asked + 2 + self.port.memory_latency)

    def before(self, offered: int) -> None:
        while self.fetches and self.fetches[0][0] <= self.next_run(offered):  # these go first
            self.fetch()


class Taken:
    """When rows of sums are taken. segments: (first row, rows, cycle of the first, cycles a row)."""

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


SHAPE = tuple(
    each.name
    for each in FIELDS[Opcode.MAP]
    if each.name.startswith(("count", "p_", "reduce", "function")) or each.name.endswith("kind")
)  # what of a MAP decides its cycles


def unit_cycles(p: AcceleratorParams, command: Command) -> int:
    """Of the vector unit, from a command's acceptance to its `done`, where nothing holds it up."""
    if command.opcode != Opcode.MAP:
        return vector.cycles(p, command.opcode, command.fields)
    return _map_cycles(p, tuple(command.fields[name] for name in SHAPE))


@lru_cache(maxsize=4096)
def _map_cycles(p: AcceleratorParams, shape: tuple[int, ...]) -> int:
    return vector.cycles(p, Opcode.MAP, dict(zip(SHAPE, shape, strict=True)))
