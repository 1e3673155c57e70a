"""Cycles in which the load unit and the store unit have done each of a sequence of commands.

Exact for a unit that has memory port and scratchpad to itself, if the memory is as golden.axi.read.cycles and
golden.axi.write.cycles describe it and no run is refused. Cycle 0 is any cycle.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from golden.accelerator import fetcher, walk
from golden.accelerator.commands import Opcode
from golden.accelerator.footprints import Fields
from golden.accelerator.memory_port import word_owners
from golden.accelerator.moves import HELD, PENDING, QUEUED, ROW, Run, rows, runs, words
from golden.accelerator.params import AcceleratorParams
from golden.axi import read, write
from golden.axi.bursts import BOUNDARY, AxiParams, bursts
from golden.axi.timing import Slots

TAKEN = read.TAKEN - 1  # cycles from a beat on R to its word being taken


class CommandQueue:
    """Commands in the load or store unit: one is held, then starts; at most PENDING have started and are not
    done."""

    def __init__(self, bus: AxiParams) -> None:
        self.start = self.done = -1
        self.pending: deque[int] = deque(maxlen=PENDING)  # cycles of `done`
        self.bus = bus
        self.known: dict[tuple[int, int], list[int]] = {}  # lengths, by place in a page and bytes

    def lengths(self, address: int, count: int) -> list[int]:
        """Beats of each burst of a run, which depend only on where the run begins within a page."""
        key = address % BOUNDARY, count
        if key not in self.known:
            self.known[key] = [beats for _, beats in bursts(self.bus, address, count)]
        return self.known[key]

    def begin(self, offered: int, not_before: int) -> None:
        """The next command starts. offered: the first cycle in which it is valid."""
        room = self.pending[0] + 1 if len(self.pending) == PENDING else 0
        self.start = max(max(offered, self.start + 1) + HELD, not_before, room)

    def finish(self, cycle: int) -> int:
        """The oldest command is done in `cycle`."""
        self.pending.append(cycle)
        self.done = cycle
        return cycle


class LoadTiming(CommandQueue):
    """Timing of the load unit. memory_latency: cycles from AR accepted to the burst's first beat, at
    least 1."""

    def __init__(self, p: AcceleratorParams, memory_latency: int):
        super().__init__(p.read)
        self.p, self.port = p, read.ReadTiming(p.read, memory_latency)
        self.run = 0  # cycle in which the last run was taken
        self.owners: deque[int] = deque(maxlen=word_owners(p))  # cycles in which runs' last words were placed
        self.placed = -1  # cycle in which the last word was
        self.free = 0  # cycle from which on a LOAD may start

    def command(self, opcode: Opcode, command: Fields, offered: int, numbers: Sequence[int] = ()) -> int:
        """The cycle of its `done`.

        offered  the first cycle in which it is valid
        numbers  of a GATHER's rows
        """
        if opcode == Opcode.FILL:
            self.begin(offered, 0)
            self.place(words(command))
        elif opcode == Opcode.LOAD:
            self.begin(offered, self.free)
            self.load(runs(self.p, command), self.start + walk.LATENCY, step=0)
            self.free = self.run
        else:
            self.begin(offered, self.done + 1)
            self.load(rows(self.p, command, numbers), self.start + fetcher.LATENCY + ROW, step=1)
            self.free = self.run + 1
        return self.finish(self.placed + 1)

    def first_place(self) -> int:
        """The first cycle in which a word of the command that starts may be placed."""
        return max(self.start + QUEUED, self.placed) + walk.LATENCY

    def place(self, count: int) -> None:
        """Place `count` words that do not come from memory (of a FILL)."""
        self.placed = self.first_place() + count - 1

    def before(self, offered: int) -> None:
        """Requests that the read port serves before a run offered in cycle `offered`: none, where LOAD is its
        only client."""

    def load(self, asked: Iterator[Run], offered: int, step: int) -> None:
        """Load runs; the i-th is offered `step` * i cycles after `offered`."""
        slots, owners, first = self.port.slots, self.owners, self.first_place()
        for address, count in asked:
            self.before(offered)
            # the port takes a run with the last burst of the one before
            owner = owners[0] + 1 if len(owners) == owners.maxlen else 0
            self.run = slots.issue = max(self.run + 1, offered, slots.issue, owner)
            self.bursts(self.lengths(address, count), first)
            owners.append(self.placed)
            offered += step

    def bursts(self, lengths: Sequence[int], first: int) -> None:
        """Request a run's bursts; their words are placed from cycle `first` on."""
        port, left = self.port, len(lengths)
        for beats in lengths:
            left -= 1
            port.burst(beats, final=not left)
            begin = port.last_beat - beats + 1 + TAKEN
            if begin <= self.placed:
                begin = self.placed + 1
            self.placed = (begin if begin > first else first) + beats - 1
            # words that wait to be placed hold their room
            port.ends[-1] = (port.words, self.placed - TAKEN)


class Loads(LoadTiming):
    """The load unit at a read port that fetches commands too.

    fetches  (cycle, words) of requests for commands that the port has not yet accepted, in order
    come     cycle in which the first word of each accepted request arrives
    behind   for each accepted request, whether its words came behind others, mostly the load unit's
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
        """The port accepts the oldest request for commands."""
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


class StoreTiming(CommandQueue):
    """Timing of the store unit. memory_latency: cycles from a burst's last word accepted to its response, at
    least 1."""

    def __init__(self, p: AcceleratorParams, memory_latency: int):
        super().__init__(p.write)
        self.p, self.memory_latency = p, memory_latency
        self.slots = Slots(p.write.outstanding)
        self.free = 0  # cycle from which on a command may start
        self.word = 0  # cycle of the last on W
        # cycles of the first and the last word of bursts, the newest last
        self.issued: deque[tuple[int, int]] = deque(maxlen=fetcher.QUEUE + 1)

    def command(self, command: Fields, offered: int) -> int:
        """The cycle of its `done`. offered: the first cycle in which it is valid."""
        self.begin(offered, self.free)
        run = self.start
        for address, count in runs(self.p, command):
            run = self.slots.issue = max(run + walk.LATENCY, self.slots.issue)
            self.bursts(self.lengths(address, count))
        asked = max(self.start + words(command), self.queued())
        self.free = max(run, asked)
        return self.finish(self.slots.last_release)

    def bursts(self, lengths: Sequence[int]) -> None:
        """Issue a run's bursts while their words leave the scratchpad."""
        left, slots = len(lengths), self.slots
        for beats in lengths:
            left -= 1
            first = slots.take() + write.FIRST_WORD
            if first <= self.word:
                first = self.word + 1
            self.word = first + beats - 1
            self.issued.append((first, self.word))
            slots.respond(self.word + self.memory_latency, final=not left)

    def queued(self) -> int:
        """The cycle in which the word left that the last one asked for finds at the fetcher's queue's end."""
        behind = fetcher.QUEUE
        for first, last in reversed(self.issued):
            if last - first >= behind:
                return last - behind
            behind -= last - first + 1
        return 0
