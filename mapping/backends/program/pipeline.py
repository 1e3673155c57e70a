"""A model of the units' pipeline: when each unit has done its part of each step, from the cycles of the
parts.

    load     weights 0 | operands 0 | weights 1 | operands 1 | ...
    matrix                            step 0      | step 1     ...
    vector                              tile by tile, behind the matrix unit's sums
    store                                            | step 0   | step 1

A unit does its parts in order. Constants are loaded ahead, without waiting for results, by the rule of
mapping.backends.program.prefetch, else as soon as the step three before has released its own. Operands wait
until their rows are stored and their region has room; sums wait until the vector unit is at most one step
behind; results wait until those of the step before the last are stored.

Not modelled: commands that have not been fetched, and constants that several steps share. How far this is
from golden.accelerator.timing: `python -m benchmarks closed_form`, and the test beside it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS, KIND_WORDS, Kind
from golden.accelerator.moves import words as words_moved
from golden.accelerator.multiply import tiles_of
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.accelerator.units import unit
from golden.division import ceil_div
from mapping.backends.program.prefetch import AHEAD, GROWTH, MOST, SHORT, START
from mapping.backends.program.scratchpad_allocation import Regions
from mapping.backends.program.steps_taken import TakenStep

ON_THE_WAY = 6  # cycles of a word's way from the memory and of a result's way to it, beside the memory's
ANSWERED = 10  # cycles for which a burst holds its slot, beside the memory's and its words
BEHIND = 30  # cycles from the last vector of a tile to its results, about
MAP = 22  # cycles of a MAP beyond its vectors, about
LIVE = 3  # steps whose weights are in the scratchpad together


@dataclass(frozen=True, slots=True)
class StepCycles:
    """Cycles of a step on each unit, and of its first tile of sums. table: of loading a table into the vector
    unit, for which no operand is awaited; loads: whether it has operands of its own; operands: their words
    in the region of left operands."""

    load: float
    matrix: int
    tile: int
    table: int
    vector: int
    store: float
    loads: bool
    operands: int


def step_cycles(
    p: AcceleratorParams, latency: int, loads: Sequence[Command], work: Sequence[Command]
) -> StepCycles:
    """The StepCycles of a step's commands."""
    commands = [*loads, *work]
    products = [each for each in work if each.opcode == Opcode.MULTIPLY]
    cycles = [unit(each.unit).work(p, each) for each in products]
    moves = [each for each in commands if each.opcode in (Opcode.LOAD, Opcode.GATHER)]
    fills = [each for each in commands if each.opcode == Opcode.FILL]
    left = Regions(p).left.words
    words = sum(bus(p, each, latency, p.read.outstanding) for each in moves)
    fetched = len(commands) * COMMAND_BYTES // p.lanes
    return StepCycles(
        load=sum(words_moved(each.fields) for each in fills) + fetched + words,
        matrix=sum(cycles),
        tile=cycles[0] // tiles_of(products[0].fields) if products else 0,
        table=sum(vector(p, each) for each in work if each.opcode == Opcode.TABLE),
        vector=sum(vector(p, each) for each in work if each.opcode != Opcode.TABLE),
        store=sum(
            bus(p, each, latency, p.write.outstanding) for each in work if each.opcode == Opcode.STORE
        ),
        loads=bool(moves),
        operands=sum(words_moved(each.fields) for each in (*moves, *fills) if each.fields["scratch"] < left),
    )


def bus(p: AcceleratorParams, command: Command, latency: int, outstanding: int) -> float:
    """Cycles of a command's words on the bus, or of its bursts where they are so short that slots are the
    limit."""
    words, run, longest = words_moved(command.fields), command.fields["words"], p.read.longest_burst
    # one that begins anywhere ends in a burst more
    bursts = words // run * (ceil_div(run + longest // 2, longest) if run % longest else run // longest)
    return max(words, bursts * (latency + ANSWERED) / outstanding)


def vector(p: AcceleratorParams, command: Command) -> int:
    """Approximate cycles of a command on the vector unit, or another behind the array; of a MAP: its slowest
    stream of words, or its parameters."""
    its = unit(command.unit)
    if its.MEMORY or command.opcode == Opcode.MULTIPLY:
        return 0
    if command.opcode != Opcode.MAP:
        return its.work(p, command)
    f = command.fields
    a, b, out = (KIND_WORDS[Kind(f[name])] for name in ("a_kind", "b_kind", "out_kind"))
    vectors = f["count0"] * f["count1"] * f["count2"] * f["count3"]
    results = f["count2"] * f["count3"] if f["reduce"] else vectors
    blocks = f["count3"] * (1 if f["p_loop"] else f["count2"]) if f["p_stride"] else 1
    return max(vectors * max(a, b, 1), results * out, blocks * BLOCK_WORDS) + MAP


class Pipeline:
    """The state of the units. stored: by a tensor's place, (share of its rows that are stored, cycle)."""

    def __init__(self, p: AcceleratorParams, latency: int, inputs: Iterable[str]):
        self.way = latency + ON_THE_WAY
        self.command = COMMAND_BYTES // p.lanes
        self.load = self.matrix = self.vector = self.store = 0.0
        self.used: deque[float] = deque([0.0] * LIVE, maxlen=LIVE)  # ends of the last steps
        self.room = Regions(p).left.words  # for operands
        self.tiles: deque[tuple[int, float]] = deque()  # words of operands, and when they have been used
        self.out: deque[float] = deque([0.0, 0.0], maxlen=2)  # of their stores
        self.stored: dict[str, list[tuple[float, float]]] = {name: [(1.0, 0.0)] for name in inputs}
        self.constants = Regions(p).weights.words
        self.live: deque[int] = deque([0] * LIVE, maxlen=LIVE)  # words of constants of the last steps
        self.ahead: deque[tuple[int, float]] = deque()  # of the next ones, and when they are there
        self.granted = 0.0
        self.written: set[str] = set()  # since somebody had to wait for them

    def ready(self, places: Iterable[str], share: float) -> float:
        """The cycle from which on this share of the rows of the tensors can be loaded."""
        found = 0.0
        for place in places:
            known = self.stored.get(place, [])
            there = (cycle for part, cycle in known if part >= share - 1e-9)
            found = max(found, next(there, known[-1][1] if known else 0.0))
        return found

    def prefetch(self, coming: Sequence[TakenStep], words: float) -> None:
        """Load constants of the next steps, as mapping.backends.program.prefetch does."""
        self.granted = min(self.granted + words, MOST)
        for number in range(len(self.ahead), len(coming)):
            count = coming[number].constants
            taken = sum(self.live) + sum(own for own, _ in self.ahead)
            if (self.granted <= 0 and number >= AHEAD) or taken + count > self.constants:
                return
            self.load += count + self.command if count else 0
            self.granted -= count
            self.ahead.append((count, self.load + self.way if count else 0.0))

    def constants_of(self, taken: TakenStep) -> float:
        """The cycle in which a step's constants are there: loaded ahead, or now."""
        count, there = self.ahead.popleft() if self.ahead else (taken.constants, -1.0)
        if there < 0 and count:
            self.load = max(self.load, self.used[0]) + count + self.command
            there = self.load + self.way
        self.live.append(count)
        return there

    def step(
        self, taken: TakenStep, parts: StepCycles, reads: Sequence[str], writes: Sequence[str],
        coming: Sequence[TakenStep],
    ) -> float:  # fmt: skip
        """Simulate the next step; returns the cycle in which its work is done. reads, writes: places of
        tensors. coming: the steps behind it."""
        there = self.constants_of(taken)
        if not self.written.isdisjoint(reads):
            self.written.difference_update(reads)
            self.prefetch(coming, START)
        if parts.loads:
            self.load = max(self.load, self.ready(reads, taken.step.part[0]))
            while self.tiles and self.room < parts.operands:
                words, used = self.tiles.popleft()
                self.room, self.load = self.room + words, max(self.load, used)
            self.load += parts.load
            there = max(there, self.load + self.way)
        else:
            self.load += parts.load
        done = self.work(parts, there)
        self.used.append(done)
        if parts.loads:
            self.tiles.append((parts.operands, done))
            self.room -= parts.operands
        elif self.tiles:
            self.tiles[-1] = self.tiles[-1][0], done
        self.store = max(self.store, self.vector if parts.vector else done) + parts.store
        self.out.append(self.store)
        self.written.update(writes)
        if taken.step.ahead:
            self.prefetch(coming, GROWTH * taken.constants or SHORT)
        if taken.step.part[1]:
            for place in writes:
                self.stored.setdefault(place, []).append((taken.step.part[1], self.store + self.way))
        return done

    def work(self, parts: StepCycles, there: float) -> float:
        """Simulate the matrix and vector unit's parts of a step, whose operands are there in cycle `there`;
        returns the cycle in which these have been used."""
        if parts.matrix:
            begin = max(self.matrix, there, self.vector - parts.matrix)
            self.matrix = begin + parts.matrix
            begin = max(self.vector + parts.table, begin + parts.tile + BEHIND, self.out[0])
            self.vector = max(begin + parts.vector, self.matrix + BEHIND)
            return self.matrix
        if parts.vector:
            self.vector = max(self.vector + parts.table, there, self.out[0]) + parts.vector
            return self.vector
        return there

    def end(self) -> float:
        """The cycle in which all results are stored."""
        return max(self.store + self.way, self.matrix, self.vector)
