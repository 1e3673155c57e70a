"""Scratchpad allocation: the regions, and the order of buffers in them.

    left     3/8  operands that stream into the array; the vector unit's first operand
    b        1/8  the vector unit's second operand; computed weights
    out      1/8  results
    weights  3/8  constants: weights, parameters, tables

Operands that are read in the same cycles so stand in different banks. A buffer may be overwritten as soon as
the program no longer needs it: tokens (see the module `dependencies`) keep the units apart.
"""

from dataclasses import dataclass, field

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams


@dataclass(slots=True)
class Ring:
    """A ring of buffers, one behind the other, starting over where the region's end is too near.

    Buffers of one step stay disjoint if together they take at most half the region; a single buffer may take
    all of it.
    """

    start: int
    words: int
    next: int = 0
    held: tuple[int, int] = (0, 0)

    def take(self, words: int) -> int:
        """The address of a new buffer."""
        assert 0 < words <= self.words, f"a buffer of {words} words in a region of {self.words}"
        for _ in range(3):
            if self.next + words > self.words:
                self.next = 0
            begin, end = self.held
            if self.next + words <= begin or end <= self.next:
                break
            self.next = end
        else:
            raise AssertionError(f"a buffer of {words} words beside one that is held, {self.held}")
        address = self.start + self.next
        self.next += words
        return address

    def take_twice(self, words: int) -> int:
        """The address of a new buffer beside which another as large fits, wherever the held buffer stands."""
        assert 0 < 2 * words <= self.words, f"twice a buffer of {words} words in a region of {self.words}"
        begin, end = self.held
        for at in (self.next, 0, end):
            apart = at + words <= begin or end <= at
            if apart and at + words <= self.words and (at >= words or at + 2 * words <= self.words):
                self.next = at + words
                return self.start + at
        raise AssertionError(f"a buffer of {words} words beside one that is held, {self.held}")

    def hold(self, address: int, words: int) -> None:
        """Keep a buffer until the next is held, or `let_go`."""
        self.held = (address - self.start, address - self.start + words)

    def let_go(self) -> None:
        """Hold no buffer any longer."""
        self.held = (0, 0)


@dataclass(slots=True, eq=False)
class Chunk:
    """Constants that are loaded together.

    offset   bytes into the constants
    scratch  its address in the scratchpad, once loaded
    last     the last step that needs it
    """

    offset: int
    words: int
    scratch: int = -1
    last: int = -1


@dataclass(slots=True)
class ChunkRing:
    """Chunks in their region: each stays until it is released; a new one takes any free room."""

    start: int
    words: int
    next: int = 0
    live: list[Chunk] = field(default_factory=list)

    def place(self, chunk: Chunk) -> bool:
        """Give the chunk its address, if there is room for it."""
        ends = sorted(other.scratch - self.start + other.words for other in self.live)
        later = [end for end in ends if end > self.next]
        for begin in (self.next, *later, 0, *ends):
            if begin + chunk.words <= self.words and self.free(begin, chunk.words):
                chunk.scratch, self.next = self.start + begin, begin + chunk.words
                self.live.append(chunk)
                return True
        return False

    def free(self, begin: int, words: int) -> bool:
        """Whether no live chunk stands there."""
        first = self.start + begin
        return all(
            other.scratch + other.words <= first or first + words <= other.scratch for other in self.live
        )

    def release(self, before: int) -> None:
        """Forget chunks whose last step is before this one."""
        self.live = [chunk for chunk in self.live if chunk.last >= before]


class Regions:
    """The regions of a scratchpad of `p.words` words."""

    def __init__(self, p: AcceleratorParams):
        eighth = p.words // 8
        self.left = Ring(0, 3 * eighth)
        self.b = Ring(3 * eighth, eighth)
        self.out = Ring(4 * eighth, eighth)
        self.weights = ChunkRing(5 * eighth, p.words - 5 * eighth)


class Constants:
    """The program's constants, word by word; equal words are stored once."""

    def __init__(self, lanes: int):
        self.lanes = lanes
        self.parts: list[np.ndarray] = []
        self.bytes = 0
        self.known: dict[bytes, int] = {}

    def add(self, words: np.ndarray) -> int:
        """Add uint8 [words, lanes]; returns their offset in bytes."""
        data = np.ascontiguousarray(words, np.uint8).reshape(-1)
        assert len(data) % self.lanes == 0
        key = data.tobytes()
        if key not in self.known:
            self.known[key] = self.bytes
            self.parts.append(data)
            self.bytes += len(data)
        return self.known[key]

    def chunk(self, *words: np.ndarray) -> Chunk:
        """A chunk of these, one behind the other."""
        data = np.concatenate([each.reshape(-1, self.lanes) for each in words])
        return Chunk(self.add(data), len(data))

    def again(self, chunk: Chunk) -> Chunk:
        """A second chunk of the same constants, to load them another time."""
        return Chunk(chunk.offset, chunk.words)

    def image(self) -> np.ndarray:
        """All constants, uint8 [bytes]."""
        return np.concatenate([*self.parts, np.zeros(0, np.uint8)])


def refuse(name: str, need: str, words: int, has: int) -> check.BadValue:
    """The error of an operation that no tiling fits."""
    return check.BadValue(
        f"operation {name}: {need} takes {words} words of the scratchpad; allowed: 1 to {has} (its region)"
    )
