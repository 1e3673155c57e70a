"""The store unit: STORE (scratchpad to memory), and its cycles.

What it does to memory is in golden.accelerator.interpreter. Runs are announced one a cycle while the words
are fetched from the scratchpad. The next command starts once all runs of the former are announced and all
its words are asked for, with at most PENDING (golden.accelerator.load) whose responses are still to come. A
run whose status is not OKAY ends all: a fault, until the unit is reset.
"""

from golden.accelerator.load import START, Command, runs
from golden.accelerator.params import AcceleratorParams
from golden.axi import write

DONE = 1  # cycles from the last status to `done`


def cycles(p: AcceleratorParams, command: Command, memory_latency: int) -> int:
    """Cycles from the command accepted to `done`, both counted.

    memory_latency  cycles from a burst's last word accepted to its response, at least 1

    Exact for a unit that is idle and alone at memory port and scratchpad, if the memory is as
    golden.axi.write.cycles says, and no run is refused: the first word is there when W can first take one.
    """
    return START + write.cycles(p.write, list(runs(p, command)), memory_latency) + DONE
