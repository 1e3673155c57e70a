"""MAP's cycles, by stepping through what the vector unit's registers hold, without the values.

Where the same state comes back, the cycles in between are counted again without being stepped through: a
command of any length takes some hundred steps.
"""

from collections.abc import Mapping

from golden.accelerator import scratchpad
from golden.accelerator.elements import BLOCK_WORDS, KIND_WORDS, Kind
from golden.accelerator.fetcher import QUEUE
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams

FRONT = 4  # stages up to the total
BACK = 8  # behind it
PIECEWISE = 3  # more of them, where the function is a piecewise one
DONE = 1  # cycles from the last word written
FIRST_ASK = 2  # cycle, from the command's acceptance on
MARGIN = 12  # vectors or blocks that are stepped through before an end


def latency(p: AcceleratorParams, function: int) -> int:
    """Cycles from a vector's entry into the lanes to its result; `function` as in a command."""
    return FRONT + BACK + (PIECEWISE if function >= FIRST_FUNCTION else 0)


class OperandReader:
    """A fetcher, and the words of a vector that it has delivered.

    asked      words requested so far
    under_way  words on their way, a bit a cycle, bit 0 the oldest
    stored     words in the fetcher's queue
    held       words of the vector that is being assembled
    """

    def __init__(self, words: int, total: int):
        self.words, self.total = words, total
        self.asked = self.under_way = self.stored = self.held = 0

    @property
    def ready(self) -> bool:
        """Whether a whole vector is there."""
        return self.stored > 0 and self.held == self.words - 1

    def step(self, taken: bool, asks: bool = True) -> None:
        """One cycle, in which the vector is taken or not."""
        used = self.stored + self.under_way.bit_count()
        asks = asks and self.asked < self.total and used < QUEUE
        arrives = self.under_way & 1
        if self.stored and (taken or self.held < self.words - 1):
            self.stored -= 1
            self.held = 0 if taken else self.held + 1
        self.stored += arrives
        self.under_way = self.under_way >> 1 | asks << scratchpad.READ_LATENCY - 1
        self.asked += asks

    def state(self, behind: int) -> tuple[int, ...]:
        return self.asked - behind * self.words, self.under_way, self.stored, self.held


class MapRegisters:
    """The vector unit's registers during a MAP.

    sizes  vectors of a result where the command reduces, else of a block; of a block; of the command
    front  marks (last of a result, last of a block) of the vectors before the total, the oldest last, or None
    total  mark (last of a block) of the result that waits behind the total
    back   which of the stages behind the total hold a result, the last stage in bit 0
    left   words that the writer has still to write
    """

    def __init__(self, p: AcceleratorParams, c: Mapping[str, int]):
        self.kinds = [KIND_WORDS[Kind(c[name])] for name in ("a_kind", "b_kind", "out_kind")]
        count0, count1, count2, count3 = (c[f"count{i}"] for i in range(4))
        whole = count0 * count1 * count2 * count3
        block = whole
        if c["p_stride"]:
            block = count0 * count1 * (count2 if c["p_loop"] else 1)
        self.reduce = bool(c["reduce"])
        self.sizes = (count0 * count1 if self.reduce else block, block, whole)
        self.results = whole // (count0 * count1) if self.reduce else whole
        self.operands = [OperandReader(words, words * whole) for words in self.kinds[:2] if words]
        self.blocks = OperandReader(1, BLOCK_WORDS * (whole // block))
        self.stages = latency(p, c["function"]) - FRONT
        self.front: list[tuple[bool, bool] | None] = [None] * (FRONT - 1)
        self.total: bool | None = None
        self.back = self.left = 0
        self.vectors = self.written = 0  # how many went in, results written
        self.block_words = self.blocks_full = 0
        self.cycle = 1

    def step(self) -> None:
        """One cycle."""
        self.cycle += 1
        asks = self.cycle >= FIRST_ASK
        moves_on = self.left <= 1  # the writer takes a result
        result = self.back & 1
        go = (not result or moves_on) and (self.total is None or self.blocks_full > 0)
        goes_in = go and self.vectors < self.sizes[-1] and all(each.ready for each in self.operands)
        for each in self.operands:
            each.step(goes_in, asks)
        takes_block = self.blocks.stored > 0 and self.blocks_full < 2
        self.blocks.step(takes_block, asks)
        if self.left:
            self.left -= 1
            self.written += self.left == 0
        if result and moves_on:
            self.left = self.kinds[2]
            self.back &= ~1
        if go:
            self.advance(goes_in)
        if takes_block:
            self.block_words += 1
            if self.block_words == BLOCK_WORDS:
                self.block_words = 0
                self.blocks_full += 1

    def advance(self, goes_in: bool) -> None:
        """All stages move on."""
        self.back >>= 1
        if self.total is not None:
            self.back |= 1 << self.stages - 1
            self.blocks_full -= self.total
        oldest = self.front.pop()
        self.total = oldest[1] if oldest and oldest[0] else None
        mark = None
        if goes_in:
            self.vectors += 1
            ends = [self.vectors % size == 0 for size in self.sizes]
            mark = (not self.reduce or ends[0], ends[1])
        self.front.insert(0, mark)

    def state(self) -> tuple[object, ...]:
        """Everything that decides what happens next, except the command's progress."""
        readers = [each.state(self.vectors) for each in self.operands]
        ahead = self.blocks.asked - BLOCK_WORDS * (self.vectors // self.sizes[1])
        blocks = (ahead, *self.blocks.state(0)[1:])
        rest = (self.total, self.back, self.left, self.block_words, self.blocks_full)
        return (*readers, *blocks, tuple(self.front), *rest)

    def skip(self, cycles: int, vectors: int, results: int, times: int) -> None:
        """Repeat `times` times a stretch of this many cycles, vectors and results."""
        self.cycle += cycles * times
        self.written += results * times
        before = self.vectors // self.sizes[1]
        self.vectors += vectors * times
        for each in self.operands:
            each.asked += each.words * vectors * times
        self.blocks.asked += BLOCK_WORDS * (self.vectors // self.sizes[1] - before)


def cycles(p: AcceleratorParams, command: Mapping[str, int]) -> int:
    """Cycles from a MAP's acceptance to its `done`, unstalled."""
    steps = MapRegisters(p, command)
    # What follows depends on the state and on what is left alone. So where a state comes back within the same
    # loop, the cycles in between repeat until that loop ends: they are counted, not stepped through. The last
    # MARGIN vectors or blocks before the end are stepped, since the registers see the end from there.
    # What was met at the beginning of a vector, a result, a block: state -> cycle, vectors, written
    units = (1, *steps.sizes[:2])
    met: list[dict[object, tuple[int, int, int]]] = [{}, {}, {}]
    seen = -1
    while steps.written < steps.results:
        steps.step()
        if steps.vectors == seen:
            continue
        seen = steps.vectors
        for level, (unit, bound) in enumerate(zip(units, steps.sizes, strict=True)):
            if seen % bound == 0:
                met[level].clear()
            if seen % unit or unit == bound:
                continue
            now = (steps.cycle, seen, steps.written)
            cycle, vectors, written = met[level].setdefault(steps.state(), now)
            left = (bound - seen % bound) // unit - MARGIN
            times = left * unit // (seen - vectors) if seen > vectors else 0
            if times > 0:
                steps.skip(steps.cycle - cycle, seen - vectors, steps.written - written, times)
                seen = steps.vectors
                met[level].clear()
    return steps.cycle + DONE
