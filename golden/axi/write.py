"""AXI4 write master: commands {address, bytes} and a stream of bus words in, a status a command out.

A command takes its bus words from the stream, also where a response is an error; of the last one the strobe
keeps the bytes beyond its end. A burst's first word stands on W two cycles after its address on AW, or later
where the stream waits; neither channel waits for the other's ready (A3.3.1).

Source: AMBA AXI4 (ARM IHI 0022, issue E), chapters A2 (signals) and A3; A3.4.3 (strobes).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from golden import check
from golden.axi.bursts import AxiParams, bursts, check_command
from golden.axi.timing import LAST_TAKEN, Slots

LATENCY = 6  # cycles around the words and the memory's: cursor, W's plan queued and offered, W; status
FIRST_WORD = 3  # cycles from a burst's issue to its first word on W: planned, offered, loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteParams(AxiParams):
    """Parameters of the write master: those that every master has."""


def write(p: WriteParams, address: int, count: int, words: Sequence[int]) -> list[tuple[int, int, int]]:
    """(data, strobe, last) of each beat of a command.

    words   of the stream; the command's own are the first
    raises  BadValue if the command's word cannot hold these values, or there are too few words
    """
    check_command(p, address, count)
    lengths = [beats for _, beats in bursts(p, address, count)]
    check.in_range("words", len(words), sum(lengths), 1 << 62, "the command's own")
    ends = {sum(lengths[: index + 1]) - 1 for index in range(len(lengths))}
    every = (1 << p.word_bytes) - 1
    beats = [(word, every, int(i in ends)) for i, word in enumerate(words[: sum(lengths)])]
    if beats and count % p.word_bytes:
        word, _, last = beats[-1]
        beats[-1] = (word, (1 << count % p.word_bytes) - 1, last)
    return beats


def cycles(p: WriteParams, commands: Sequence[tuple[int, int]], memory_latency: int) -> int:
    """Cycles from the first command accepted to the last status taken, both counted; 0 without commands.

    commands        (address, bytes) of each, offered one after another without a pause, as are their words
    memory_latency  cycles from a burst's last word accepted to its response, at least 1

    Exact, whatever the slots, if the memory takes an AW and a W each cycle; a status is always taken.
    """
    slots = Slots(p.outstanding)
    word = 0  # cycle of the last on W
    for address, count in commands:
        lengths = [beats for _, beats in bursts(p, address, count)]
        if not lengths:
            slots.skip()
        for index, beats in enumerate(lengths):
            word = max(slots.take() + FIRST_WORD, word + 1) + beats - 1
            slots.respond(word + memory_latency, final=index == len(lengths) - 1)
    return slots.last_release


def keeps_up(p: WriteParams, memory_latency: int) -> bool:
    """Whether the slots cover the way to the memory and back: a command's words leave one a cycle."""
    return (p.outstanding - 1) * p.longest_burst >= memory_latency + FIRST_WORD


def unhindered_cycles(p: WriteParams, count: int, memory_latency: int) -> int:
    """`cycles` of one command that is not refused, in closed form: exact if keeps_up(p, memory_latency)."""
    return LATENCY + memory_latency + p.beats(count) if count else 1 + LAST_TAKEN


def bytes_moved(p: WriteParams, count: int) -> int:
    """Bytes that cross the bus for a command of `count` bytes: whole words."""
    return p.beats(count) * p.word_bytes
