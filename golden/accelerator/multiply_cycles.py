"""The multiply unit's cycles: exact while the scratchpad grants every request and sums are always taken.

    a command's walks start a cycle after its acceptance, or with the last request of the command before
    a word arrives FETCH cycles after its request; the queue holds QUEUE words, then requests stall
    weights of the next pass load from the previous swap on, a word a cycle, with all the rows that it packs;
    with `transpose`, a word a cycle enters the square while the tile before leaves it, then leaves it by rows
    the swap takes place behind the last row, with the last vector of the pass before; then the vectors enter

So passes follow one another, within a command and from one to the next, as golden.systolic.cycles says, the
first words five cycles after the first command. 64 x 64 x 64 in bytes, L = 16: 1080 cycles in one command or
in four, of which the matrix unit takes 1075.

A pass takes max(count, W) cycles, where W is the number of words of its weights: L / packed_rows, or L with
`transpose`. With one vector that is a word of weights a cycle, which is what a port of the scratchpad and the
bus deliver.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from golden.accelerator import walk
from golden.accelerator.fetcher import LATENCY, QUEUE
from golden.accelerator.footprints import Fields
from golden.accelerator.multiply import count_of, matrix_unit_of, passes_of, tiles_of, words_of_pass
from golden.accelerator.params import AcceleratorParams
from golden.systolic.cycles import delivery

AHEAD = 4  # commands whose weights are on the way
FETCH = LATENCY - walk.LATENCY  # from a request to its word
NEVER = -(1 << 60)


@dataclass(frozen=True, slots=True)
class Times:
    """Cycles in which a command is accepted, requests its first and last words, is done, and delivers its
    first and last sums (or would deliver them, if they did not stay open)."""

    accepted: int
    left_first: int
    left_last: int
    top_first: int
    top_last: int
    done: int
    sums_first: int
    sums_last: int


class Requests:
    """The cycles in which a fetcher requests its words.

    first, last  requests: the first of the current pass, the last so far
    taken        cycles in which the last QUEUE words were taken
    """

    def __init__(self) -> None:
        self.first, self.last = NEVER, -1
        self.taken = [NEVER] * QUEUE

    def start(self, cycle: int) -> int:
        """A walk is offered in `cycle`; returns the cycle in which it is accepted."""
        cycle = max(cycle, self.last)
        self.last = cycle
        return cycle

    def offer(self) -> int:
        """Request the first word of a pass; returns the cycle from which on the word is there."""
        self.first = max(self.last, self.taken[0]) + 1
        return self.first + FETCH

    def take(self, count: int, start: int) -> None:
        """Take the pass's `count` words, one a cycle from `start` on."""
        fresh = range(start + max(0, count - QUEUE - 1), start + count)
        taken = [*self.taken, *fresh]
        self.last = max(self.first + count - 1, taken[-QUEUE - 1] + 1)
        self.taken = taken[-QUEUE:]


class MultiplyPipeline:
    """The unit's pipeline: `command` gives the Times of each command in turn."""

    def __init__(self, p: AcceleratorParams):
        self.p = p
        self.delivery = delivery(matrix_unit_of(p))
        self.left, self.top = Requests(), Requests()
        self.accepting = 0
        self.unpacked: deque[int] = deque([NEVER] * AHEAD)  # a command's last word
        self.rows: deque[tuple[int, int]] = deque()  # of the accumulator: cycle from which the first is free
        self.used = 0
        self.row = (0, -1)  # first and last row of weights that entered
        self.across = False  # they came out of the square
        self.swap = self.vector = self.done = -1

    def command(self, command: Fields, offered: int = 0) -> Times:
        """The Times of the next command, offered from cycle `offered` on, directly behind the one before."""
        accepted = self.accept(offered)
        count, passes = count_of(command), passes_of(command)
        words, across = words_of_pass(self.p, command), bool(command["transpose"])
        firsts: list[int] = []
        for tile in range(tiles_of(command)):
            rows = NEVER if command["open"] else self.room(count)
            for index in range(passes):
                self.load(words, across)
                self.stream(count, rows if index == 0 else NEVER)
                if tile == 0 and index == 0:
                    firsts += [self.left.first, self.top.first]
            leaves = self.vector - count + 1 + self.delivery
            if not command["more"]:
                self.rows.append((leaves, count))
            self.used += 0 if command["open"] else count
            if tile == 0:
                firsts.append(leaves)
        done, sums_last = self.end(), self.vector + self.delivery
        left_first, top_first, sums_first = firsts
        return Times(
            accepted, left_first, self.left.last, top_first, self.top.last, done, sums_first, sums_last
        )

    def accept(self, offered: int) -> int:
        """Accept a command; returns the cycle."""
        accepted = max(offered, self.accepting)
        left_walk = self.left.start(accepted + 1)
        top_walk = self.top.start(max(accepted + 1, self.unpacked.popleft() + 1))
        self.accepting = max(left_walk, top_walk)
        return accepted

    def end(self) -> int:
        """The command's last request has been made; returns the cycle of its `done`."""
        self.unpacked.append(self.top.taken[-1])
        self.done = max(self.left.last, self.top.last, self.done) + 1
        return self.done

    def room(self, count: int) -> int:
        """The cycle from which on `count` rows of the accumulator are free."""
        needed, cycle = self.used + count - self.p.unit.accumulator_rows, NEVER
        while needed > 0:
            first, rows = self.rows.popleft()
            freed = min(rows, needed)
            cycle = first + freed - 1
            if freed < rows:
                self.rows.appendleft((first + freed, rows - freed))
            self.used -= freed
            needed -= freed
        return cycle

    def load(self, words: int, across: bool) -> None:
        """Load the weights of a pass, `words` words, into rows of the array; across: by way of the square
        (transposed)."""
        there = self.top.offer()
        if across:
            # with the tile before, if that leaves the square, else behind it
            enter = max(there, self.row[0] if self.across else self.row[1] + 1)
            self.top.take(words, enter)
            first = max(enter + words, self.swap)
        else:
            first = max(there, self.swap)
            self.top.take(words, first)
        self.row, self.across = (first, first + words - 1), across

    def stream(self, count: int, rows: int) -> None:
        """Stream the vectors of a pass, where the accumulator's rows are free from cycle `rows` on."""
        self.swap = max(self.row[1] + 1, self.vector, rows)
        first = max(self.left.offer(), self.swap + 1)
        self.left.take(count, first)
        self.vector = first + count - 1


def times(p: AcceleratorParams, commands: Iterable[Fields]) -> list[Times]:
    """The Times of commands offered one after another without a pause, from cycle 0 on."""
    pipeline = MultiplyPipeline(p)
    return [pipeline.command(command) for command in commands]


def cycles(p: AcceleratorParams, commands: Iterable[Fields]) -> int:
    """Cycles from the first command accepted to the last row of sums delivered, both counted."""
    found = times(p, commands)
    return found[-1].sums_last + 1 if found else 0
