"""What golden says of control's figures; the bench holds them against the RTL."""

import pytest

from golden.accelerator.commands import HEADER, Opcode
from golden.accelerator.control import (
    REQUEST_BYTES,
    command_bits,
    first_command,
    following_command,
    request_words,
)
from golden.accelerator.params import LANES, AcceleratorParams
from golden.accelerator.units import UNITS
from golden.systolic.params import MatrixUnitParams


@pytest.mark.parametrize("lanes", LANES)
def test_a_request_is_of_whole_commands_and_divides_a_page(lanes):
    p = AcceleratorParams(unit=MatrixUnitParams(rows=lanes, cols=lanes))
    assert request_words(p) * lanes == REQUEST_BYTES
    assert request_words(p) % p.command_words == 0 and 4096 % REQUEST_BYTES == 0


def test_the_first_command_takes_what_the_memory_takes_and_eleven_cycles():
    p = AcceleratorParams()
    assert first_command(p, 50) == 50 + 7 + p.command_words
    assert following_command(p) == p.command_words == 4


def test_a_queue_holds_its_units_longest_command():
    header = sum(field.width for field in HEADER)
    move = header + sum(field.width for field in Opcode.LOAD.fields)
    assert [command_bits(unit) for unit in ("load", "store")] == [move, move]
    assert command_bits("vector") == header + sum(field.width for field in Opcode.MAP.fields)
    assert all(command_bits(unit) <= 512 for unit in UNITS)
