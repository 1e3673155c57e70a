"""Products in parts: which may follow which, what they give, and what it is good for."""

from random import Random

import numpy as np
import pytest

from golden.accelerator import races
from golden.accelerator.assembler import assemble, encode, unpack
from golden.accelerator.commands import Opcode
from golden.accelerator.legal import illegal
from golden.accelerator.machine import Machine
from golden.accelerator.multiply import most_passes
from golden.accelerator.open_tiles import OpenTiles
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.timing import predict
from mapping.backends.program.compiler import compile
from mapping.run.quantised import run
from tests.mapping.backends.program.gemm import gemm

P = AcceleratorParams(outstanding=64)


def part(count=4, opened=0, more=0, passes=1):
    return {
        "count_x": count, "count_y": 1, "count_k0": passes, "count_k1": 1, "count_k2": 1,
        "open": opened, "more": more,
    }  # fmt: skip


def wrong(*given):
    parts = OpenTiles(most_passes(P))
    return [why for why in (parts.add(part(*each)) for each in given) if why]


@pytest.mark.parametrize(
    "given",
    [
        [(4,), (9,)],
        [(4, 0, 1), (4, 1, 0), (4,)],
        [(4, 0, 1, 7), (4, 1, 1, 2), (4, 1, 0, 3)],
        [(4, 0, 1, 2), (4, 1, 0, most_passes(P) - 2), (4, 0, 1), (4, 1, 0)],
        [(4, 0, 1), (5, 0, 1), (4, 1, 1), (5, 1, 1), (4, 1, 0), (5, 1, 0), (6,), (4, 0, 1), (4, 1, 0)],
    ],
)
def test_rounds_may_follow_one_another(given):
    assert wrong(*given) == []


@pytest.mark.parametrize(
    "given",
    [
        [(4, 1, 0)],
        [(4, 0, 1), (5, 1, 0)],
        [(4, 0, 1), (4,)],
        [(4, 0, 1), (4, 1, 1), (4, 0, 1)],
        [(4, 0, 1), (4, 0, 1), (4, 1, 0), (4, 1, 1)],
        [(4, 0, 1), (4, 0, 1), (4, 1, 1), (4, 1, 0)],
        [(4, 0, 1), (4, 0, 1), (4, 1, 1, 2)],
        [(4, 0, 1, most_passes(P)), (4, 1, 0)],
        [(4, 0, 1, 2), (4, 1, 1, most_passes(P) - 2), (4, 1, 0)],
        [(4, 0, 1, 2), (4, 0, 1)],
    ],
)
def test_other_orders_may_not(given):
    assert wrong(*given)


def test_a_part_is_of_one_tile():
    for name in ("open", "more"):
        word = int.from_bytes(encode(Opcode.MULTIPLY, **{name: 1}), "little")
        assert not illegal(P, word)
        place = Opcode.MULTIPLY.places["tiles1"][1]
        assert "part" in illegal(P, word + (1 << place))


def test_parts_give_the_whole_product():
    """Two tiles open together, in three rounds."""
    whole = "multiply count_x=5 stride_x=3 count_k0=3 stride_k0=1 top=64 top_row_stride=1 top_pass_stride=16"
    takes = "map count0=10 out=300 out_stride0=4 out_kind=word p=400"
    text = [whole, whole + " left=20", takes, "end"]
    parts = [
        f"multiply count_x=5 stride_x=3 left={left + k} top={64 + 16 * k} top_row_stride=1"
        f" open={int(k > 0)} more={int(k < 2)}"
        for k in range(3)
        for left in (0, 20)
    ]
    found = []
    for commands in (text, [*parts, *text[2:]]):
        machine = Machine(P, np.zeros(64, np.uint8))
        machine.scratch[:] = np.random.default_rng(1).integers(0, 256, machine.scratch.shape)
        machine.scratch[400:409] = 1
        program = assemble("\n".join(commands))
        assert races.check(P, program) == []
        for command in program[:-1]:
            machine.execute(command)
        found.append(machine.scratch[300:340].copy())
    assert (found[0] == found[1]).all() and found[0].any()


def test_a_tile_left_open_is_found():
    text = "multiply more=1\nend"
    assert any("left" in each for each in races.check(P, assemble(text)))


SIZES = [(64, 64, 64), (100, 70, 50), (128, 96, 64), (40, 49, 40), (200, 50, 100), (48, 48, 384)]


@pytest.mark.parametrize("size", SIZES)
def test_a_product_that_begins_in_parts_is_the_product(size):
    network = gemm(*size)
    program = compile(network, P)
    commands = unpack(program.commands)
    assert any(each.fields.get("more") for each in commands)
    assert races.check(P, commands) == []
    x = np.random.default_rng(Random(str(size)).getrandbits(30)).integers(-128, 128, size[::2])
    memory = program.memory.copy()
    program.write(memory, "x", x)
    Machine(P, memory, program.base).run(program.address, program.count)
    assert (program.read(memory, "y") == run(network, P, {"x": x})["y"]).all()


def test_a_small_product_keeps_four_fifths_of_the_array_busy():
    program = compile(gemm(64, 64, 64), P)
    found = predict(P, unpack(program.commands), 50, 50, program.address, ahead=300)
    assert found.cycles <= 1.02 * 1280
