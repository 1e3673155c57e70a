"""Commands as 64 bytes, as text and as objects, all by the table of golden.accelerator.commands.

One command a line: its name, then `field=value` in any order, a `#` before a comment. Values are decimal or
0x..., or names where a field has them (`a_kind=byte`, `wait=load,matrix`). A field that is left out has its
least legal value, 1 for a count, else 0.

    load scratch=0x40 address=0x1000 words=64 signal=matrix
    multiply wait=load signal=load left=0x40 top=0x80 count_x=16 top_row_stride=1
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from golden import check
from golden.accelerator.commands import CONTROL, HEADER, MASKS, TOKENS, Field, Opcode
from golden.accelerator.legal import check_values, decoded, mask_of, names_of
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.accelerator.units import UNITS, names


@dataclass(frozen=True, slots=True)
class Command:
    """One command. wait, signal: names of units; fields: all fields of the opcode by name, the omitted ones
    filled in.

    raises  BadValue for a unit, a field or a value that no command has
    """

    opcode: Opcode
    wait: tuple[str, ...] = ()
    signal: tuple[str, ...] = ()
    fields: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in MASKS:
            where, given = f"{self.opcode.name}.{name}", units_of(self.opcode, name, getattr(self, name))
            if given and self.opcode.unit == CONTROL:
                raise check.fail(where, ", ".join(given), "none of control's commands")
            object.__setattr__(self, name, given)
        object.__setattr__(self, "fields", complete(self.opcode, self.fields))

    @property
    def unit(self) -> str:
        """The unit that executes the command: its name, or "control"."""
        return unit_name(self.opcode)

    def encode(self) -> bytes:
        """The command's 64 bytes."""
        values = {"opcode": self.opcode, "wait": mask_of(self.wait), "signal": mask_of(self.signal)}
        word = 0
        for name, (each, low) in self.opcode.places.items():
            value = values[name] if low < BEHIND_HEADER else self.fields[name]
            word |= (value & (1 << each.width) - 1) << low
        return word.to_bytes(COMMAND_BYTES, "little")

    def __str__(self) -> str:
        return line_of(self)


BEHIND_HEADER = sum(each.width for each in HEADER)


def unit_name(opcode: Opcode) -> str:
    """The unit that executes an opcode: its name, or "control"."""
    return "control" if opcode.unit == CONTROL else names()[opcode.unit]


def units_of(opcode: Opcode, mask: str, given: int | Iterable[str]) -> tuple[str, ...]:
    """Names of units in the order of their NUMBERs, from names or from a mask; BadValue for an
    unknown name."""
    where = f"{opcode.name}.{mask}"
    if not isinstance(given, Iterable):
        check.in_range(where, given, 0, mask_of(UNITS))
        return names_of(given)
    wanted = list(given)
    for name in wanted:
        check.one_of(where, name, UNITS)
    return names_of(mask_of(wanted))


def complete(opcode: Opcode, given: Mapping[str, int]) -> dict[str, int]:
    """All fields but the header's, in the table's order; BadValue naming a field that does not fit."""
    for name in given.keys() - opcode.limits.keys():
        check.one_of(f"{opcode.name}: field", name, opcode.limits)
    values = {}
    for name, (low, high) in opcode.limits.items():
        value = given.get(name, max(low, 0))
        check.in_range(f"{opcode.name}.{name}", value, low, high)
        values[name] = int(value)
    check_values(opcode, values)
    return values


def encode(opcode: Opcode, **fields: int | Iterable[str]) -> bytes:
    """64 bytes. Fields by name, `wait` and `signal` as a mask or as names too; BadValue as `Command`."""
    own = {name: value for name, value in fields.items() if name not in MASKS}
    return Command(opcode, fields.get("wait", ()), fields.get("signal", ()), own).encode()  # type: ignore[arg-type]


def decode(command: bytes, p: AcceleratorParams | None = None) -> tuple[Opcode, dict[str, int]]:
    """Opcode and all fields of a command of 64 bytes, `wait` and `signal` as masks; BadValue says what is
    illegal, in design `p` or, without one, in every design."""
    if len(command) != COMMAND_BYTES:
        raise check.fail("len(command)", len(command), str(COMMAND_BYTES))
    return decoded(int.from_bytes(command, "little"), p)


def unpacked(command: bytes, p: AcceleratorParams | None = None) -> Command:
    """The command of 64 bytes; BadValue as `decode`."""
    opcode, values = decode(command, p)
    wait, signal = (names_of(values.pop(name)) for name in MASKS)
    return legal(opcode, values, wait, signal)


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
            found.append(unpacked(program[at : at + COMMAND_BYTES]))
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
    for mask in MASKS:
        if given := getattr(command, mask):
            words.append(f"{mask}={','.join(given)}")
    for each in command.opcode.fields:
        value = command.fields[each.name]
        if value != (each.least or 0):
            words.append(f"{each.name}={each.shown(value)}")
    return " ".join(words)


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
            if p is not None:
                decode(command.encode(), p)
            found.append(command)
        except check.BadValue as error:
            raise check.BadValue(f"line {number}: {error}") from None
    return found


def _assembled(words: Sequence[str]) -> Command:
    by_name = {opcode.name.lower(): opcode for opcode in Opcode}
    check.one_of("command", words[0], by_name)
    opcode = by_name[words[0]]
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
            check.one_of(f"{opcode.name}: field", name, [each.name for each in opcode.fields])
            values[name] = _number(opcode.places[name][0], text)
    return Command(opcode, masks.get("wait", ()), masks.get("signal", ()), values)


def _number(field: Field, text: str) -> int:
    named = {each.name.lower(): each.value for each in field.names or ()}
    if text in named:
        return int(named[text])
    try:
        return int(text, 0)
    except ValueError:
        other = f", or {', '.join(named)}" if named else ""
        raise check.fail(field.name, repr(text), f"a number{other}") from None


INTRODUCTION = f"""# Commands

Generated from the tables of `golden/accelerator/units/` by `python -m golden.accelerator.assembler`.

A command is {COMMAND_BYTES} bytes, little-endian; its fields follow one another from bit 0. Bits behind those
must be 0, as must the masks of END and FENCE and the masks' bits of units that a design has not. What this,
the ranges or the rules below do not allow, an opcode of a unit that a design has not, or another opcode,
stops the program as an illegal command.

Addresses in the scratchpad and strides there are in words, those of memory in bytes, multiples of a word. A
walk is a nest of loops, number 0 innermost: address = base + sum of index_i * stride_i, modulo 2^16.

A unit does its commands in order; units meet by tokens alone. At most {TOKENS} tokens of an ordered pair of
units may be there at once.
"""


def page() -> str:
    """docs/commands.md: the command set in markdown, from the tables alone."""
    lines = [
        INTRODUCTION,
        "## Header of every command",
        "",
        *_table(HEADER, 0),
        "",
        "| unit | bit of `wait`, `signal` |",
        "|---|---|",
        *(f"| {name} | {number} |" for number, name in sorted(names().items())),
        "",
    ]
    for opcode in Opcode:
        lines += [f"## {opcode.name} ({int(opcode):#04x}, {unit_name(opcode)})", ""]
        if opcode.fields:
            lines += [*_table(opcode.fields, BEHIND_HEADER), ""]
        else:
            lines += ["No fields but the header's.", ""]
        if opcode.rules:
            lines += [*(f"- {rule}" for rule in opcode.rules), ""]
        for names_of_values in dict.fromkeys(each.names for each in opcode.fields if each.names):
            values = ", ".join(f"{each.value} {each.name}" for each in names_of_values)
            lines += [f"{names_of_values.__name__}: {values}.", ""]
    return "\n".join(lines)


def _table(fields: Sequence[Field], at: int) -> list[str]:
    rows = ["| bits | field | range | |", "|---|---|---|---|"]
    for each in fields:
        bits = f"{at}" if each.width == 1 else f"{at + each.width - 1}:{at}"
        low, high = each.limits
        rows.append(f"| {bits} | `{each.name}` | {low} to {high} | {_what(each)} |")
        at += each.width
    return rows


def _what(each: Field) -> str:
    return f"{each.names.__name__}; {each.what}" if each.names else each.what


if __name__ == "__main__":
    print(page(), end="")
