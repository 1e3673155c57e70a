"""Which commands are legal: what control checks before it gives a command to its unit."""

from collections.abc import Mapping

from golden.accelerator import exponential, normalise
from golden.accelerator.commands import (
    BITS,
    FIELDS,
    HEADER,
    Field,
    Kind,
    Opcode,
    Operation,
)
from golden.accelerator.multiply import count_of, most_passes, passes_of
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams


def places(opcode: Opcode) -> dict[str, tuple[Field, int]]:
    """(field, its first bit) of each field of a command, the header's among them."""
    found, place = {}, 0
    for field in (*HEADER, *FIELDS[opcode]):
        found[field.name] = field, place
        place += field.width
    return found


def used_bits(opcode: Opcode) -> int:
    """Bits of a command that are fields; the others must be 0."""
    return sum(field.width for field in (*HEADER, *FIELDS[opcode]))


def unit_of(opcode: Opcode) -> int:
    """Number of the unit that does it in UNITS, -1 of control itself."""
    return (opcode >> 4) - 1


def illegal(p: AcceleratorParams, word: int) -> str:
    """What is wrong with a command of 512 bits, "" if nothing is.

    Beside what golden.accelerator.commands says of every field: END and FENCE take and give no tokens; a
    product has room in the accumulators and is no deeper than they hold, a part of one is of one tile; MAP
    multiplies by bytes or halves, adds something, sums before it adds nothing, and its function exists; rows
    of EXPONENTIAL and of NORMALISE are no longer than their sums are wide for.
    """
    if word & 0xFF not in {opcode.value for opcode in Opcode}:
        return f"opcode is {word & 0xFF:#x}"
    opcode = Opcode(word & 0xFF)
    values = {name: word >> low & (1 << field.width) - 1 for name, (field, low) in places(opcode).items()}
    for name, (field, _) in places(opcode).items():
        if field.least is not None and values[name] < field.least:
            return f"{name} is {values[name]}"
    if word >> used_bits(opcode) or word >> BITS:
        return "bits beyond the fields"
    return _illegal_values(p, opcode, values)


def _illegal_values(p: AcceleratorParams, opcode: Opcode, values: Mapping[str, int]) -> str:
    """What no field shows by itself."""
    if unit_of(opcode) < 0 and (values["wait"] or values["signal"]):
        return "tokens of a control command"
    if opcode == Opcode.MULTIPLY:
        return _illegal_multiply(p, values)
    if opcode == Opcode.MAP:
        return _illegal_map(p, values)
    if opcode == Opcode.EXPONENTIAL and values["count0"] > most_vectors(p):
        return f"count0 is {values['count0']}, rows of {values['count0'] * p.lanes} elements"
    if opcode == Opcode.NORMALISE and values["length"] > normalise.LONGEST:
        return f"length is {values['length']}"
    return ""


def most_vectors(p: AcceleratorParams) -> int:
    """Vectors of a row of EXPONENTIAL."""
    return exponential.LONGEST // p.lanes


def _illegal_multiply(p: AcceleratorParams, values: Mapping[str, int]) -> str:
    if count_of(values) > p.unit.accumulator_rows:
        return f"count_x * count_y is {count_of(values)}"
    if passes_of(values) > most_passes(p):
        return f"count_k0 * count_k1 * count_k2 is {passes_of(values)}, passes of {p.lanes} products"
    if (values["open"] or values["more"]) and (values["tiles0"] != 1 or values["tiles1"] != 1):
        return f"a part of {values['tiles0'] * values['tiles1']} tiles"
    return ""


def _illegal_map(p: AcceleratorParams, values: Mapping[str, int]) -> str:
    operation, b_kind = values["operation"], values["b_kind"]
    if values["function"] >= FIRST_FUNCTION + len(p.functions):
        return f"function is {values['function']}"
    if operation == Operation.ADD and values["reduce"]:
        return "ADD with reduce"
    if operation in (Operation.MUL, Operation.ADD) and b_kind == Kind.NONE:
        return "no second operand"
    if operation == Operation.MUL and b_kind == Kind.WORD:
        return "MUL by words"
    return ""
