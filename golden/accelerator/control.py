"""Control: commands from memory to the units, tokens between them, faults.

Fetching begins when COMMANDS is written, if no program runs; so PROGRAM is written before it, and the program
stands in memory by then. At the start it begins anew if it has not begun, or if PROGRAM or COMMANDS was
written since, or if a program has run since. What goes wrong with it before the start is told after it, or
never, if it is not that program that starts. A program is what PROGRAM and COMMANDS say at its start, also
where it has to wait until what was fetched for nothing has come; written later they are of the next one. An
address that is no bus word's brings no words: after the first refusal nothing more is asked for.

Commands are fetched ahead, in requests that end at multiples of REQUEST_BYTES, as far as the buffer has room.
Each is checked (golden.accelerator.legal) and goes, in the program's order, into its unit's queue; a full
queue holds up all that follow. At the head of its queue a command waits until each unit of `wait` has given a
token, takes these and goes to the unit. When the unit is done with it, each unit of `signal` gets a token.
A unit has at most IN_FLIGHT commands that it has taken and not done.

FENCE goes when all queues are empty and all units idle; END when, besides, what was fetched beyond it has
come. Then the program is done.

A fault stops it: nothing more goes to any unit until a reset. The first one counts, if no reset comes before
it or in its cycle; in one cycle: faults of
units and overflows by unit, then control's own, then deadlock. FAULT_COMMAND and CAUSE.unit are

    illegal command, fetch error  the first command that is not all right; no unit. Fewer commands than END
                                  needs: the number of them
    load, store, row number       the unit's oldest command not done
    token overflow                the command that gave one token more than TOKENS
    deadlock                      the first unit whose command waits for tokens; where nothing has moved for
                                  WATCHDOG cycles: the first unit that is not done, and its oldest command

Deadlock is exact where tokens are to blame: all units are idle, all that is queued waits for tokens, and the
next command cannot be queued. Units that wait for one another's data are found by the watchdog.
"""

from golden.accelerator import units
from golden.accelerator.params import AcceleratorParams

REQUEST_BYTES = 256
REQUESTS = 16  # the buffer's room
IN_FLIGHT = 8

# Cycles, where nothing stalls. Cycle 0 is the one in which the start pulse stands.
START_TO_REQUEST = 1  # until fetch_command stands; AR follows two cycles later
WORD_TO_UNIT = 3  # from a command's last word on fetch_data to its unit: assembled, checked, queued
HOST = 5  # that fetching leads the start: of a host that writes COMMANDS, INTERRUPT_ENABLE, CONTROL at once
START_TO_UNIT = 2  # until the first command stands at its unit, if the program was fetched ahead
DONE_TO_UNIT = 1  # from `done` to a command that waited for its token
END_TO_DONE = 1  # from the cycle in which END can go to the done interrupt's event


def first_command(p: AcceleratorParams, memory_latency: int) -> int:
    """The cycle in which the first command stands at its unit, if it waits for no token; not fetched ahead.

    memory_latency  cycles from AR accepted to the first beat, as in golden.axi.read
    """
    # request taken, AR; beat buffered, offered
    return START_TO_REQUEST + 2 + memory_latency + 2 + p.command_words - 1 + WORD_TO_UNIT


def following_command(p: AcceleratorParams) -> int:
    """Cycles from a command at its unit to the next, as long as words have come and queues have room."""
    return p.command_words


def request_words(p: AcceleratorParams) -> int:
    """Bus words of a whole request."""
    return REQUEST_BYTES // p.lanes


def command_bits(unit: str) -> int:
    """Bits that a unit's longest command has."""
    return max(opcode.bits for opcode in units.unit(unit).COMMANDS)
