"""The load unit: LOAD (memory to scratchpad), FILL (the same two bytes everywhere), GATHER (rows by number).

What they do to the scratchpad is in golden.accelerator.interpreter. Here is which runs of words they ask
the memory port for, and when they are done.

A LOAD's runs are asked for one a cycle, and its words placed one a cycle as they come; at most PENDING
commands are inside, so the runs of the next ones are asked for while words of the former are under way. A
GATHER begins when all before it is done, for that may bring its row numbers; then it asks for a row a cycle.
Words are placed in the order of commands. A run whose status is not OKAY, or a row number that is not below
the limit (also a negative one: numbers are compared unsigned), ends all: a fault, until the unit is reset.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from golden import check
from golden.accelerator import fetcher, walk
from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from golden.axi import read

Command = Mapping[str, int]  # the fields of LOAD, FILL, GATHER or STORE
Run = tuple[int, int]  # address, bytes

LOOPS = 3  # over runs
PENDING = 8  # commands started and not done
HELD = 1  # cycles from a command accepted to its start
START = HELD + walk.LATENCY  # to its first run
DONE = 1  # cycles from the last word to `done`
QUEUED = 2  # cycles that a command's walk over the scratchpad waits in its queue
ROW = 3  # cycles from a row number's word to its run: number, product, address
NUMBERS = HELD + fetcher.LATENCY + ROW  # from a GATHER to its first run


def runs(p: AcceleratorParams, command: Command) -> Iterator[Run]:
    """(address, bytes) of each run of a LOAD or STORE, in order."""
    length = command["words"] * p.lanes
    loops = [
        [i * command[f"address_stride{loop}"] for i in range(command[f"count{loop}"])] for loop in (3, 2, 1)
    ]
    mask = (1 << walk.MEMORY_BITS) - 1
    return ((command["address"] + sum(steps) & mask, length) for steps in product(*loops))


def rows(p: AcceleratorParams, command: Command, numbers: Iterable[int]) -> Iterator[Run]:
    """(address, bytes) of each row of a GATHER, in order. numbers: of the rows."""
    length, mask = command["words"] * p.lanes, (1 << walk.MEMORY_BITS) - 1
    for number in numbers:
        yield command["address"] + int(number) * command["address_stride1"] & mask, length


def words(opcode: Opcode, command: Command) -> int:
    """Words that a command writes, or a STORE reads."""
    loops = 1 if opcode == Opcode.GATHER else LOOPS
    return command["words"] * int(np.prod([command[f"count{i + 1}"] for i in range(loops)], dtype=np.int64))


def cycles(
    p: AcceleratorParams,
    opcode: Opcode,
    command: Command,
    memory_latency: int,
    numbers: Sequence[int] = (),
) -> int:
    """Cycles from the command accepted to `done`, both counted.

    memory_latency  cycles from AR accepted to the burst's first beat, at least 1
    numbers         of a GATHER's rows

    Exact for a unit that is idle and alone at memory port and scratchpad, if the memory is as
    golden.axi.read.cycles says, and no run is refused. For several commands: golden.accelerator.move_timing.
    """
    check.one_of("opcode", opcode, [Opcode.LOAD, Opcode.FILL, Opcode.GATHER])
    if opcode == Opcode.FILL:
        return HELD + QUEUED + walk.LATENCY + words(opcode, command) + DONE
    if opcode == Opcode.LOAD:
        return START + read.cycles(p.read, list(runs(p, command)), memory_latency) + DONE
    return NUMBERS + read.cycles(p.read, list(rows(p, command, numbers)), memory_latency) + DONE
