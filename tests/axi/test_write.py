"""The write master's golden model: beats, strobes, cycles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.axi.write import WriteParams, bytes_moved, cycles, keeps_up, unhindered_cycles, write
from golden.check import BadValue

P = WriteParams(address_bits=16, data_bits=32, bytes_bits=12, longest_burst=2, outstanding=3)


def test_each_burst_ends_with_last_and_the_partial_word_has_its_strobe():
    assert write(P, 4, 14, [5, 6, 7, 8, 9]) == [(5, 15, 1), (6, 15, 0), (7, 15, 1), (8, 3, 1)]


def test_a_whole_last_word_has_all_strobes():
    assert write(P, 0, 8, [1, 2]) == [(1, 15, 0), (2, 15, 1)]


def test_too_few_words_are_refused():
    with pytest.raises(BadValue, match="words is 1; allowed: 2 to"):
        write(P, 0, 8, [1])


def test_a_refused_command_takes_no_word():
    assert write(P, 3, 8, []) == []


def test_whole_words_cross_the_bus():
    assert bytes_moved(P, 5) == 8


@given(st.integers(0, 100), st.integers(0, 4000), st.integers(1, 60), st.integers(1, 40))
def test_closed_form_of_a_command_that_nothing_hinders(word, count, latency, outstanding):
    p = WriteParams(address_bits=16, data_bits=32, bytes_bits=12, longest_burst=4, outstanding=outstanding)
    if keeps_up(p, latency):
        assert cycles(p, [(word * 4, count)], latency) == unhindered_cycles(p, count, latency)


def test_keeps_up_is_tight():
    assert keeps_up(P, 1) and not keeps_up(P, 2)
    assert cycles(P, [(0, 4000)], 2) > unhindered_cycles(P, 4000, 2)


def test_no_command_takes_no_cycle():
    assert cycles(P, [], 5) == 0
