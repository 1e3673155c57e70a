"""The vector unit's time: cycles of a command where nothing holds the unit up.

That is from the cycle in which the command is accepted to that of `done`, in which the next one can be: with
sums, if MAP takes them, always there, and each word asked for or written granted at once. One command at a
time; a MAP takes, where the slowest of its streams of words paces it,

    vectors * max(words of a vector of a, of b, of the result, 1) + about 20 to 25

and a block of parameters 9 cycles at least. MAP's exact figure comes from stepping through what the registers
hold (golden.accelerator.map_steps).
"""

from collections.abc import Mapping

from golden.accelerator import exponential, fetcher, map_steps, normalise
from golden.accelerator.commands import Opcode
from golden.accelerator.map_lanes import TABLE_ENTRIES
from golden.accelerator.map_steps import DONE
from golden.accelerator.params import AcceleratorParams

HALF_WORDS = 2  # of a vector
BEGIN = 1  # cycles from a command to its walks' beginning
WRITER = 1  # register of the vector that is being written


def cycles(p: AcceleratorParams, opcode: Opcode, command: Mapping[str, int]) -> int:
    """Cycles from a command's acceptance to its `done`, unstalled.

    command  fields of golden.accelerator.commands.FIELDS[opcode]
    """
    if opcode == Opcode.MAP:
        return map_steps.cycles(p, command)
    first = BEGIN + fetcher.LATENCY  # word of a
    if opcode == Opcode.TABLE:
        return first + TABLE_ENTRIES - 1 + DONE
    ends = first + HALF_WORDS - 1  # the first vector is there
    groups = command["count1"] * command["count2"]
    write = WRITER + HALF_WORDS - 1 + DONE
    if opcode == Opcode.EXPONENTIAL:  # codes wait in a register while an r is written, so nothing else does
        vectors = 2 * groups * command["count0"]
        return ends + HALF_WORDS * (vectors - 1) + exponential.r_latency(p) + write
    within = 2 * HALF_WORDS * (command["count0"] - 1) + normalise.pause(p, bool(command["columns"])) + 1
    return ends + groups * within + HALF_WORDS * (groups - 1) + normalise.LATENCY + write
