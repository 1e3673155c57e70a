"""Commands in bytes and in text: each way and back, and what is no command says why."""

from pathlib import Path

import numpy as np
import pytest

from golden.accelerator.assembler import (
    Command,
    assemble,
    decode,
    disassemble,
    encode,
    pack,
    page,
    unit_name,
    unpack,
)
from golden.accelerator.commands import BITS, HEADER, Field, Opcode
from golden.accelerator.legal import illegal
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import UNITS
from golden.check import BadValue

TAKERS = [opcode for opcode in Opcode if unit_name(opcode) in UNITS]


def any_command(random: np.random.Generator, opcode: Opcode) -> Command:
    """A legal one; a third of the values are the greatest or the least."""

    def value(each: Field) -> int:
        low, high = each.limits
        return int((low, high, random.integers(low, high + 1))[random.integers(3)])

    while True:
        fields = {each.name: value(each) for each in opcode.fields}
        masks = random.integers(0, 16, 2) if opcode in TAKERS else (0, 0)
        try:
            return Command(opcode, int(masks[0]), int(masks[1]), fields)
        except BadValue:
            continue  # what the rules forbid


def program(seed: int, count: int = 200) -> list[Command]:
    random = np.random.default_rng(seed)
    opcodes = list(Opcode)
    return [any_command(random, opcodes[random.integers(len(opcodes))]) for _ in range(count)]


@pytest.mark.parametrize("seed", range(5))
def test_bytes_give_the_commands_back(seed):
    commands = program(seed)
    assert unpack(pack(commands)) == commands


@pytest.mark.parametrize("seed", range(5))
def test_text_gives_the_commands_back(seed):
    commands = program(seed)
    text = disassemble(pack(commands))
    assert len(text.splitlines()) == len(commands)
    assert assemble(text) == commands


@pytest.mark.parametrize("opcode", Opcode)
def test_every_field_stands_alone_in_its_bits(opcode):
    base = int.from_bytes(encode(opcode), "little")
    at = sum(each.width for each in HEADER)
    for each in opcode.fields:
        for value in each.limits:
            fields = Command(opcode).fields | {each.name: value}
            if not any(rule.breach(fields, None) for rule in opcode.rules):
                word = int.from_bytes(encode(opcode, **{each.name: value}), "little")
                assert (word ^ base) & ~((1 << each.width) - 1 << at) == 0
                assert decode(word.to_bytes(64, "little"))[1][each.name] == value
        at += each.width


def test_the_header_comes_first():
    command = encode(Opcode.STORE, wait=("vector", "load"), signal=8)
    assert command[0] == Opcode.STORE and command[1:3] == bytes([0b0101, 8])


def test_what_is_left_out_is_the_least_that_is_legal():
    fields = Command(Opcode.LOAD).fields
    assert (fields["words"], fields["count3"], fields["address_stride1"]) == (1, 1, 0)


def test_a_line_reads():
    line = "map wait=load,matrix signal=store p=0x40 out=0x80 count0=16 a_kind=byte operation=mul b_kind=half"
    (command,) = assemble(f"\n  {line} out_kind=byte b_shift=3  # scaled\n# nothing\n")
    assert command.wait == ("load", "matrix")
    assert (command.fields["a_kind"], command.fields["b_shift"]) == (1, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("end\nlod", "line 2: command is 'lod'; allowed: end, fence, load, "),
        ("load words", "line 1: word is 'words'; allowed: field=value"),
        ("load words=many", "line 1: words is 'many'; allowed: a number"),
        ("map a_kind=bit", "line 1: a_kind is 'bit'; allowed: a number, or none, byte, half, word"),
        ("load words=0", "line 1: LOAD.words is 0; allowed: 1 to 65535"),
        ("load words=65536", "line 1: LOAD.words is 65536; allowed: 1 to 65535"),
        ("load length=1", "line 1: LOAD: field is 'length'; allowed: address, scratch, "),
        ("load words=1 words=1", "line 1: field words is given twice; allowed: once"),
        ("load wait=dma", "line 1: LOAD.wait is 'dma'; allowed: load, matrix, vector, store"),
        ("end signal=load", "line 1: END.signal is load; allowed: none of control's commands"),
        ("map operation=add b_kind=byte reduce=1", "line 1: MAP.reduce is 1; allowed: 0 (operation ADD)"),
    ],
)
def test_text_that_is_no_program_says_where_and_why(text, message):
    with pytest.raises(BadValue) as error:
        assemble(text)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (b"\x7f" + bytes(63), "opcode is 0x7f; allowed: 0x01 END, 0x02 FENCE, 0x10 LOAD, "),
        (encode(Opcode.END)[:63], "len(command) is 63; allowed: 64"),
        (encode(Opcode.END)[:63] + b"\x80", "END: bits from 24 on is "),
        (bytes([Opcode.LOAD]) + bytes(63), "LOAD.words is 0; allowed: 1 to 65535"),
    ],
)
def test_bytes_that_are_no_command_say_why(command, message):
    with pytest.raises(BadValue) as error:
        decode(command)
    assert str(error.value).startswith(message)


def test_a_bad_command_of_a_program_has_its_number():
    with pytest.raises(BadValue, match=r"^command 1: opcode is 0x00; allowed"):
        unpack(encode(Opcode.FENCE) + bytes(64))


def test_an_unknown_field_of_encode_is_refused():
    with pytest.raises(BadValue, match=r"^FILL: field is 'address'; allowed: scratch, words"):
        encode(Opcode.FILL, address=0)


@pytest.mark.parametrize("seed", range(3))
def test_what_control_takes_can_be_unpacked(seed):
    """golden.accelerator.legal knows a design's limits beside; of what it takes nothing is refused here."""
    random, p = np.random.default_rng(seed), AcceleratorParams()
    taken = 0
    for command in program(seed, 300):
        word = int.from_bytes(command.encode(), "little") ^ (1 << int(random.integers(BITS)))
        if not illegal(p, word):
            assert pack(unpack(word.to_bytes(64, "little"))) == word.to_bytes(64, "little")
            taken += 1
    assert taken > 20


def test_the_page_of_the_commands_is_the_table_s():
    path = Path(__file__).parents[2] / "docs" / "commands.md"
    assert path.read_text() == page(), "python -m golden.accelerator.assembler > docs/commands.md"
