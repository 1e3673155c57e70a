"""Commands as 64 bytes, as text and as objects, all by the table of golden.accelerator.commands.

One command a line: its name, then `field=value` in any order, a `#` before a comment. Values are decimal or
0x..., or names where a field has them (`a_kind=byte`, `wait=load,matrix`). A field that is left out has its
least legal value, 1 for a count, else 0.

    load scratch=0x40 address=0x1000 words=64 signal=matrix
    multiply wait=load signal=load left=0x40 top=0x80 count_x=16 top_row_stride=1
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache

from golden import check
from golden.accelerator import exponential, multiply, normalise
from golden.accelerator.commands import (
    BITS,
    FIELDS,
    HEADER,
    TOKENS,
    UNITS,
    Field,
    Kind,
    Opcode,
    Operation,
)
from golden.accelerator.legal import illegal
from golden.accelerator.params import COMMAND_BYTES, LANES, AcceleratorParams

NAMES: dict[str, type[IntEnum]] = {"a_kind": Kind, "b_kind": Kind, "out_kind": Kind, "operation": Operation}
MASKS = ("wait", "signal")
SCRATCH_ADDRESSES = {"scratch", "index", "left", "top", "a", "b", "p", "out", "r", "address"}  # read in hex
BY_NAME = {opcode.name.lower(): opcode for opcode in Opcode}
OPCODES = {opcode.value: opcode for opcode in Opcode}
CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. wait, signal: names of units; fields: all of its own by name, those left out filled in.

    raises  BadValue for a unit, a field or a value that no command has
    """

    opcode: Opcode
    wait: tuple[str, ...] = ()
    signal: tuple[str, ...] = ()
    fields: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = self.opcode.name
        object.__setattr__(self, "wait", units_of(f"{where}.wait", self.wait))
        object.__setattr__(self, "signal", units_of(f"{where}.signal", self.signal))
        if self.unit == CONTROL and (self.wait or self.signal):
            name = "wait" if self.wait else "signal"
            given = ",".join(self.wait or self.signal)
            raise check.fail(f"{where}.{name}", given, "none of control's commands")
        object.__setattr__(self, "fields", complete(self.opcode, self.fields))

    @property
    def unit(self) -> str:
        """Who does it: one of UNITS, or "control"."""
        return unit_of(self.opcode)

    def encode(self) -> bytes:
        """Its 64 bytes."""
        return _packed(self.opcode, mask_of(self.wait), mask_of(self.signal), self.fields)

    def __str__(self) -> str:
        return line_of(self)


def unit_of(opcode: Opcode) -> str:
    """Who does it."""
    return (CONTROL, *UNITS)[opcode >> 4]


def mask_of(names: Iterable[str]) -> int:
    """Bit i: UNITS[i] is among them."""
    return sum({1 << UNITS.index(name) for name in names})


@cache
def names_of(mask: int) -> tuple[str, ...]:
    """The units of a mask, in their order."""
    return tuple(name for index, name in enumerate(UNITS) if mask >> index & 1)


def units_of(where: str, given: int | Iterable[str]) -> tuple[str, ...]:
    """Units' names in their order, from names or a mask; BadValue for one that is none."""
    if not isinstance(given, Iterable):
        check.in_range(where, given, 0, (1 << len(UNITS)) - 1)
        return names_of(given)
    names = list(given)
    for name in names:
        check.one_of(where, name, UNITS)
    return names_of(mask_of(names))


def complete(opcode: Opcode, given: Mapping[str, int]) -> dict[str, int]:
    """All fields but the header's, in the table's order; BadValue naming a field that does not fit."""
    known = FIELDS[opcode]
    if len(given.keys() & {each.name for each in known}) != len(given):
        for name in given:
            check.one_of(f"{opcode.name}: field", name, [each.name for each in known])
    values = {}
    for each in known:
        value = given.get(each.name, each.least or 0)
        low, high = limits(each)
        check.in_range(f"{opcode.name}.{each.name}", value, low, high)
        values[each.name] = int(value)
    if reason := forbidden(opcode, values):
        raise check.fail(*reason)
    return values


@cache
def limits(each: Field) -> tuple[int, int]:
    """Least and greatest legal value."""
    low, high = each.range
    return (low if each.least is None else each.least), high


def forbidden(opcode: Opcode, values: Mapping[str, int]) -> tuple[str, int, str] | None:
    """What no single field tells: where, what, what is allowed."""
    if opcode == Opcode.MAP and values["operation"] == Operation.ADD and values["reduce"]:
        return "MAP.reduce", 1, "0 (operation ADD)"
    if opcode == Opcode.MAP and values["b_kind"] == Kind.NONE:
        if values["operation"] in (Operation.MUL, Operation.ADD):
            return "MAP.b_kind", Kind.NONE, "an operand (operations MUL and ADD)"
    if opcode == Opcode.MAP and values["operation"] == Operation.MUL and values["b_kind"] == Kind.WORD:
        return "MAP.b_kind", Kind.WORD, "BYTE or HALF (operation MUL)"
    return _too_long(opcode, values)


def _too_long(opcode: Opcode, values: Mapping[str, int]) -> tuple[str, int, str] | None:
    """What no design has room for; its own limits are lower (golden.accelerator.legal)."""
    if opcode == Opcode.MULTIPLY and multiply.passes_of(values) > multiply.LARGEST_PASSES:
        passes = "MULTIPLY.count_k0 * count_k1 * count_k2"
        return passes, multiply.passes_of(values), f"1 to {multiply.LARGEST_PASSES}"
    if opcode == Opcode.EXPONENTIAL and values["count0"] > exponential.LONGEST // min(LANES):
        return "EXPONENTIAL.count0", values["count0"], f"rows of {exponential.LONGEST} elements or fewer"
    if opcode == Opcode.NORMALISE and values["length"] > normalise.LONGEST:
        return "NORMALISE.length", values["length"], f"1 to {normalise.LONGEST}"
    return None


@cache
def layout(opcode: Opcode) -> tuple[tuple[Field, int], ...]:
    """Each field behind the header, with its lowest bit."""
    found, at = [], sum(each.width for each in HEADER)
    for each in FIELDS[opcode]:
        found.append((each, at))
        at += each.width
    assert at <= BITS, f"{opcode.name} does not fit"
    return tuple(found)


def encode(opcode: Opcode, **fields: int | Iterable[str]) -> bytes:
    """64 bytes. Fields by name, `wait` and `signal` as a mask or as names too; BadValue as `Command`."""
    own = {name: value for name, value in fields.items() if name not in MASKS}
    return Command(opcode, fields.get("wait", ()), fields.get("signal", ()), own).encode()  # type: ignore[arg-type]


def _packed(opcode: Opcode, wait: int, signal: int, values: Mapping[str, int]) -> bytes:
    word = opcode | wait << 8 | signal << 12
    for each, low in layout(opcode):
        word |= (values[each.name] & (1 << each.width) - 1) << low
    return word.to_bytes(COMMAND_BYTES, "little")


def decode(command: bytes) -> tuple[Opcode, dict[str, int]]:
    """Opcode and all fields, `wait` and `signal` as masks among them; BadValue saying what is illegal."""
    opcode, wait, signal, values = _unpacked(command)
    return opcode, {"wait": wait, "signal": signal, **values}


def _unpacked(command: bytes) -> tuple[Opcode, int, int, dict[str, int]]:
    if len(command) != COMMAND_BYTES:
        raise check.fail("len(command)", len(command), str(COMMAND_BYTES))
    word = int.from_bytes(command, "little")
    opcode = OPCODES.get(word & 0xFF)
    if opcode is None:
        known = ", ".join(f"{each.value:#04x} {each.name}" for each in Opcode)
        raise check.fail("opcode", f"{word & 0xFF:#04x}", known)
    values, end = {}, sum(each.width for each in HEADER)
    for each, at in layout(opcode):
        value = word >> at & (1 << each.width) - 1
        if each.signed and value >> each.width - 1:
            value -= 1 << each.width
        if each.least is not None and value < each.least:
            raise check.fail(f"{opcode.name}.{each.name}", value, f"{each.least} to {each.range[1]}")
        values[each.name] = value
        end = at + each.width
    if word >> end:
        raise check.fail(f"{opcode.name}: bits from {end} on", f"{word >> end:#x} << {end}", "0")
    if reason := forbidden(opcode, values):
        raise check.fail(*reason)
    if unit_of(opcode) == CONTROL and word >> 8:
        raise check.fail(f"{opcode.name}: tokens", f"{word >> 8 & 0xFF:#x}", "none of control's commands")
    return opcode, word >> 8 & 0xF, word >> 12 & 0xF, values


def pack(commands: Iterable[Command]) -> bytes:
    """A program as it stands in memory."""
    return b"".join(command.encode() for command in commands)


def unpack(program: bytes) -> list[Command]:
    """The commands of a program; BadValue naming the number of the first that is illegal."""
    if len(program) % COMMAND_BYTES:
        raise check.fail("len(program)", len(program), f"a multiple of {COMMAND_BYTES}")
    found = []
    for at in range(0, len(program), COMMAND_BYTES):
        try:
            opcode, wait, signal, values = _unpacked(program[at : at + COMMAND_BYTES])
            found.append(legal(opcode, values, names_of(wait), names_of(signal)))
        except check.BadValue as error:
            raise check.BadValue(f"command {at // COMMAND_BYTES}: {error}") from None
    return found


def legal(
    opcode: Opcode, fields: Mapping[str, int], wait: tuple[str, ...] = (), signal: tuple[str, ...] = ()
) -> Command:
    """A command whose values are known to be legal and whole."""
    command = object.__new__(Command)
    contents = {"opcode": opcode, "wait": wait, "signal": signal, "fields": fields}
    for name, value in contents.items():
        object.__setattr__(command, name, value)
    return command


def line_of(command: Command) -> str:
    """One line of text."""
    words = [command.opcode.name.lower()]
    for mask, names in zip(MASKS, (command.wait, command.signal), strict=True):
        if names:
            words.append(f"{mask}={','.join(names)}")
    for each in FIELDS[command.opcode]:
        value = command.fields[each.name]
        if value != (each.least or 0):
            words.append(f"{each.name}={_shown(each.name, value)}")
    return " ".join(words)


def _shown(name: str, value: int) -> str:
    if name in NAMES:
        return NAMES[name](value).name.lower()
    return hex(value) if name in SCRATCH_ADDRESSES else str(value)


def disassemble(program: bytes) -> str:
    """The text of a program, a line a command; BadValue as `unpack`."""
    return "".join(f"{line_of(command)}\n" for command in unpack(program))


def assemble(text: str, p: AcceleratorParams | None = None) -> list[Command]:
    """The commands of a text; BadValue with the number of the line, also for what design `p` cannot do."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            command = _assembled(words)
            if p is not None and (why := illegal(p, int.from_bytes(command.encode(), "little"))):
                raise check.fail(command.opcode.name, why, "what golden.accelerator.legal says of the design")
            found.append(command)
        except check.BadValue as error:
            raise check.BadValue(f"line {number}: {error}") from None
    return found


def _assembled(words: Sequence[str]) -> Command:
    check.one_of("command", words[0], BY_NAME)
    values: dict[str, int] = {}
    masks: dict[str, tuple[str, ...]] = {}
    for word in words[1:]:
        name, equals, text = word.partition("=")
        if not equals:
            raise check.fail("word", repr(word), "field=value")
        if name in values or name in masks:
            raise check.fail(f"field {name}", "given twice", "once")
        if name in MASKS:
            masks[name] = tuple(text.split(","))
        else:
            values[name] = _number(name, text)
    return Command(BY_NAME[words[0]], masks.get("wait", ()), masks.get("signal", ()), values)


def _number(name: str, text: str) -> int:
    if name in NAMES:
        names: dict[str, int] = {each.name.lower(): each.value for each in NAMES[name]}
        if text in names:
            return names[text]
    try:
        return int(text, 0)
    except ValueError:
        named = f", or {', '.join(each.name.lower() for each in NAMES[name])}" if name in NAMES else ""
        raise check.fail(name, repr(text), f"a number{named}") from None


INTRODUCTION = f"""# Commands

Generated from `golden/accelerator/commands.py` by `python -m golden.accelerator.assembler`.

A command is {COMMAND_BYTES} bytes, little-endian; its fields follow one another from bit 0. Bits behind those
must be 0, as must the masks of END and FENCE. MAP: not both `reduce` and ADD; MUL and ADD have a second
operand, MUL one of bytes or halves; its function exists. MULTIPLY: its vectors fit into the accumulators, and
its passes, of `lanes` products each, are no more than pe.group. Rows of EXPONENTIAL have
{exponential.LONGEST} elements or fewer, those of NORMALISE {normalise.LONGEST} (`length`).
What this or the ranges below do not allow, or another opcode, stops the program as an illegal command.

Addresses in the scratchpad and strides there are in words, those of memory in bytes, multiples of a word. A
walk is a nest of loops, number 0 innermost: address = base + sum of index_i * stride_i, modulo 2^16.

A unit does its commands in order; units meet by tokens alone. At most {TOKENS} tokens of an ordered pair of
units may be there at once.
"""


def page() -> str:
    """docs/commands.md: the command set in markdown, from the table alone."""
    lines = [
        INTRODUCTION,
        "## Header of every command",
        "",
        *_table(HEADER, 0),
        "",
        "| unit | bit of `wait`, `signal` |",
        "|---|---|",
        *(f"| {name} | {index} |" for index, name in enumerate(UNITS)),
        "",
    ]
    for enum in (Kind, Operation):
        lines += [f"{enum.__name__}: {', '.join(f'{each.value} {each.name}' for each in enum)}.", ""]
    for opcode in Opcode:
        lines += [f"## {opcode.name} ({opcode.value:#04x}, {unit_of(opcode)})", ""]
        if FIELDS[opcode]:
            lines += [*_table(FIELDS[opcode], sum(each.width for each in HEADER)), ""]
        else:
            lines += ["No fields but the header's.", ""]
    return "\n".join(lines)


def _table(fields: Sequence[Field], at: int) -> list[str]:
    rows = ["| bits | field | range | |", "|---|---|---|---|"]
    for each in fields:
        bits = f"{at}" if each.width == 1 else f"{at + each.width - 1}:{at}"
        low, high = limits(each)
        rows.append(f"| {bits} | `{each.name}` | {low} to {high} | {each.what} |")
        at += each.width
    return rows


if __name__ == "__main__":
    print(page(), end="")
