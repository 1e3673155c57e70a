"""The footprint of a command: the words of the scratchpad and of memory, and the rows of streams, that it
touches.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from golden.accelerator.elements import KIND_WORDS, Kind

Loop = tuple[int, int]  # count, stride; of several, the first is the innermost
Walk = tuple[int, Sequence[Loop]]  # base, loops
Fields = Mapping[str, int]
MEMORY_SIZE = 1 << 32
FEW = 1 << 16  # bits that are quicker to set than addresses to sort
MANY = 1 << 12  # addresses that are worth looking for equal ones among
MOVE_LOOPS = (1, 2, 3)  # over runs of words, of what moves words


@dataclass(frozen=True, slots=True)
class Footprint:
    """The footprint of one command.

    reads, writes  walks over the scratchpad's words
    memory         walk over the bytes of memory's words, None where the command leaves memory alone; a
                   GATHER's
                   covers all rows of its table, since any of them may be read
    begins         by stream: rows that the command begins, which occupy room in the unit until they are taken
    gives, takes   by stream: rows that the command completes, so that they can be taken; rows that it takes
    """

    reads: Sequence[Walk] = ()
    writes: Sequence[Walk] = ()
    memory: Walk | None = None
    begins: Mapping[str, int] = field(default_factory=dict)
    gives: Mapping[str, int] = field(default_factory=dict)
    takes: Mapping[str, int] = field(default_factory=dict)


def touched(walks: Iterable[Walk], modulus: int) -> np.ndarray:
    """The addresses of several walks, each once, modulo the size of the scratchpad or of memory;
    int64 [n]."""
    found = [np.zeros(0, np.int64)]
    for base, loops in walks:
        reached = np.array([base % modulus], np.int64)
        for count, stride in sorted(loops):
            if stride and count > 1:
                reached = (np.arange(count, dtype=np.int64)[:, None] * stride + reached).ravel() % modulus
                if len(reached) > MANY:
                    reached = each_once(reached, modulus)
        found.append(reached)
    return each_once(np.concatenate(found), modulus)


def each_once(addresses: np.ndarray, modulus: int) -> np.ndarray:
    """Addresses below `modulus` in order, each once."""
    if modulus > FEW:
        return np.unique(addresses)
    there = np.zeros(modulus, bool)
    there[addresses] = True
    return np.flatnonzero(there)


def loops_of(command: Fields, stride: str, numbers: Iterable[int]) -> list[Loop]:
    """The loops with these numbers; stride: the name of the stride's field, without its number."""
    return [(command[f"count{i}"], command[f"{stride}{i}"]) for i in numbers]


def vectors(command: Fields, name: str, kind: int, numbers: Iterable[int]) -> Walk:
    """A walk over vectors of a kind: its base is the field `name`, its strides have names that begin with
    `name`."""
    return command[name], [(KIND_WORDS[Kind(kind)], 1), *loops_of(command, f"{name}_stride", numbers)]


def scratch_runs(command: Fields) -> Walk:
    """The walk over the scratchpad of a command that moves runs of words."""
    return command["scratch"], [(command["words"], 1), *loops_of(command, "scratch_stride", MOVE_LOOPS)]


def memory_runs(lanes: int, command: Fields) -> Walk:
    """The walk over memory, in bytes, of a command that moves runs of words."""
    return command["address"], [(command["words"], lanes), *loops_of(command, "address_stride", MOVE_LOOPS)]


def words_of_memory(lanes: int, walk: Walk) -> np.ndarray:
    """Bus words that a walk over memory touches: their numbers, int64 [n], each once."""
    return touched([walk], MEMORY_SIZE) // lanes


def range_of_memory(lanes: int, walk: Walk) -> tuple[int, int]:
    """The first bus word of a walk and one past the last, or the whole memory where the walk wraps."""
    base, loops = walk
    reach = [(count - 1) * stride for count, stride in loops]
    low, high = base + sum(min(0, r) for r in reach), base + sum(max(0, r) for r in reach)
    if low < 0 or high >= MEMORY_SIZE:
        return 0, MEMORY_SIZE // lanes
    return low // lanes, high // lanes + 1
