"""Fields of a command's bits: the one place in hardware that knows where they stand."""

from amaranth.hdl import Value, signed, unsigned
from amaranth.lib import data

from golden.accelerator.commands import Field, Opcode

CODE_BITS = 4  # of an opcode, within its unit


def layout_of(fields: tuple[Field, ...]) -> data.StructLayout:
    """The layout of these fields, from bit 0."""
    return data.StructLayout({f.name: (signed if f.signed else unsigned)(f.width) for f in fields})


def fields(command: Value, opcode: Opcode) -> data.View:
    """A view of all fields of a command, those of its header too."""
    return data.View(layout_of(tuple(field for field, _ in opcode.places.values())), command[: opcode.bits])


def is_one(command: Value, opcode: Opcode) -> Value:
    """Whether a command, known to be for the opcode's unit, has this opcode."""
    return command[:CODE_BITS] == opcode & (1 << CODE_BITS) - 1
