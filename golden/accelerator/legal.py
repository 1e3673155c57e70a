"""Legality: the checks that control makes before it gives a command to its unit."""

from collections.abc import Iterable, Mapping
from functools import cache

from golden import check
from golden.accelerator.commands import BITS, CONTROL, MASKS, Opcode
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import UNITS, names, numbers


def mask_of(units: Iterable[str]) -> int:
    """The mask of units' names: bit NUMBER of each is set."""
    known = numbers()
    return sum({1 << known[name] for name in units})


@cache
def names_of(mask: int) -> tuple[str, ...]:
    """The names of a mask's units, in the order of their NUMBERs; a bit that no unit has is left out."""
    return tuple(name for number, name in sorted(names().items()) if mask >> number & 1)


def decoded(word: int, p: AcceleratorParams | None = None) -> tuple[Opcode, dict[str, int]]:
    """Opcode and values of a command of 512 bits, `wait` and `signal` among them.

    p       the design that does it; None: any
    raises  BadValue saying what is illegal: see golden.accelerator.commands
    """
    opcode = Opcode.of(word & 0xFF)
    values = {}
    for name, (field, low) in opcode.places.items():
        value = word >> low & (1 << field.width) - 1
        if field.signed and value >> field.width - 1:
            value -= 1 << field.width
        values[name] = value
    del values["opcode"]
    if word >> opcode.bits or word >> BITS:
        raise check.fail(f"{opcode.name}: bits from {opcode.bits} on", f"{word >> opcode.bits:#x}", "0")
    check_values(opcode, values, p)
    present = UNITS if p is None else p.present
    if opcode.unit != CONTROL and names()[opcode.unit] not in present:
        raise check.fail(opcode.name, f"a command of unit {names()[opcode.unit]}", ", ".join(present))
    for name in MASKS:
        if wrong := values[name] & ~(0 if opcode.unit == CONTROL else mask_of(present)):
            allowed = "none of control's commands" if opcode.unit == CONTROL else ", ".join(present)
            raise check.fail(f"{opcode.name}.{name}", ", ".join(names_of(wrong)) or f"{wrong:#x}", allowed)
    return opcode, values


def check_values(opcode: Opcode, values: Mapping[str, int], p: AcceleratorParams | None = None) -> None:
    """BadValue if a field of a command does not fit, or its rules forbid them all together."""
    for name, (low, high) in opcode.limits.items():
        if not low <= values[name] <= high:
            raise check.fail(f"{opcode.name}.{name}", values[name], f"{low} to {high}")
    for rule in opcode.rules:
        if breach := rule.breach(values, p):
            where, value, allowed = breach
            raise check.fail(f"{opcode.name}.{where}", value, allowed)


def illegal(p: AcceleratorParams, word: int) -> str:
    """What is wrong with a command of 512 bits, "" if nothing is."""
    try:
        decoded(word, p)
    except check.BadValue as error:
        return str(error)
    return ""
