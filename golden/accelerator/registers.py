"""The registers, described once: the RTL's slave, SystemRDL and all that is made of it come from this table.

32 bits each. Access, of a field:

    read    what stands there now; writing changes nothing
    write   keeps what was written
    pulse   writing a one does it once; reads 0
    event   set by the hardware, cleared by writing a one

An address that is not here answers SLVERR and does nothing. Bits of no field read 0.
A counter is 64 bits: reading LO keeps the upper half for the HI that is read next. Counters begin anew when
a program starts, or with fetching it ahead: writing COMMANDS while no program runs begins that
(golden.accelerator.control), so PROGRAM is written before it, and the program stands in memory by then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from golden.accelerator.commands import UNITS
from golden.accelerator.params import AcceleratorParams

ADDRESS_BITS = 12
IDENTITY = 0x53595354  # "SYST" from its upper byte on
VERSION = 1
NUMBER_BITS = 24  # of a command's number
NO_UNIT = len(UNITS)  # CAUSE.unit of what no unit caused
WATCHDOG = 1 << 20  # cycles, at reset


class Cause(IntEnum):
    """Why the accelerator stopped."""

    NONE = 0
    ILLEGAL_COMMAND = 1
    FETCH_ERROR = 2
    LOAD_ERROR = 3
    STORE_ERROR = 4
    ROW_NUMBER = 5
    DEADLOCK = 6
    TOKEN_OVERFLOW = 7


@dataclass(frozen=True, slots=True)
class Bits:
    """A field: bits [low, low + width) of its register; reset: also what a constant always is."""

    name: str
    low: int
    width: int
    access: str
    what: str
    reset: int = 0


@dataclass(frozen=True, slots=True)
class Register:
    """offset: bytes. constant: read only, and the reset values are all it ever holds."""

    name: str
    offset: int
    what: str
    fields: tuple[Bits, ...]
    constant: bool = False


COUNTERS: tuple[tuple[str, str], ...] = (
    ("CYCLES", "cycles from start to end"),
    *((f"{unit.upper()}_BUSY", f"cycles in which {unit} has a command to do") for unit in UNITS),
    *((f"{unit.upper()}_WAITING", f"cycles in which {unit} waits for tokens") for unit in UNITS),
    ("WORDS_READ", "bus words that came from memory, commands among them"),
    ("WORDS_WRITTEN", "bus words that went to memory"),
    ("COMMANDS_GIVEN", "commands that reached their unit's queue; FENCE and END count too"),
)
FIRST_COUNTER = 0x40


def registers(p: AcceleratorParams) -> list[Register]:
    """All of them, by offset."""
    design = (
        Bits("lanes", 0, 8, "read", "bytes of a bus word", p.lanes),
        Bits("banks", 8, 8, "read", "of the scratchpad", p.banks),
        Bits("bank_words", 16, 4, "read", "2 to its power: words of a bank", p.bank_words.bit_length() - 1),
        Bits("functions", 20, 4, "read", "piecewise functions of the vector unit", len(p.functions)),
        Bits("version", 24, 8, "read", "of registers and commands", VERSION),
    )
    control = (
        Bits("start", 0, 1, "pulse", "run the program; ignored while busy, and after an error until reset"),
        Bits("reset", 1, 1, "pulse", "drop everything; busy until the bus is quiet"),
    )
    status = (
        Bits("busy", 0, 1, "read", "a program runs, or a reset"),
        Bits("done", 1, 1, "read", "the program has ended"),
        Bits("error", 2, 1, "read", "the program was stopped; see CAUSE"),
    )
    events = (("done", 0, "the program has ended"), ("error", 1, "the program was stopped"))
    cause = (
        Bits("code", 0, 4, "read", _numbered(cause.name.lower().replace("_", " ") for cause in Cause)),
        Bits("unit", 8, 3, "read", _numbered((*UNITS, "none"))),
        Bits("response", 16, 2, "read", "of the bus; 1: it could not be asked, 2: SLVERR, 3: DECERR"),
    )
    number = Bits("index", 0, NUMBER_BITS, "read", "from 0")
    cycles = Bits("cycles", 0, 32, "write", "0: never", WATCHDOG)
    whole = Bits("value", 0, 32, "read", "all of it", IDENTITY)
    named = [
        Register("ID", 0x00, "Which device this is", (whole,), constant=True),
        Register("DESIGN", 0x04, "How it was built", design, constant=True),
        Register("CONTROL", 0x08, "What to do", control),
        Register("STATUS", 0x0C, "What is done", status),
        Register("INTERRUPT_ENABLE", 0x10, "Events that raise the interrupt", _each(events, "write")),
        Register("INTERRUPT_STATUS", 0x14, "Events since they were cleared", _each(events, "event")),
        Register("PROGRAM", 0x18, "Where the commands are",
                 (Bits("address", 0, 32, "write", "of the first, bytes; a multiple of a bus word"),)),
        Register("COMMANDS", 0x1C, "Most commands to fetch, END among them; written after PROGRAM",
                 (Bits("most", 0, NUMBER_BITS, "write", "number of commands"),)),
        Register("WATCHDOG", 0x20, "Cycles in which nothing moves that are a deadlock", (cycles,)),
        Register("CAUSE", 0x24, "Why the program was stopped", cause),
        Register("FAULT_COMMAND", 0x28, "Which command was to blame", (number,)),
    ]  # fmt: skip
    return [*named, *counters()]


def _each(events: Sequence[tuple[str, int, str]], access: str) -> tuple[Bits, ...]:
    return tuple(Bits(name, low, 1, access, what) for name, low, what in events)


def _numbered(names: Iterable[str]) -> str:
    return "; ".join(f"{index}: {name}" for index, name in enumerate(names))


def counters() -> list[Register]:
    """LO and HI of each counter."""
    found = []
    for index, (name, what) in enumerate(COUNTERS):
        for half, end in enumerate(("LO", "HI")):
            field = Bits("value", 0, 32, "read", ("lower half", "upper half, kept when LO was read")[half])
            offset = FIRST_COUNTER + 8 * index + 4 * half
            found.append(Register(f"{name}_{end}", offset, what.capitalize(), (field,)))
    return found


RDL_ACCESS = {
    "read": "sw = r; hw = w;",
    "write": "sw = rw; hw = r;",
    "pulse": "sw = w; hw = r; singlepulse;",
    "event": "sw = rw; hw = r; hwset; onwrite = woclr;",
}


def system_rdl(p: AcceleratorParams) -> str:
    """The map in SystemRDL 2.0."""
    lines = ["addrmap systola {", '    name = "Systola accelerator";',
             "    default regwidth = 32;", "    default accesswidth = 32;"]  # fmt: skip
    for register in registers(p):
        lines += ["    reg {", f'        desc = "{register.what}.";']
        for field in register.fields:
            access = "sw = r; hw = na;" if register.constant else RDL_ACCESS[field.access]
            high = field.low + field.width - 1
            lines.append(
                f'        field {{ desc = "{field.what}"; {access} }} '
                f"{field.name}[{high}:{field.low}]{_reset(register, field)};"
            )
        lines.append(f"    }} {register.name} @ {register.offset:#x};")
    return "\n".join([*lines, "};", ""])


def _reset(register: Register, field: Bits) -> str:
    """What a field holds after reset; what the hardware shows has none of its own."""
    return f" = {field.reset:#x}" if register.constant or field.access != "read" else ""
