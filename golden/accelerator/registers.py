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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from golden.accelerator.commands import KINDS, Members
from golden.accelerator.legal import mask_of
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import UNITS, names, unit

ADDRESS_BITS = 12
IDENTITY = 0x53595354  # "SYST" from its upper byte on
VERSION = 2
NUMBER_BITS = 24  # of a command's number
NO_UNIT = KINDS  # CAUSE.unit of what no unit caused, else the unit's NUMBER
CAUSE_BITS = 4
UNIT_BITS = KINDS.bit_length()
WATCHDOG = 1 << 20  # cycles, at reset


class Cause(int, metaclass=Members):
    """Why the accelerator stopped: Cause.DEADLOCK and so on, control's own and those of all units."""

    name: str
    what: str

    def __new__(cls, code: int, name: str, what: str) -> "Cause":
        """what: in words."""
        self = super().__new__(cls, code)
        self.name, self.what = name, what
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Cause.of, (int(self),)

    @classmethod
    def members(cls) -> dict[str, "Cause"]:
        """All causes by name, in the order of their codes."""
        return _causes()

    @classmethod
    def of(cls, code: int) -> "Cause":
        """The cause of a code."""
        return next(each for each in cls.members().values() if each == code)


@cache
def _causes() -> dict[str, Cause]:
    given = [
        (0, "NONE", "no fault"),
        (1, "ILLEGAL_COMMAND", "illegal command"),
        (2, "FETCH_ERROR", "a command could not be fetched"),
        (6, "DEADLOCK", "deadlock: a token or data that never come"),
        (7, "TOKEN_OVERFLOW", "token overflow"),
    ]
    given += [(code, name, what) for kind in UNITS for name, (code, what) in unit(kind).CAUSES.items()]
    found = {name: Cause(code, name, what) for code, name, what in sorted(given)}
    if len({*found.values()}) < len(given) or max(found.values()) >= 1 << CAUSE_BITS:
        raise TypeError(
            f"causes are {sorted(given)}; each has a code of its own, up to {(1 << CAUSE_BITS) - 1}"
        )
    return found


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


FIRST_COUNTER = 0x40


@cache
def counters(p: AcceleratorParams) -> tuple[tuple[str, str], ...]:
    """(name, what it counts) of each counter, in their order."""
    return (
        ("CYCLES", "cycles from start to end"),
        *((f"{unit.upper()}_BUSY", f"cycles in which {unit} has a command to do") for unit in p.present),
        *((f"{unit.upper()}_WAITING", f"cycles in which {unit} waits for tokens") for unit in p.present),
        ("WORDS_READ", "bus words that came from memory, commands among them"),
        ("WORDS_WRITTEN", "bus words that went to memory"),
        ("COMMANDS_GIVEN", "commands that reached their unit's queue; FENCE and END count too"),
    )


def registers(p: AcceleratorParams) -> list[Register]:
    """All registers, by offset."""
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
        Bits(
            "code",
            0,
            CAUSE_BITS,
            "read",
            _numbered({int(c): c.name.lower().replace("_", " ") for c in Cause}),
        ),
        Bits("unit", 8, UNIT_BITS, "read", _numbered({**names(), NO_UNIT: "none"})),
        Bits("response", 16, 2, "read", "of the bus; 1: it could not be asked, 2: SLVERR, 3: DECERR"),
    )
    units = Bits("present", 0, KINDS, "read", f"a bit each; {_numbered(names())}", mask_of(p.present))
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
        Register("UNITS", 0x2C, "Which units there are", (units,), constant=True),
    ]  # fmt: skip
    return [*named, *halves(p)]


def _each(events: Sequence[tuple[str, int, str]], access: str) -> tuple[Bits, ...]:
    return tuple(Bits(name, low, 1, access, what) for name, low, what in events)


def _numbered(named: Mapping[int, str]) -> str:
    return "; ".join(f"{number}: {name}" for number, name in sorted(named.items()))


def halves(p: AcceleratorParams) -> list[Register]:
    """The registers LO and HI of each counter."""
    found = []
    for index, (name, what) in enumerate(counters(p)):
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
    """The value of a field after reset; a field that shows the hardware's state has none of its own."""
    return f" = {field.reset:#x}" if register.constant or field.access != "read" else ""
