"""Elements that change lanes: programs give the codes of mapping.run.quantised, whatever moves where."""

import numpy as np
import pytest

from golden import check
from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.compiler import compile
from mapping.ir.graph import Concat, Reshape, Slice, Take
from tests.mapping.backends.program.machines import holds
from tests.mapping.backends.program.nets import single

TYPES = ("int8", "uint8", "int16")


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shapes", [((4, 9), (36,)), ((6, 10), (10, 6)), ((35,), (5, 7))])
def test_reshapes_to_rows_of_any_length(p, shapes, dtype):
    o = Reshape(name="reshape", x="x", y="y")
    holds(single(o, x=(shapes[0], dtype), y=(shapes[1], dtype)), p)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("start, length, step", [(0, 5, 1), (3, 20, 1), (1, 30, 3), (31, 1, 1)])
def test_channels_from_anywhere(p, start, length, step, dtype):
    o = Slice(name="slice", x="x", y="y", axis=1, start=start, length=length, step=step)
    holds(single(o, x=((3, 33), dtype), y=((3, -(-length // step)), dtype)), p)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("widths", [(8, 16), (5, 3, 20), (1, 1)])
def test_channels_joined_anywhere(p, widths, dtype):
    names = [f"x{i}" for i in range(len(widths))]
    o = Concat(name="concat", x="x0", others=tuple(names[1:]), axis=1, y="y")
    given = {name: ((7, width), dtype) for name, width in zip(names, widths, strict=True)}
    holds(single(o, y=((7, sum(widths)), dtype), **given), p)


def taken(x, index, dtype, fill=0):
    o = Take(name="take", x="x", y="y", index=index, fill=fill)
    return single(o, x=(x, dtype), y=(index.shape, dtype))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("perm", [(1, 0, 2), (0, 2, 1), (2, 1, 0), (2, 0, 1)])
def test_axes_turn(p, perm, dtype):
    holds(taken((4, 5, 6), np.arange(120).reshape(4, 5, 6).transpose(perm), dtype), p)


@pytest.mark.parametrize("dtype, fill", [("int8", -7), ("uint8", 200), ("int16", 30001), ("int16", -300)])
def test_elements_anywhere_with_a_fill(p, dtype, fill):
    index = np.random.default_rng(3).integers(-1, 40, (6, 21))
    index[2] = -1
    holds(taken((4, 10), index, dtype, fill), p)


@pytest.mark.parametrize("dtype", TYPES)
def test_rows_repeat_turn_and_are_left_out(p, dtype):
    rows = np.array([3, 3, 0, 2, 4, -1, -1, 1, 0])
    index = np.where(rows[:, None] < 0, -1, rows[:, None] * 20 + np.arange(20))
    holds(taken((5, 20), index, dtype), p)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_many_elements_move_by_patterns_of_rows(p, dtype):
    depth = np.arange(40 * 12 * 12).reshape(20, 24, 12)
    pixels = depth.reshape(20, 24, 2, 6).transpose(0, 2, 1, 3).reshape(40, 24, 6)  # each row of one row
    holds(taken(depth.shape, pixels, dtype), p)
    merged = depth.reshape(20, 12, 2, 12).transpose(1, 0, 2, 3).reshape(240, 24)  # each row of two
    holds(taken(depth.shape, merged, dtype), p)
    holds(taken((48, 120), np.arange(48 * 120).reshape(48, 120).T, dtype), p)


def commands_of(program, opcode):
    return sum(each.opcode == opcode for each in program.listed)


@pytest.mark.parametrize("dtype", [*TYPES, "uint16", "int32"])
@pytest.mark.parametrize("perm", [(1, 0, 2), (0, 1, 2)])
def test_whole_vectors_of_rows_are_copied(p, perm, dtype):
    """Heads side by side one below the other, and back: a copy for each head, no product."""
    tokens, heads, width = 5, 3, 2 * p.lanes
    beside = np.arange(tokens * heads * width).reshape(tokens, heads, width)
    below = np.arange(beside.size).reshape(heads, tokens, width).transpose(1, 0, 2)
    for x, index in (((tokens, heads * width), beside.transpose(1, 0, 2)),
                     ((heads, tokens, width), below.reshape(tokens, -1))):  # fmt: skip
        program = holds(taken(x, np.ascontiguousarray(index), dtype), p)
        assert commands_of(program, Opcode.MULTIPLY) == 0
        assert commands_of(program, Opcode.STORE) <= heads
    twice = beside[:, [2, 2, 0]].reshape(tokens, -1)
    holds(taken((tokens, heads * width), twice, dtype), p)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("step", [1, 8])
def test_pieces_that_turn_alike_meet_a_small_matrix(p, step, dtype):
    """Partners of a rotation, neighbours or half a head apart: a matrix of a vector or of a head, for all."""
    tokens, heads, width = 5, 8, 16
    if width % p.lanes:
        pytest.skip("heads of whole vectors")
    place = np.arange(width)
    partner = np.where(place // step % 2 == 0, place + step, place - step)
    index = np.arange(tokens * heads * width).reshape(tokens, heads, width)[..., partner]
    program = holds(taken((tokens, heads * width), index.reshape(tokens, -1), dtype), p)
    loaded = sum(each.fields["words"] for each in program.listed if each.opcode == Opcode.LOAD)
    assert loaded < heads * width * heads * width // p.lanes


def test_what_has_no_pattern_and_too_many_elements_is_refused_by_name():
    index = np.random.default_rng(0).permutation(64 * 64).reshape(64, 64)
    with pytest.raises(check.BadValue, match=r"take: elements that change lanes is 64 x 64 to 64 x 64"):
        compile(taken((64, 64), index, "int8"), AcceleratorParams())
