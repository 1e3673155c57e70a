"""AXI4 read master: commands {address, bytes} in, a stream of bus words {data, last} and a status a command out.

A burst is asked for only when the buffer has room for all of it, so read data never waits for us. A command's
bus words come whole and in order, `last` with its last one, also where a response was an error: its data then
is what the memory gave. A status comes once the last beat has arrived, which may be before it left the buffer.

Source: AMBA AXI4 (ARM IHI 0022, issue E), chapters A2 (signals) and A3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from golden import check
from golden.axi.bursts import AxiParams, check_command

LATENCY = 4  # cycles around the memory's: cursor, AR; buffer written, word fetched from it
SLOT = 3  # cycles from a burst's last beat to the next burst's AR that takes its place, less the beat's own
ROOM = 4  # the same of a word's room: buffered, fetched, taken, AR


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadParams(AxiParams):
    """buffer: bus words, at least a longest burst."""

    buffer: int = 128

    def __post_init__(self) -> None:
        # not super(): a dataclass with slots is made anew, and super() would look for the first
        AxiParams.__post_init__(self)
        check.in_range("buffer", self.buffer, self.longest_burst, 1 << 16, "room for a longest burst")


def read(p: ReadParams, memory: Callable[[int, int], bytes], address: int, count: int) -> list[tuple[int, int]]:
    """(data, last) of each bus word of a command.

    memory  gives `count` bytes from `address` on
    raises  BadValue if the command's word cannot hold these values
    """
    check_command(p, address, count)
    beats = 0 if p.refuses(address, count) else p.beats(count)
    size = p.word_bytes
    words = [int.from_bytes(memory(address + i * size, size), "little") for i in range(beats)]
    return [(word, int(i == beats - 1)) for i, word in enumerate(words)]


def keeps_up(p: ReadParams, memory_latency: int) -> bool:
    """Whether the bursts in flight and the buffer cover the way to the memory and back: a word each cycle."""
    in_flight = (p.outstanding - 1) * p.longest_burst >= memory_latency + SLOT - 1
    return in_flight and p.buffer >= p.longest_burst + memory_latency + ROOM


def cycles(p: ReadParams, counts: Sequence[int], memory_latency: int) -> int:
    """Cycles from the first command accepted to the last word delivered, both counted; 0 if nothing moves.

    counts          bytes of each command, none refused, offered one after another without a pause
    memory_latency  cycles from AR accepted to the burst's first beat, at least 1

    Exact if the memory takes an AR and gives a beat each cycle, data and status are always taken, each command
    has a byte at least, and keeps_up(p, memory_latency).
    """
    beats = sum(p.beats(count) for count in counts)
    return LATENCY + memory_latency + beats if beats else 0


def bytes_moved(p: ReadParams, count: int) -> int:
    """Bytes that cross the bus for a command of `count` bytes: whole words."""
    return p.beats(count) * p.word_bytes
