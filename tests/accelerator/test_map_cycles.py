"""MAP's cycles: repeating what comes back gives what stepping through all of it gives; and sums by hand."""

import time

import pytest

from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.map_cycles import BACK, FRONT, PIECEWISE, MapRegisters, cycles, latency
from golden.accelerator.params import AcceleratorParams
from hw.accelerator import map_lane
from tests.helpers import fields_of

P = AcceleratorParams()
LOSS = 23  # cycles of a command, beyond its vectors, where one goes in every cycle
KINDS = list(Kind)
COUNTS = [(1, 1, 1, 1), (2, 1, 3, 1), (60, 40, 1, 1), (5, 3, 40, 2), (3, 3, 7, 30), (100, 1, 2, 20)]


def command(counts=(1, 1, 1, 1), **given):
    return fields_of(Opcode.MAP) | {f"count{i}": count for i, count in enumerate(counts)} | given


def stepped(c):
    """All of it."""
    steps = MapRegisters(P, c)
    while steps.written < steps.results:
        steps.step()
    return steps.cycle + 1


@pytest.mark.parametrize("stride", [0, 9])
@pytest.mark.parametrize("counts", COUNTS, ids=str)
def test_repeating_gives_what_stepping_gives(counts, stride):
    for index in range(16):
        kinds = {"a_kind": KINDS[index % 4], "b_kind": KINDS[index // 4], "out_kind": KINDS[1 + index % 3]}
        more = {
            "p_stride": stride,
            "p_loop": index & 1,
            "reduce": index >> 1 & 1,
            "function": 2 * (index >> 3),
        }
        c = command(counts, **kinds, **more)
        assert cycles(P, c) == stepped(c), c


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"a_kind": Kind.NONE, "out_kind": Kind.BYTE}, 1),
        ({"a_kind": Kind.BYTE, "out_kind": Kind.BYTE}, 1),
        ({"a_kind": Kind.BYTE, "b_kind": Kind.HALF, "out_kind": Kind.BYTE}, 2),
        ({"a_kind": Kind.NONE, "out_kind": Kind.HALF}, 2),
        ({"a_kind": Kind.WORD, "out_kind": Kind.BYTE}, 4),
        ({"a_kind": Kind.BYTE, "out_kind": Kind.WORD}, 4),
    ],
)
def test_the_slowest_stream_of_words_paces_it(kinds, words):
    for count in (500, 5000):
        assert 0 < cycles(P, command((count, 1, 1, 1), **kinds)) - count * words < 30


def test_a_block_of_parameters_is_taken_while_the_one_before_serves():
    tiles = {"a_kind": Kind.NONE, "out_kind": Kind.BYTE, "p_stride": 9}
    assert cycles(P, command((16, 1, 96, 1), **tiles)) == 16 * 96 + LOSS
    assert cycles(P, command((9, 1, 96, 1), **tiles)) == 9 * 96 + LOSS
    assert cycles(P, command((1, 1, 96, 1), **tiles)) == 9 * 96 + LOSS - 8  # blocks pace it


def test_what_reduces_writes_seldom():
    given = {"a_kind": Kind.BYTE, "out_kind": Kind.WORD, "reduce": 1}
    # four words to write instead of one, but the parameters are there before the first sum is
    assert cycles(P, command((49, 1, 80, 1), **given)) == 49 * 80 + LOSS + 3 - 5


def test_a_piecewise_function_is_three_stages_more():
    assert [latency(P, function) for function in (0, 1, 2)] == [12, 12, 15]
    given = {"a_kind": Kind.BYTE, "out_kind": Kind.BYTE}
    assert cycles(P, command(**given, function=2)) - cycles(P, command(**given)) == 3


def test_a_long_command_takes_no_longer_to_predict():
    started = time.perf_counter()
    c = command((1000, 60, 500, 90), a_kind=Kind.HALF, out_kind=Kind.BYTE, p_stride=9, reduce=1)
    assert cycles(P, c) > 1000 * 60 * 500 * 90 * 2
    assert time.perf_counter() - started < 1


def test_golden_knows_how_many_stages_the_lanes_have():
    assert len(map_lane.FRONT) + len(map_lane.BACK) == FRONT + BACK
    assert (map_lane.FRONT.index("total") + 1, len(map_lane.PIECEWISE)) == (FRONT, PIECEWISE)
