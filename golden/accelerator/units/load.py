"""The load unit: LOAD (memory to scratchpad), FILL (the same two bytes everywhere), GATHER (rows by number).

A LOAD's runs are requested one a cycle and its words placed one a cycle as they arrive; at most PENDING
commands are inside, so runs of the next command are requested while words of the one before are under way. A
GATHER begins when all commands before it are done, since one of them may load its row numbers; then it
requests a row a cycle. Words are placed in the order of commands. A run whose status is not OKAY, or a row
number that is not below the limit (numbers are compared unsigned, so a negative one never is), is a fault:
the unit stops until it is reset.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from golden import check
from golden.accelerator import walk
from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode, count, place, signed, unsigned
from golden.accelerator.footprints import MOVE_LOOPS, Fields, Footprint, Walk, memory_runs, scratch_runs
from golden.accelerator.move_timing import Loads
from golden.accelerator.moves import HELD, NUMBERS, QUEUED, START, move, rows, runs, words
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import Cause
from golden.accelerator.unit_timing import Step, UnitTiming
from golden.accelerator.units import Stream, UnitState
from golden.axi import read

if TYPE_CHECKING:
    from golden.accelerator.machine import Machine
    from golden.accelerator.timing import TimingModel


NUMBER = 0
Params = None
LOAD = Opcode(NUMBER, 0, "LOAD", move())
FILL = Opcode(NUMBER, 1, "FILL", (
    place("scratch", "of the first run"),
    count("words", "of a run"),
    *(count(f"count{i}", f"of loop {i}") for i in MOVE_LOOPS),
    *(signed(f"scratch_stride{i}", 16, f"of loop {i}") for i in MOVE_LOOPS),
    unsigned("value", 16, "of every two bytes, the lower first"),
))  # fmt: skip
GATHER = Opcode(NUMBER, 2, "GATHER", (
    place("address", "of the table in memory, bytes", 32),
    place("scratch", "of the first row's place"),
    count("words", "of a row"),
    count("count1", "rows to fetch"),
    signed("address_stride1", 32, "of the table's rows, bytes"),
    signed("scratch_stride1", 16, "of the rows' places"),
    place("index", "scratchpad address of the row numbers: int32, one after the other"),
    unsigned("limit", 32, "rows of the table; a number beyond is an error"),
))  # fmt: skip
COMMANDS = (LOAD, FILL, GATHER)
READERS = {"index": 40}
WRITERS = {"load": 40}
MEMORY = "read"
STREAMS: Mapping[str, Stream] = {}
State = UnitState
CAUSES = {
    "LOAD_ERROR": (3, "memory could not be read"),
    "ROW_NUMBER": (5, "a row number beyond its table"),
}

DONE = 1  # cycles from the last word to `done`


def number_words(p: AcceleratorParams, command: Fields) -> int:
    """Words that hold the row numbers of a GATHER."""
    return -(-4 * command["count1"] // p.lanes)


def footprint(p: AcceleratorParams, command: Command) -> Footprint:
    """The footprint; a GATHER may read any row of its table."""
    f = command.fields
    if command.opcode == GATHER:
        return Footprint(
            reads=[(f["index"], [(number_words(p, f), 1)])],
            writes=[gathered(f)],
            memory=(f["address"], [(f["words"], p.lanes), (max(1, f["limit"]), f["address_stride1"])]),
        )
    memory = memory_runs(p.lanes, f) if command.opcode == LOAD else None
    return Footprint(writes=[scratch_runs(f)], memory=memory)


def work(p: AcceleratorParams, command: Command) -> int:
    """Cycles: one for each word."""
    return words(command.fields)


def gathered(command: Fields) -> Walk:
    """The walk over the scratchpad words that a GATHER writes."""
    return command["scratch"], [(command["words"], 1), (command["count1"], command["scratch_stride1"])]


def execute(p: AcceleratorParams, command: Command, machine: "Machine") -> None:
    """Load words into the scratchpad; a Fault where memory answers with an error, or a row does not exist."""
    f = command.fields
    if command.opcode == FILL:
        pair = np.array([f["value"]], "<u2").view(np.uint8)
        machine.scratch[machine.walked(scratch_runs(f))] = np.resize(pair, p.lanes)
    elif command.opcode == LOAD:
        base, (_, *loops) = memory_runs(p.lanes, f)
        found = machine.reachable(machine.grid(base, loops), Cause.LOAD_ERROR, f["words"])
        machine.scratch[machine.walked(scratch_runs(f))] = machine.words_at(found)
    else:
        gather(p, f, machine)


def gather(p: AcceleratorParams, command: Fields, machine: "Machine") -> None:
    """Execute a GATHER."""
    numbers = machine.elements(machine.grid(command["index"], [(number_words(p, command), 1)]), 1, np.uint32)
    wanted = numbers.ravel()[: command["count1"]].astype(np.int64)
    beyond = np.flatnonzero(wanted >= command["limit"])
    if len(beyond):
        raise machine.fault(Cause.ROW_NUMBER, why=f"row {wanted[beyond[0]]} of {command['limit']}")
    addresses = command["address"] + wanted * command["address_stride1"]
    found = machine.reachable(addresses, Cause.LOAD_ERROR, command["words"])
    machine.scratch[machine.walked(gathered(command))] = machine.words_at(found)


def cycles(
    p: AcceleratorParams,
    opcode: Opcode,
    command: Fields,
    memory_latency: int,
    numbers: Sequence[int] = (),
) -> int:
    """Cycles from the command accepted to `done`, both counted.

    memory_latency  cycles from AR accepted to the burst's first beat, at least 1
    numbers         of a GATHER's rows

    Exact for a unit that is idle and alone at memory port and scratchpad, if the memory is as
    golden.axi.read.cycles says, and no run is refused. For several commands: golden.accelerator.move_timing.
    """
    check.one_of("opcode", opcode, COMMANDS)
    if opcode == FILL:
        return HELD + QUEUED + walk.LATENCY + words(command) + DONE
    if opcode == LOAD:
        return START + read.cycles(p.read, list(runs(p, command)), memory_latency) + DONE
    return NUMBERS + read.cycles(p.read, list(rows(p, command, numbers)), memory_latency) + DONE


class Timing(UnitTiming):
    """The load unit's timing. port: its client side of memory's read port, which serves command fetches
    first."""

    def __init__(self, model: "TimingModel"):
        super().__init__(model)
        self.port = Loads(model.p, model.read)

    def begin(self, command: Command, offered: int) -> int:
        self.offered = offered
        return max(offered, self.port.start + 1)

    def finish(self, command: Command, start: int) -> Step:
        port = self.port
        while port.fetches and port.fetches[0][0] <= port.next_run(start + 1):
            port.fetch()
            yield
        # any rows: of numbers nothing is known
        numbers = range(command.fields["count1"]) if command.opcode == GATHER else ()
        self.done = port.command(command.opcode, command.fields, self.offered, numbers)
