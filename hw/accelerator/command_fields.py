"""A command's bits as its fields: the one place in hardware that knows where they stand."""

from amaranth.hdl import Value, signed, unsigned
from amaranth.lib import data

from golden.accelerator.commands import Field, Opcode

CODE_BITS = 4  # of an opcode, within its unit


def layout_of(fields: tuple[Field, ...]) -> data.StructLayout:
    """These fields from bit 0."""
    return data.StructLayout({f.name: (signed if f.signed else unsigned)(f.width) for f in fields})


def fields(command: Value, opcode: Opcode) -> data.View:
    """All fields of a command, its header's too."""
    return data.View(layout_of(tuple(field for field, _ in opcode.places.values())), command[: opcode.bits])


def is_one(command: Value, opcode: Opcode) -> Value:
    """Whether a command, given to the opcode's own unit, is one of that opcode."""
    return command[:CODE_BITS] == opcode & (1 << CODE_BITS) - 1
