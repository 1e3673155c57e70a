"""Control: fetches commands from memory, queues them for the units, counts tokens, and stops at faults.

Fetching begins when COMMANDS is written while no program runs; so PROGRAM must be written before it, and the
program must stand in memory by then. A start begins fetching anew if it has not begun, or if PROGRAM or
COMMANDS was written since, or if a program has run since. An error met while fetching ahead is reported after
the start, or never, if another program is started. A program is the one that PROGRAM and COMMANDS name at its
start, even where it has to wait until stale prefetches have drained; later writes concern the next program.
An address that is not a bus word's brings no words: after the first refusal control requests nothing more.

Commands are fetched ahead, in requests that end at multiples of REQUEST_BYTES, as far as the buffer has room.
Each is checked (golden.accelerator.legal) and goes, in program order, into its unit's queue; a full queue
stalls all commands that follow. At the head of its queue a command waits until each unit of `wait` has given
a token, takes these tokens and goes to the unit. When it is done, each unit of `signal` gets a token. A unit
has at most IN_FLIGHT commands that it has accepted and not done.

FENCE proceeds when all queues are empty and all units idle; END when, in addition, everything that was
fetched beyond it has arrived. Then the program is done.

A fault stops the program: no command goes to any unit until a reset. The first fault counts, unless a reset
comes before it or in its cycle; of several in one cycle: faults of units and overflows by unit, then
control's own, then deadlock. FAULT_COMMAND and CAUSE.unit are

    illegal command, fetch error  the first bad command; no unit. Fewer commands than END needs: their number
    load, store, row number       the unit's oldest command that is not done
    token overflow                the command that gave one token more than TOKENS
    deadlock                      the first unit whose command waits for tokens; where nothing has moved for
                                  WATCHDOG cycles: the first unit that is not done, and its oldest command

Deadlock is detected exactly where tokens are to blame: all units are idle, all queued commands wait for
tokens, and the next command cannot be queued. Units that wait for one another's data are found by the
watchdog.
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
    """Cycles from a start to the cycle in which the first command is offered to its unit, if the command
    waits for no token and was not fetched ahead.

    memory_latency  cycles from AR accepted to the first beat, as in golden.axi.read
    """
    # request taken, AR; beat buffered, offered
    return START_TO_REQUEST + 2 + memory_latency + 2 + p.command_words - 1 + WORD_TO_UNIT


def following_command(p: AcceleratorParams) -> int:
    """Cycles from one command offered to a unit to the next, while fetched words are there and queues have
    room."""
    return p.command_words


def request_words(p: AcceleratorParams) -> int:
    """Bus words of a whole request."""
    return REQUEST_BYTES // p.lanes


def command_bits(unit: str) -> int:
    """Bits that a unit's longest command has."""
    return max(opcode.bits for opcode in units.unit(unit).COMMANDS)
