"""Words between memory and scratchpad: the runs that LOAD, GATHER and STORE ask the memory port for."""

from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np

from golden.accelerator import fetcher, walk
from golden.accelerator.commands import Field, count, place, signed
from golden.accelerator.footprints import MOVE_LOOPS, Fields
from golden.accelerator.params import AcceleratorParams

Run = tuple[int, int]  # address, bytes

LOOPS = len(MOVE_LOOPS)  # over runs
PENDING = 8  # commands started and not done
HELD = 1  # cycles from a command accepted to its start
START = HELD + walk.LATENCY  # to its first run
QUEUED = 2  # cycles that a command's walk over the scratchpad waits in its queue
ROW = 3  # cycles from a row number's word to its run: number, product, address
NUMBERS = HELD + fetcher.LATENCY + ROW  # from a GATHER to its first run


def move() -> tuple[Field, ...]:
    """Fields of LOAD and STORE: runs of words, three loops of them."""
    return (
        place("address", "of the first run in memory, bytes", 32),
        place("scratch", "of the first run in the scratchpad"),
        count("words", "of a run, one after the other in both"),
        *(count(f"count{i}", f"of loop {i}") for i in MOVE_LOOPS),
        *(signed(f"address_stride{i}", 32, f"of loop {i} in memory, bytes") for i in MOVE_LOOPS),
        *(signed(f"scratch_stride{i}", 16, f"of loop {i} in the scratchpad") for i in MOVE_LOOPS),
    )


def runs(p: AcceleratorParams, command: Fields) -> Iterator[Run]:
    """(address, bytes) of each run of a LOAD or STORE, in order."""
    length = command["words"] * p.lanes
    loops = [
        [i * command[f"address_stride{loop}"] for i in range(command[f"count{loop}"])] for loop in (3, 2, 1)
    ]
    mask = (1 << walk.MEMORY_BITS) - 1
    return ((command["address"] + sum(steps) & mask, length) for steps in product(*loops))


def rows(p: AcceleratorParams, command: Fields, numbers: Iterable[int]) -> Iterator[Run]:
    """(address, bytes) of each row of a GATHER, in order. numbers: row numbers."""
    length, mask = command["words"] * p.lanes, (1 << walk.MEMORY_BITS) - 1
    for number in numbers:
        yield command["address"] + int(number) * command["address_stride1"] & mask, length


def words(command: Fields) -> int:
    """Words that a command writes, or that a STORE reads; a GATHER has a single loop."""
    return command["words"] * int(np.prod([command.get(f"count{i}", 1) for i in MOVE_LOOPS], dtype=np.int64))
