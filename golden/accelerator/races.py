"""Races: whether a program has one effect, that of its commands one by one, whatever the units' pace.

Two commands of different units conflict where both touch a word of the scratchpad or of memory and one writes
it. Then the first of them in the program must be done before the other starts, and one of these must ensure
it:

- a command starts after the `done` of the commands whose tokens it takes; a unit's n-th token for another
  unit
  is the n-th token that the other unit takes
- a unit starts its commands in order and is done with them in order
- a command that takes rows of a stream is done after all reads of each command whose last row it has taken
- a command behind a FENCE starts when all commands before it are done

No other order is assumed: a program that passes is free of races at every latency.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from golden.accelerator.assembler import Command
from golden.accelerator.commands import TOKENS
from golden.accelerator.footprints import Footprint, Walk, range_of_memory, touched, words_of_memory
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import streams, unit

Known = np.ndarray  # int64 [units]: how many commands of each unit are done


@dataclass(slots=True)
class Work:
    """A command. number: in the program; unit: index in p.present, -1 for control; order: among the unit's
    commands.

    footprint   what it touches
    start, end  which commands are known to be done when it starts, and when it is done; filled in by `order`
    """

    command: Command
    number: int
    unit: int
    order: int
    footprint: Footprint
    start: Known = field(default_factory=lambda: np.zeros(0, np.int64))
    end: Known = field(default_factory=lambda: np.zeros(0, np.int64))

    def __str__(self) -> str:
        return f"command {self.number} ({self.command.opcode.name})"


def check(p: AcceleratorParams, commands: Sequence[Command], most: int = 8) -> list[str]:
    """Findings about a program, at most `most`; none if it is well formed. END is its last command."""
    works = numbered(p, commands)
    found = tokens_and_rows(p, works)
    if not found:
        found = stuck(p, works)
    if not found:
        order(p, works)
        found = overflows(p, works) + conflicts(p, works, most)
    return found[:most]


def numbered(p: AcceleratorParams, commands: Sequence[Command]) -> list[Work]:
    """The commands, each with its number, unit, order and footprint."""
    counts = dict.fromkeys((*p.present, "control"), 0)
    works = []
    for number, command in enumerate(commands):
        name = command.unit
        index = p.present.index(name) if name in p.present else -1
        footprint = unit(name).footprint(p, command) if name in p.present else Footprint()
        works.append(Work(command, number, index, counts[name], footprint))
        counts[name] += 1
    return works


def tokens_and_rows(p: AcceleratorParams, works: Sequence[Work]) -> list[str]:
    """Tokens and rows of streams that are taken before a command gives them, in program order, or that none
    gives."""
    found = []
    tokens = {(giver, taker): 0 for giver in p.present for taker in p.present}
    rows = dict.fromkeys(streams(p.present), 0)
    states = {name: unit(name).State(p) for name in p.present}
    for work in works:
        if work.unit >= 0:
            name = p.present[work.unit]
            if why := states[name].add(work.command):
                found.append(f"{work}: {why}")
            for giver in work.command.wait:
                tokens[giver, name] -= 1
                if tokens[giver, name] < 0:
                    found.append(f"{work} waits for a token of {giver} that no command before it gives")
                    tokens[giver, name] = 0
            for taker in work.command.signal:
                tokens[name, taker] += 1
        for stream in rows:
            rows[stream] += work.footprint.gives.get(stream, 0) - work.footprint.takes.get(stream, 0)
            if rows[stream] < 0:
                found.append(f"{work} takes {-rows[stream]} rows of {stream} that no command before it makes")
                rows[stream] = 0
    found += [f"{count} tokens of {a} for {b} are left" for (a, b), count in tokens.items() if count]
    left = sum(rows.values()) + sum(state.left() for state in states.values())
    return found + [f"{left} rows of {' and '.join(rows)} are left"] * (left > 0)


class StreamRows:
    """Rows of a stream made and taken by commands that have started, and by commands that are done.

    A command of the giver can be done when its rows that no command has begun to take fit into the stream's
    room; a command of the taker when the commands that make its rows have started.
    """

    def __init__(self, p: AcceleratorParams, stream: str, giver: str, taker: str):
        self.stream, self.giver, self.taker = stream, p.present.index(giver), p.present.index(taker)
        room = unit(giver).STREAMS[stream].room
        self.room = room(p) if room else 0
        self.made = self.taken = self.begun_by_done = self.taken_by_done = 0

    def start(self, footprint: Footprint) -> None:
        """A command of either unit has started."""
        self.made += footprint.gives.get(self.stream, 0)
        self.taken += footprint.takes.get(self.stream, 0)

    def may_end(self, unit: int, footprint: Footprint) -> bool:
        """Whether the next command of `unit` can be done."""
        if unit == self.giver:
            return self.begun_by_done + footprint.begins.get(self.stream, 0) - self.taken <= self.room
        return unit != self.taker or self.taken_by_done + footprint.takes.get(self.stream, 0) <= self.made

    def end(self, footprint: Footprint) -> None:
        """A command of either unit is done."""
        self.begun_by_done += footprint.begins.get(self.stream, 0)
        self.taken_by_done += footprint.takes.get(self.stream, 0)


def stuck(p: AcceleratorParams, works: Sequence[Work]) -> list[str]:
    """Deadlocks of a program whose tokens all come: full queues and full streams that stop it for ever."""
    units = range(len(p.present))
    mine = [[work for work in works if work.unit == unit] for unit in units]
    tokens = dict.fromkeys(((a, b) for a in p.present for b in p.present), 0)
    started, done = [0 for _ in units], [0 for _ in units]
    given = 0  # commands that went to their queues
    rows = [StreamRows(p, stream, *ends) for stream, ends in streams(p.present).items()]
    moving = True

    def may_start(unit: int) -> bool:
        if started[unit] == len(mine[unit]) or mine[unit][started[unit]].number >= given:
            return False
        return all(tokens[giver, p.present[unit]] for giver in mine[unit][started[unit]].command.wait)

    def may_end(unit: int) -> bool:
        if done[unit] == started[unit]:
            return False
        return all(each.may_end(unit, mine[unit][done[unit]].footprint) for each in rows)

    while moving:
        moving = False
        while given < len(works) and may_give(p, works[given], started, done, mine):
            given += 1
            moving = True
        for index in units:
            name = p.present[index]
            while may_start(index):
                work = mine[index][started[index]]
                for giver in work.command.wait:
                    tokens[giver, name] -= 1
                for each in rows:
                    each.start(work.footprint)
                started[index] += 1
                moving = True
            while may_end(index):
                work = mine[index][done[index]]
                for each in rows:
                    each.end(work.footprint)
                for taker in work.command.signal:
                    tokens[name, taker] += 1
                done[index] += 1
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
    """Whether control can put a command into its queue; a command of control itself needs all before
    it done."""
    if work.unit >= 0:
        return work.order - started[work.unit] < p.queue
    pairs = zip(mine, done, strict=True)
    return all(count == len(each) or each[count].number > work.number for each, count in pairs)


class Makers:
    """The commands that make the rows of a stream, in order: (rows up to and including this command's,
    command)."""

    def __init__(self) -> None:
        self.made: list[tuple[int, Work]] = []
        self.rows = self.used = self.next = 0

    def add(self, work: Work, rows: int) -> None:
        """Add a command that makes `rows` rows."""
        self.rows += rows
        self.made.append((self.rows, work))

    def take(self, rows: int) -> list[Work]:
        """Take rows; returns the commands all of whose rows have been taken by then."""
        self.used += rows
        found = []
        while self.next < len(self.made) and self.made[self.next][0] <= self.used:
            found.append(self.made[self.next][1])
            self.next += 1
        return found


def order(p: AcceleratorParams, works: Sequence[Work]) -> None:
    """Fill in each command's `start` and `end`."""
    units = len(p.present)
    unit_start = [np.zeros(units, np.int64) for _ in range(units)]  # of each unit's command before
    unit_end = [np.zeros(units, np.int64) for _ in range(units)]
    given: dict[tuple[str, str], list[Work]] = {(a, b): [] for a in p.present for b in p.present}
    taken = dict.fromkeys(given, 0)
    makers = {stream: (p.present.index(giver), Makers()) for stream, (giver, _) in streams(p.present).items()}
    counts = np.zeros(units, np.int64)
    for work in works:
        unit, name = work.unit, p.present[work.unit]
        if unit < 0:  # FENCE: all is done
            for each in range(units):
                unit_start[each] = counts.copy()
            continue
        counts[unit] += 1
        start = unit_start[unit].copy()
        for giver in work.command.wait:
            np.maximum(start, given[giver, name][taken[giver, name]].end, out=start)
            taken[giver, name] += 1
        end = np.maximum(start, unit_end[unit])
        for stream, (maker, rows) in makers.items():
            if unit == maker:
                rows.add(work, work.footprint.gives.get(stream, 0))
            if count := work.footprint.takes.get(stream, 0):
                for product in rows.take(count):
                    np.maximum(end, product.start, out=end)
                    end[maker] = max(end[maker], product.order + 1)
        end[unit] = work.order + 1
        work.start, work.end = start, end
        unit_start[unit], unit_end[unit] = start, end
        for taker in work.command.signal:
            given[name, taker].append(work)


def overflows(p: AcceleratorParams, works: Sequence[Work]) -> list[str]:
    """Pairs of units that may hold more than TOKENS tokens: the giver runs on while the taker stands still.

    The giver gets no further than a command that waits for one of the taker's, or that is queued behind its
    full queue.
    """
    found = []
    mine = {name: [work for work in works if work.command.unit == name] for name in p.present}
    for giver, taker in ((a, b) for a in p.present for b in p.present if mine[a] and mine[b]):
        gives = np.cumsum([0, *(taker in work.command.signal for work in mine[giver])])
        takes = np.cumsum([0, *(giver in work.command.wait for work in mine[taker])])
        numbers = np.array([work.number for work in mine[giver]])
        knows = np.array([work.start[p.present.index(taker)] for work in mine[giver]])
        still = np.arange(len(mine[taker]) + 1)  # commands that the taker has started
        behind = np.array([*(work.number for work in mine[taker]), *([len(works)] * (p.queue + 1))])
        reached = np.minimum(
            np.searchsorted(numbers, behind[still + p.queue]), np.searchsorted(knows, still, side="right")
        )
        held = gives[reached] - takes
        if held.max() > TOKENS:
            found.append(f"up to {held.max()} tokens of {giver} for {taker} at once, more than {TOKENS}")
    return found


class AccessHistory:
    """The last command of each unit that read or wrote each word: order + 1, or 0. int32 [units, words]

    first  number of word 0
    """

    def __init__(self, name: str, units: int, words: int, first: int = 0):
        self.name, self.first = name, first
        self.read = np.zeros((units, words), np.int32)
        self.written = np.zeros((units, words), np.int32)

    def touch(self, work: Work, reads: np.ndarray, writes: np.ndarray) -> list[tuple[str, int, int]]:
        """Record a command's reads and writes; returns (what, unit, order) of the commands that it conflicts
        with."""
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
    """Pairs of conflicting commands that nothing orders, the first `most`."""
    units = len(p.present)
    mine = [[work for work in works if work.unit == unit] for unit in range(units)]
    scratch = AccessHistory("the scratchpad", units, p.words)
    stored = {work.number: words_of_memory(p.lanes, walk) for work, walk in moving(p, works, "write")}
    low = min((int(words[0]) for words in stored.values()), default=0)
    high = max((int(words[-1]) + 1 for words in stored.values()), default=0)
    memory = AccessHistory("memory", units, high - low, low)
    loaded = {work.number: walk for work, walk in moving(p, works, "read")}
    none = np.zeros(0, np.int64)
    found: list[str] = []
    for work in works:
        if work.unit < 0:
            continue
        reads = touched(work.footprint.reads, p.words)
        writes = touched(work.footprint.writes, p.words)
        hits = scratch.touch(work, reads, writes)
        if work.number in loaded:
            first, end = range_of_memory(p.lanes, loaded[work.number])
            if first < high and end > low:
                words = words_of_memory(p.lanes, loaded[work.number]) - low
                hits += memory.touch(work, words[(words >= 0) & (words < high - low)], none)
        elif work.number in stored:
            hits += memory.touch(work, none, stored[work.number] - low)
        for what, index, number in hits:
            other = mine[index][number]
            found.append(f"{work} {what.format(other)}: no token says that it is done")
        if len(found) >= most:
            break
    return found


def moving(p: AcceleratorParams, works: Sequence[Work], what: str) -> list[tuple[Work, Walk]]:
    """The commands that read memory, or that write it, and the range of bytes that they touch."""
    kinds = [unit(name).MEMORY for name in p.present]
    return [(work, work.footprint.memory) for work in works
            if work.unit >= 0 and kinds[work.unit] == what and work.footprint.memory]  # fmt: skip
