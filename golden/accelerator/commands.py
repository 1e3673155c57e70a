"""The make-up of a command: fields from bit 0, an opcode's rules. The commands themselves are the units'.

A command is 64 bytes, little-endian; its fields follow one another from bit 0, the same header first:

    opcode  which command; its upper four bits name the unit: 0 control, else the unit's NUMBER plus 1
    wait    one bit for each kind of unit, by NUMBER: take one token from it before the command starts
    signal  one bit for each kind of unit, by NUMBER: give one token to it when the command is done

Tokens of an ordered pair of units are counted, at most TOKENS of them. A unit executes its commands in order.
A command is illegal if a count is 0, if a kind or the opcode does not exist, if a bit beyond the fields is
set, or if a rule forbids it. Decoder (golden and RTL), assembler, disassembler and docs/commands.md all come
from the tables COMMANDS of golden.accelerator.units.

Addresses and strides in the scratchpad are in words; memory's are in bytes, multiples of a word. A walk is a
nest of loops, number 0 innermost: address = base + sum over i of index_i * stride_i, wrapping at 2^16.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from golden import check

if TYPE_CHECKING:
    from golden.accelerator.params import AcceleratorParams

TOKENS = 255
BITS = 512
KINDS = 8  # kinds of units that the masks have room for
CONTROL = -1  # the unit of commands that control does itself
Breach = tuple[str, Any, str]  # field or fields, what is there, what is allowed


class Members(type):
    """Numbers with names that the units' tables define: one by its name (`Opcode.MAP`), or all in order."""

    def members(cls) -> Mapping[str, Any]:
        """All members by name, in the order of their numbers."""
        raise NotImplementedError

    def __iter__(cls) -> Iterator[Any]:
        return iter(cls.members().values())

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_") or name not in cls.members():
            raise AttributeError(name)
        found = cls.members()[name]
        setattr(cls, name, found)  # the next look finds it at once
        return found


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a command.

    width    in bits; signed: two's complement
    what     its meaning, for docs/commands.md
    least    the least legal value, where it is not the least that the bits hold
    names    of its values, where they have names
    address  whether people read it in hexadecimal
    """

    name: str
    width: int
    signed: bool
    what: str
    least: int | None = None
    names: type[IntEnum] | None = None
    address: bool = False

    @property
    def range(self) -> tuple[int, int]:
        """Least and greatest value that the bits hold."""
        if self.signed:
            return -(1 << self.width - 1), (1 << self.width - 1) - 1
        return 0, (1 << self.width) - 1

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest legal value."""
        low, high = self.range
        return (low if self.least is None else self.least), high

    def shown(self, value: int) -> str:
        """A value as a person writes it."""
        if self.names:
            return self.names(value).name.lower()
        return hex(value) if self.address else str(value)


def unsigned(name: str, width: int, what: str) -> Field:
    """A number of `width` bits, from 0 on."""
    return Field(name, width, False, what)


def signed(name: str, width: int, what: str) -> Field:
    """A number in two's complement."""
    return Field(name, width, True, what)


def count(name: str, what: str, width: int = 16) -> Field:
    """Rounds of a loop, or elements, of 16 bits: 1 to 65535."""
    return Field(name, width, False, what, 1)


def place(name: str, what: str, width: int = 16) -> Field:
    """An address: in the scratchpad, of 32 bits in memory."""
    return Field(name, width, False, what, address=True)


def choice(name: str, width: int, names: type[IntEnum], what: str, least: int | None = None) -> Field:
    """One of an enumeration's values."""
    return Field(name, width, False, what, least, names)


HEADER = (
    unsigned("opcode", 8, "which command"),
    unsigned("wait", KINDS, "units whose token is taken first, a bit each"),
    unsigned("signal", KINDS, "units that get a token when done, a bit each"),
)
MASKS = ("wait", "signal")


@dataclass(frozen=True, slots=True)
class Not:
    """In a Forbid: every value except this one."""

    value: int


@dataclass(frozen=True, slots=True)
class Forbid:
    """A rule: no command in which each of these fields has (one of) these values. allowed: text that says
    what the last field may be."""

    when: Mapping[str, int | tuple[int, ...] | Not]
    allowed: str

    def breach(self, values: Mapping[str, int], p: "AcceleratorParams | None") -> Breach | None:
        """What is wrong with a command's values, in design `p` or in any; None if nothing is."""
        if not all(meets(values[name], asked) for name, asked in self.when.items()):
            return None
        name = list(self.when)[-1]
        return name, values[name], self.allowed

    def __str__(self) -> str:
        *_, name = self.when
        return f"`{name}`: {self.allowed}"


def meets(value: int, asked: int | tuple[int, ...] | Not) -> bool:
    """Whether a field's value is among the values that a Forbid names."""
    if isinstance(asked, Not):
        return value != asked.value
    return value in asked if isinstance(asked, tuple) else value == asked


@dataclass(frozen=True, slots=True)
class AtMost:
    """A rule: the product of these fields is at most what a design holds.

    bound  of a design, at least 1
    most   the bound where the design is not known: the largest of any design
    what   the bound in words
    """

    fields: tuple[str, ...]
    bound: Callable[["AcceleratorParams"], int]
    most: int
    what: str

    def breach(self, values: Mapping[str, int], p: "AcceleratorParams | None") -> Breach | None:
        """What is wrong with a command's values, in design `p` or in any; None if nothing is."""
        product, bound = 1, self.most if p is None else self.bound(p)
        for name in self.fields:
            product *= values[name]
        if product <= bound:
            return None
        return " * ".join(self.fields), product, f"up to {bound} ({self.what})"

    def __str__(self) -> str:
        return f"`{' * '.join(self.fields)}`: at most {self.most:,}: {self.what}"


Rule = Forbid | AtMost


class Opcode(int, metaclass=Members):
    """A kind of command: Opcode.MAP and so on; the number is the one in the header.

    unit    its unit's NUMBER, or CONTROL
    fields  behind the header, in order
    limits  by name: the least and the greatest legal value of each field
    places  by name, the header's fields included: (field, its first bit)
    rules   constraints between several fields
    bits    used by header and fields; all bits above must be 0
    """

    name: str
    unit: int
    fields: tuple[Field, ...]
    limits: dict[str, tuple[int, int]]
    rules: tuple[Rule, ...]
    places: dict[str, tuple[Field, int]]
    bits: int

    def __new__(
        cls, unit: int, code: int, name: str, fields: tuple[Field, ...] = (), rules: tuple[Rule, ...] = ()
    ) -> "Opcode":
        """code: 0 to 15, its number among the commands of its unit."""
        self = super().__new__(cls, unit + 1 << 4 | code)
        self.name, self.unit, self.fields, self.rules = name, unit, fields, rules
        self.limits = {field.name: field.limits for field in fields}
        self.places, self.bits = {}, 0
        for field in (*HEADER, *fields):
            self.places[field.name] = field, self.bits
            self.bits += field.width
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Opcode.of, (int(self),)

    def __repr__(self) -> str:
        return f"Opcode.{self.name}"

    @classmethod
    def members(cls) -> dict[str, "Opcode"]:
        """All opcodes, those of control and of every kind of unit, by name."""
        from golden.accelerator.units import opcodes

        return opcodes()

    @classmethod
    def of(cls, number: int) -> "Opcode":
        """The opcode of a number; BadValue if there is none."""
        for each in cls.members().values():
            if each == number:
                return each
        raise check.fail("opcode", f"{number:#04x}", ", ".join(f"{int(o):#04x} {o.name}" for o in Opcode))


END = Opcode(CONTROL, 1, "END")
FENCE = Opcode(CONTROL, 2, "FENCE")
