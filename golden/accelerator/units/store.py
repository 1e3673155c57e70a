"""The store unit: STORE (scratchpad to memory).

Runs are announced one a cycle while their words are fetched from the scratchpad. The next command starts once
all runs of the one before are announced and all its words are requested, while at most PENDING commands
(golden.accelerator.moves) still expect responses. A run whose status is not OKAY is a fault: the unit stops
until it is reset.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.footprints import Fields, Footprint, memory_runs, scratch_runs
from golden.accelerator.move_timing import StoreTiming
from golden.accelerator.moves import START, move, runs, words
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import Cause
from golden.accelerator.unit_timing import Step, UnitTiming
from golden.accelerator.units import Stream, UnitState
from golden.axi import write

if TYPE_CHECKING:
    from golden.accelerator.machine import Machine
    from golden.accelerator.timing import TimingModel

NUMBER = 3
Params = None
STORE = Opcode(NUMBER, 0, "STORE", move())
COMMANDS = (STORE,)
READERS = {"store": 30}
WRITERS: Mapping[str, int] = {}
MEMORY = "write"
STREAMS: Mapping[str, Stream] = {}
State = UnitState
CAUSES = {"STORE_ERROR": (4, "memory could not be written")}
DONE = 1  # cycles from the last status to `done`


def footprint(p: AcceleratorParams, command: Command) -> Footprint:
    return Footprint(reads=[scratch_runs(command.fields)], memory=memory_runs(p.lanes, command.fields))


def work(p: AcceleratorParams, command: Command) -> int:
    """Cycles: one for each word."""
    return words(command.fields)


def execute(p: AcceleratorParams, command: Command, machine: "Machine") -> None:
    """Store words into memory; a Fault where memory answers with an error."""
    f = command.fields
    base, (_, *loops) = memory_runs(p.lanes, f)
    found = machine.reachable(machine.grid(base, loops), Cause.STORE_ERROR, f["words"])
    machine.write_memory(found, machine.scratch[machine.walked(scratch_runs(f))])


def cycles(p: AcceleratorParams, command: Fields, memory_latency: int) -> int:
    """Cycles from the command accepted to `done`, both counted.

    memory_latency  cycles from a burst's last word accepted to its response, at least 1

    Exact for a unit that is idle and alone at memory port and scratchpad, if the memory is as
    golden.axi.write.cycles says, and no run is refused: the first word is there when W can first take one.
    """
    return START + write.cycles(p.write, list(runs(p, command)), memory_latency) + DONE


class Timing(UnitTiming):
    """The store unit's timing (golden.accelerator.move_timing)."""

    def __init__(self, model: "TimingModel"):
        super().__init__(model)
        self.unit = StoreTiming(model.p, model.write)

    def begin(self, command: Command, offered: int) -> int:
        self.offered = offered
        return max(offered, self.unit.start + 1)

    def finish(self, command: Command, start: int) -> Step:
        self.done = self.unit.command(command.fields, self.offered)
        return
        yield
