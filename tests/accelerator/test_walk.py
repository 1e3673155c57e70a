"""Walks: addresses and ends against nested loops written out."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.accelerator.walk import addresses, cycles, ends
from golden.check import BadValue

LOOPS = st.lists(st.tuples(st.integers(1, 4), st.integers(-(1 << 15), (1 << 15) - 1)), min_size=1, max_size=5)


@given(st.integers(0, 65535), LOOPS)
def test_addresses_are_those_of_nested_loops(base, loops):
    counts, strides = zip(*loops, strict=True)
    wanted = []
    for outer in product(*(range(count) for count in reversed(counts))):
        index = outer[::-1]
        wanted.append((base + sum(i * s for i, s in zip(index, strides, strict=True))) % 65536)
    assert addresses(base, counts, strides).tolist() == wanted


@given(LOOPS)
def test_ends_say_which_loops_end(loops):
    counts = [count for count, _ in loops]
    found = ends(counts)
    for number, word in enumerate(found):
        index = np.unravel_index(number, counts[::-1])[::-1]
        last = [i == count - 1 for i, count in zip(index, counts, strict=True)]
        assert [bool(word >> i & 1) for i in range(len(counts))] == [
            all(last[: i + 1]) for i in range(len(counts))
        ]


def test_memory_wraps_at_32_bits():
    assert addresses((1 << 32) - 16, [3], [16], 32).tolist() == [(1 << 32) - 16, 0, 16]


def test_walks_follow_one_another_without_a_bubble():
    assert cycles([[3, 2], [1, 1]]) == 8
    assert cycles([]) == 0


@pytest.mark.parametrize("counts", [[0], [65536], [1, -1]])
def test_a_count_that_no_command_holds_is_refused(counts):
    with pytest.raises(BadValue, match="counts"):
        addresses(0, counts, [1] * len(counts))


def test_a_stride_too_few_is_refused():
    with pytest.raises(BadValue, match=r"len\(strides\)"):
        addresses(0, [1, 2], [1])
