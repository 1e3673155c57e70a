"""Random legal commands and programs, for what only passes commands on."""

from collections import Counter
from random import Random

from golden.accelerator.commands import KINDS, Field, Opcode
from golden.accelerator.legal import illegal
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import unit

UNITS = AcceleratorParams().present  # those that every design has; their places are their numbers
OF_UNITS = {name: unit(name).COMMANDS for name in UNITS}
OPCODES = sorted([Opcode.END, Opcode.FENCE, *(each for commands in OF_UNITS.values() for each in commands)])
HEADER = Opcode.END
END = int(Opcode.END)
FENCE = int(Opcode.FENCE)


def pack(opcode: Opcode, values: dict[str, int]) -> int:
    """A command; what is not given is the least that is legal."""
    word = 0
    for name, (field, low) in opcode.places.items():
        value = int(opcode) if name == "opcode" else values.get(name, field.least or 0)
        word |= (value & (1 << field.width) - 1) << low
    return word


def unpack(word: int) -> dict[str, int]:
    """The fields of a command whose opcode exists, as codes."""
    fields = Opcode.of(word & 0xFF).places
    return {name: word >> low & (1 << field.width) - 1 for name, (field, low) in fields.items()}


def unit_number(word: int) -> int:
    """Which unit's it is, CONTROL or a place in UNITS."""
    return int(Opcode.of(word & 0xFF).unit)


def mask_of(word: int, name: str) -> int:
    """`wait` or `signal` of a command."""
    _, low = HEADER.places[name]
    return int(word >> low & (1 << KINDS) - 1)


def without_tokens(word: int) -> int:
    """A command that neither takes nor gives tokens."""
    return pack(Opcode.of(word & 0xFF), unpack(word) | {"wait": 0, "signal": 0})


def value_of(random: Random, field: Field) -> int:
    """A code of a field, corners often."""
    most = (1 << field.width) - 1
    return max(field.least or 0, random.choice([0, 1, most, most >> 1, random.randint(0, most)]))


def command(random: Random, p: AcceleratorParams, opcode: Opcode, wait: int = 0, signal: int = 0) -> int:
    """A legal command."""
    while True:
        values = {name: value_of(random, field) for name, (field, _) in opcode.places.items()}
        if opcode == Opcode.MULTIPLY:
            values["count_x"] = random.randint(1, p.unit.accumulator_rows)
            values["count_y"] = random.randint(1, p.unit.accumulator_rows // values["count_x"])
            left = most_passes(p)
            for name in ("count_k0", "count_k1", "count_k2"):
                values[name] = random.choice([1, left, random.randint(1, left)])
                left //= values[name]
        word = pack(opcode, values | {"wait": wait, "signal": signal})
        if not illegal(p, word):
            return word


def of_unit(random: Random, p: AcceleratorParams, unit: str, wait: int = 0, signal: int = 0) -> int:
    """A legal command of a unit."""
    return command(random, p, random.choice(OF_UNITS[unit]), wait, signal)


def program(random: Random, p: AcceleratorParams, count: int, *, fences: float = 0.05) -> list[int]:
    """`count` commands and an END; a token is waited for only after it is signalled, so it ends."""
    tokens: Counter[tuple[int, int]] = Counter()
    words = []
    for _ in range(count):
        if random.random() < fences:
            words.append(FENCE)
            continue
        unit = random.randrange(len(UNITS))
        given = [giver for giver in range(len(UNITS)) if tokens[giver, unit] and random.random() < 0.7]
        told = [taker for taker in range(len(UNITS)) if random.random() < 0.3]
        words.append(of_unit(random, p, UNITS[unit], mask(given), mask(told)))
        tokens.subtract((giver, unit) for giver in given)
        tokens.update((unit, taker) for taker in told)
    return [*words, END]


def mask(units: list[int]) -> int:
    """A bit for each."""
    return sum(1 << unit for unit in units)
