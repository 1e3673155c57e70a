"""Whether a program is well formed: whatever the units' pace, it does what its commands do one by one.

Two commands of different units conflict where both touch a word of the scratchpad or of memory and one writes
it. Then the first of them in the program must be done before the other starts, and something must say so:

- a command starts behind the `done` of those whose tokens it takes; a unit's n-th token for another is the
  n-th which that one takes
- a unit starts its commands in order and is done with them in order
- MAP is done behind all reads of each MULTIPLY whose last row of sums it has taken
- what follows a FENCE starts when all before it is done

What starts when is left open otherwise: any program that passes is free of races at every latency.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from golden.accelerator.accesses import (
    memory_range,
    memory_words,
    scratch_reads,
    scratch_writes,
    sums_begun,
    sums_made,
    sums_taken,
    touched,
)
from golden.accelerator.assembler import CONTROL, Command
from golden.accelerator.commands import TOKENS, UNITS, Opcode
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.parts import Parts

MATRIX = UNITS.index("matrix")
LOAD, STORE = UNITS.index("load"), UNITS.index("store")
PAIRS = [(a, b) for a in range(len(UNITS)) for b in range(len(UNITS))]
Known = np.ndarray  # int64 [units]: how many commands of each unit are done


@dataclass(slots=True)
class Work:
    """A command. number: in the program; unit: in UNITS, -1 of control; order: among its unit's, from 0.

    start, end  what is known to be done when it starts, and when it is done; filled in by `order`
    """

    command: Command
    number: int
    unit: int
    order: int
    start: Known = field(default_factory=lambda: np.zeros(len(UNITS), np.int64))
    end: Known = field(default_factory=lambda: np.zeros(len(UNITS), np.int64))

    def __str__(self) -> str:
        return f"command {self.number} ({self.command.opcode.name})"


def check(p: AcceleratorParams, commands: Sequence[Command], most: int = 8) -> list[str]:
    """What is wrong with a program, `most` findings; none if it is well formed. END is its last command."""
    works = numbered(commands)
    found = tokens_and_sums(p, works)
    if not found:
        found = stuck(p, works)
    if not found:
        order(works)
        found = overflows(p, works) + conflicts(p, works, most)
    return found[:most]


def numbered(commands: Sequence[Command]) -> list[Work]:
    """The commands with their places."""
    counts = dict.fromkeys((CONTROL, *UNITS), 0)
    works = []
    for number, command in enumerate(commands):
        unit = command.unit
        works.append(Work(command, number, -1 if unit == CONTROL else UNITS.index(unit), counts[unit]))
        counts[unit] += 1
    return works


def tokens_and_sums(p: AcceleratorParams, works: Sequence[Work]) -> list[str]:
    """Tokens and sums that are taken before they are there, in program order, or never."""
    found = []
    tokens = {(giver, taker): 0 for giver in UNITS for taker in UNITS}
    rows = 0
    parts = Parts(most_passes(p))
    for work in works:
        if work.command.opcode == Opcode.MULTIPLY and (why := parts.add(work.command.fields)):
            found.append(f"{work}: {why}")
        if work.unit >= 0:
            unit = UNITS[work.unit]
            for giver in work.command.wait:
                tokens[giver, unit] -= 1
                if tokens[giver, unit] < 0:
                    found.append(f"{work} waits for a token of {giver} that no command before it gives")
                    tokens[giver, unit] = 0
            for taker in work.command.signal:
                tokens[unit, taker] += 1
        rows += sums_made(work.command) - sums_taken(work.command)
        if rows < 0:
            found.append(f"{work} takes {-rows} rows of sums that no command before it makes")
            rows = 0
    found += [f"{count} tokens of {a} for {b} are left" for (a, b), count in tokens.items() if count]
    rows += sum(parts.counts)
    return found + [f"{rows} rows of sums are left"] * (rows > 0)


def stuck(p: AcceleratorParams, works: Sequence[Work]) -> list[str]:
    """Where the program stops for ever: units' queues fill, and sums their memory, though all tokens come.

    A unit starts its next command when its tokens are there; a product is done when those of its rows that no
    MAP has begun to take fit into the accumulators, and MAP when the products of its rows have started.
    """
    mine = [[work for work in works if work.unit == unit] for unit in range(len(UNITS))]
    tokens = np.zeros((len(UNITS), len(UNITS)), np.int64)
    started, done = [0] * len(UNITS), [0] * len(UNITS)
    given = 0  # commands that went to their queues
    # rows of sums of what has started, of what is done
    made = taken = begun_by_done = taken_by_done = 0
    moving = True

    def may_start(unit: int) -> bool:
        if started[unit] == len(mine[unit]) or mine[unit][started[unit]].number >= given:
            return False
        return all(tokens[UNITS.index(giver), unit] for giver in mine[unit][started[unit]].command.wait)

    def may_end(unit: int) -> bool:
        if done[unit] == started[unit]:
            return False
        command = mine[unit][done[unit]].command
        if unit == MATRIX:
            return begun_by_done + sums_begun(command) - taken <= p.unit.accumulator_rows
        return taken_by_done + sums_taken(command) <= made

    while moving:
        moving = False
        while given < len(works) and may_give(p, works[given], started, done, mine):
            given += 1
            moving = True
        for unit in range(len(UNITS)):
            while may_start(unit):
                work = mine[unit][started[unit]]
                for giver in work.command.wait:
                    tokens[UNITS.index(giver), unit] -= 1
                made, taken = made + sums_made(work.command), taken + sums_taken(work.command)
                started[unit] += 1
                moving = True
            while may_end(unit):
                work = mine[unit][done[unit]]
                begun_by_done += sums_begun(work.command)
                taken_by_done += sums_taken(work.command)
                for taker in work.command.signal:
                    tokens[unit, UNITS.index(taker)] += 1
                done[unit] += 1
                moving = True
    left = [each[count] for each, count in zip(mine, done, strict=True) if count < len(each)]
    return [f"{work} is never done: units wait for one another" for work in left]


def may_give(
    p: AcceleratorParams,
    work: Work,
    started: Sequence[int],
    done: Sequence[int],
    mine: Sequence[Sequence[Work]],
) -> bool:
    """Whether a command can go to its queue; one of control's, whether all before it are done."""
    if work.unit >= 0:
        return work.order - started[work.unit] < p.queue
    pairs = zip(mine, done, strict=True)
    return all(count == len(each) or each[count].number > work.number for each, count in pairs)


def order(works: Sequence[Work]) -> None:
    """Fill in what each command knows."""
    unit_start = [np.zeros(len(UNITS), np.int64) for _ in UNITS]  # of each unit's command before
    unit_end = [np.zeros(len(UNITS), np.int64) for _ in UNITS]
    given: dict[tuple[int, int], list[Work]] = {pair: [] for pair in PAIRS}
    taken = dict.fromkeys(given, 0)
    made: list[tuple[int, Work]] = []  # (rows of sums until its end, product) in order
    rows = used = next_made = 0
    counts = np.zeros(len(UNITS), np.int64)
    for work in works:
        unit = work.unit
        if unit < 0:  # FENCE: all is done
            for each in range(len(UNITS)):
                unit_start[each] = counts.copy()
            continue
        counts[unit] += 1
        start = unit_start[unit].copy()
        for giver in work.command.wait:
            pair = UNITS.index(giver), unit
            np.maximum(start, given[pair][taken[pair]].end, out=start)
            taken[pair] += 1
        end = np.maximum(start, unit_end[unit])
        if unit == MATRIX:
            rows += sums_made(work.command)
            made.append((rows, work))
        if count := sums_taken(work.command):
            used += count
            while next_made < len(made) and made[next_made][0] <= used:
                product = made[next_made][1]
                np.maximum(end, product.start, out=end)
                end[MATRIX] = max(end[MATRIX], product.order + 1)
                next_made += 1
        end[unit] = work.order + 1
        work.start, work.end = start, end
        unit_start[unit], unit_end[unit] = start, end
        for taker in work.command.signal:
            given[unit, UNITS.index(taker)].append(work)


def overflows(p: AcceleratorParams, works: Sequence[Work]) -> list[str]:
    """Pairs of units that may hold more tokens than TOKENS: one goes on while the other stands still.

    It gets no further than what waits for a command of the other, or comes behind its full queue.
    """
    found = []
    mine = [[work for work in works if work.unit == unit] for unit in range(len(UNITS))]
    for giver, taker in ((a, b) for a, b in PAIRS if mine[a] and mine[b]):
        gives = np.cumsum([0, *(UNITS[taker] in work.command.signal for work in mine[giver])])
        takes = np.cumsum([0, *(UNITS[giver] in work.command.wait for work in mine[taker])])
        numbers = np.array([work.number for work in mine[giver]])
        knows = np.array([work.start[taker] for work in mine[giver]])
        still = np.arange(len(mine[taker]) + 1)  # commands that the taker has started
        behind = np.array([*(work.number for work in mine[taker]), *([len(works)] * (p.queue + 1))])
        reached = np.minimum(
            np.searchsorted(numbers, behind[still + p.queue]), np.searchsorted(knows, still, side="right")
        )
        held = gives[reached] - takes
        if held.max() > TOKENS:
            pair = f"{UNITS[giver]} for {UNITS[taker]}"
            found.append(f"up to {held.max()} tokens of {pair} at once, more than {TOKENS}")
    return found


class Space:
    """The last command of each unit that read or wrote each word: order + 1, or 0. int32 [units, words]

    first  number of word 0
    """

    def __init__(self, name: str, words: int, first: int = 0):
        self.name, self.first = name, first
        self.read = np.zeros((len(UNITS), words), np.int32)
        self.written = np.zeros((len(UNITS), words), np.int32)

    def touch(self, work: Work, reads: np.ndarray, writes: np.ndarray) -> list[tuple[str, int, int]]:
        """Note it; of each unit whose command it conflicts with: (what, unit, order)."""
        known = work.start.copy()
        known[work.unit] = np.iinfo(np.int32).max
        found = []
        for verb, words, earlier, before in (
            ("reads", reads, "writes", self.written),
            ("writes", writes, "writes", self.written),
            ("writes", writes, "reads", self.read),
        ):
            if len(words):
                at = before[:, words]
                for unit in np.flatnonzero(at.max(axis=1) > known):
                    place = int(at[unit].argmax())
                    word = self.first + int(words[place])
                    what = f"{verb} word {word:#x} of {self.name}, which {{}} {earlier}"
                    found.append((what, int(unit), int(at[unit, place]) - 1))
        self.read[work.unit, reads] = work.order + 1
        self.written[work.unit, writes] = work.order + 1
        return found


def conflicts(p: AcceleratorParams, works: Sequence[Work], most: int) -> list[str]:
    """Pairs of commands that nothing orders, the first `most`."""
    mine = [[work for work in works if work.unit == unit] for unit in range(len(UNITS))]
    scratch = Space("the scratchpad", p.words)
    stored = [memory_words(p, work.command) for work in mine[STORE]]
    low = min((int(words[0]) for words in stored), default=0)
    high = max((int(words[-1]) + 1 for words in stored), default=0)
    memory = Space("memory", high - low, low)
    none = np.zeros(0, np.int64)
    found: list[str] = []
    for work in works:
        if work.unit < 0:
            continue
        reads = touched(scratch_reads(p, work.command), p.words)
        writes = touched(scratch_writes(p, work.command), p.words)
        hits = scratch.touch(work, reads, writes)
        if work.unit == LOAD and work.command.opcode != Opcode.FILL:
            first, end = memory_range(p, work.command)
            if first < high and end > low:
                words = memory_words(p, work.command) - low
                hits += memory.touch(work, words[(words >= 0) & (words < high - low)], none)
        elif work.unit == STORE:
            hits += memory.touch(work, none, stored[work.order] - low)
        for what, unit, number in hits:
            other = mine[unit][number]
            found.append(f"{work} {what.format(other)}: no token says that it is done")
        if len(found) >= most:
            break
    return found
