"""AXI4 read master: commands {address, bytes} in, bus words {data, last, error}, a status a command out.

A burst is asked for only when the buffer has room for all of it, so read data never waits for us. A command's
bus words come whole and in order, `last` with its last one, also where a response was an error: the data then
is what the memory gave, and `error` is beside it. The status comes once the last beat has arrived, maybe
before it left the buffer.

Source: AMBA AXI4 (ARM IHI 0022, issue E), chapters A2 (signals) and A3.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from golden import check
from golden.axi.bursts import AxiParams, bursts, check_command
from golden.axi.timing import Slots

LATENCY = 4  # cycles around the memory's: cursor, AR; buffer written, word fetched from it
TAKEN = 3  # cycles from a beat to its room being free: buffered, offered, taken


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadParams(AxiParams):
    """buffer: bus words, at least a longest burst."""

    buffer: int = 128

    def __post_init__(self) -> None:
        # not super(): a dataclass with slots is made anew, and super() would look for the first
        AxiParams.__post_init__(self)
        check.in_range("buffer", self.buffer, self.longest_burst, 1 << 16, "room for a longest burst")


def read(
    p: ReadParams, memory: Callable[[int, int], bytes], address: int, count: int
) -> list[tuple[int, int]]:
    """(data, last) of each bus word of a command.

    memory  gives `count` bytes from `address` on
    raises  BadValue if the command's word cannot hold these values
    """
    check_command(p, address, count)
    beats = 0 if p.refuses(address, count) else p.beats(count)
    size = p.word_bytes
    words = [int.from_bytes(memory(address + i * size, size), "little") for i in range(beats)]
    return [(word, int(i == beats - 1)) for i, word in enumerate(words)]


def cycles(p: ReadParams, commands: Sequence[tuple[int, int]], memory_latency: int) -> int:
    """Cycles from the first command accepted to the last word delivered, both counted; 0 if there is no word.

    commands        (address, bytes) of each, offered one after another without a pause
    memory_latency  cycles from AR accepted to the burst's first beat, at least 1

    Exact, whatever the slots and the buffer, if the memory takes an AR each cycle and gives a burst's beats
    one a cycle, `memory_latency` after its AR or right behind the burst before; data and status always taken.
    """
    timing = ReadTiming(p, memory_latency)
    for address, count in commands:
        lengths = [beats for _, beats in bursts(p, address, count)]
        if not lengths:
            timing.slots.skip()
        for index, beats in enumerate(lengths):
            timing.burst(beats, final=index == len(lengths) - 1)
    return timing.last_beat + TAKEN if timing.ends else 0


class ReadTiming:
    """The cycles in which bursts are issued and arrive.

    ends  (words so far, cycle of its last beat) of each burst that may still hold room
    """

    def __init__(self, p: ReadParams, memory_latency: int):
        self.buffer, self.memory_latency = p.buffer, memory_latency
        self.slots = Slots(p.outstanding)
        self.words = self.last_beat = 0
        self.ends: deque[tuple[int, int]] = deque()

    def burst(self, beats: int, *, final: bool) -> None:
        """The next burst, as soon as a slot and room are free."""
        self.words += beats
        issue = self.slots.take(self.room(self.words - self.buffer))
        first = issue + 1 + self.memory_latency  # AR stands a cycle after the issue
        if first <= self.last_beat:
            first = self.last_beat + 1
        self.last_beat = first + beats - 1
        self.ends.append((self.words, self.last_beat))
        self.slots.respond(self.last_beat, final=final)

    def room(self, words: int) -> int:
        """The cycle from which on that many words have left the buffer."""
        if words <= 0:
            return 0
        while self.ends[0][0] < words:
            self.ends.popleft()
        end, last_beat = self.ends[0]
        return last_beat - (end - words) + TAKEN


def keeps_up(p: ReadParams, memory_latency: int) -> bool:
    """Whether slots and buffer cover the way to the memory and back: a command's words come one a cycle.

    A slot is free a cycle after its burst's last beat, a word's room TAKEN after the word came; the AR takes
    one cycle more. Meanwhile the bursts, or the words, that are on their way must not run out.
    """
    slots = (p.outstanding - 1) * p.longest_burst >= memory_latency + 1
    return slots and p.buffer >= p.longest_burst + memory_latency + TAKEN


def unhindered_cycles(p: ReadParams, count: int, memory_latency: int) -> int:
    """`cycles` of one command that is not refused, in closed form: exact if keeps_up(p, memory_latency)."""
    return LATENCY + memory_latency + p.beats(count) if count else 0


def bytes_moved(p: ReadParams, count: int) -> int:
    """Bytes that cross the bus for a command of `count` bytes: whole words."""
    return p.beats(count) * p.word_bytes
