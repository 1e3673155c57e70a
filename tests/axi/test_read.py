"""The read master's golden model: words, and cycles against an event model stepped cycle by cycle."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.axi.bursts import bursts
from golden.axi.read import ReadParams, bytes_moved, cycles, keeps_up, read, unhindered_cycles
from golden.check import BadValue

P = ReadParams(address_bits=16, data_bits=32, bytes_bits=12, longest_burst=4, outstanding=3, buffer=20)


def test_words_are_little_endian_and_the_last_is_marked():
    memory = bytes(range(16))
    words = read(P, lambda address, count: memory[address:][:count], 4, 7)
    assert words == [(0x07060504, 0), (0x0B0A0908, 1)]


def test_a_refused_command_gives_no_word():
    assert read(P, lambda address, count: bytes(count), 2, 7) == []


def test_whole_words_cross_the_bus():
    assert bytes_moved(P, 5) == 8


def test_a_buffer_without_room_for_a_burst_is_refused():
    with pytest.raises(BadValue, match="buffer is 3; allowed: 4 to 65536"):
        ReadParams(longest_burst=4, buffer=3)


def stepped(p, commands, latency):
    """`cycles`, found by stepping queues: issued bursts, beats under way, words buffered, statuses."""
    todo = []
    for command in commands:
        lengths = [beats for _, beats in bursts(p, *command)]
        todo += [(beats, i == len(lengths) - 1) for i, beats in enumerate(lengths)] or [(0, True)]
    used = room = 0
    beats, words, statuses = [], [], []  # (not before cycle, ...)
    cycle, last = 1, 0
    while todo or beats or words or statuses:
        ended = taken = freed = 0
        issue = todo and used < p.outstanding and room + todo[0][0] <= p.buffer and (todo[0][0] or not used)
        if beats and beats[0][0] <= cycle:
            _, end, final = beats.pop(0)
            words.append(cycle + 2)
            if end and final:
                statuses.append(cycle + 2)
            ended = end and not final
        if words and words[0] <= cycle:
            words.pop(0)
            taken, last = 1, cycle
        if statuses and statuses[0] <= cycle:
            statuses.pop(0)
            freed = 1
        used, room = used - ended - freed, room - taken
        if issue:
            count, final = todo.pop(0)
            used, room = used + 1, room + count
            beats += [(cycle + 1 + latency, i == count - 1, final) for i in range(count)]
            statuses += [] if count else [cycle + 2]
        cycle += 1
    return last + 1 if last else 0


WORDS = st.integers(0, 200).map(lambda word: word * 4)
COMMANDS = st.lists(st.tuples(WORDS, st.integers(0, 90)), max_size=12)


@settings(max_examples=300, deadline=None)
@given(COMMANDS, st.integers(1, 40), st.integers(1, 5), st.integers(4, 40))
def test_cycles_are_those_of_the_event_model(commands, latency, outstanding, buffer):
    p = ReadParams(
        address_bits=16, data_bits=32, bytes_bits=12, longest_burst=4, outstanding=outstanding, buffer=buffer
    )
    assert cycles(p, commands, latency) == stepped(p, commands, latency)


@given(st.integers(0, 100), st.integers(0, 4000), st.integers(1, 60), st.integers(1, 20), st.integers(4, 99))
def test_closed_form_of_a_command_that_nothing_hinders(word, count, latency, outstanding, buffer):
    p = ReadParams(
        address_bits=16, data_bits=32, bytes_bits=12, longest_burst=4, outstanding=outstanding, buffer=buffer
    )
    if keeps_up(p, latency):
        assert cycles(p, [(word * 4, count)], latency) == unhindered_cycles(p, count, latency)


@pytest.mark.parametrize("outstanding, buffer, latency", [(3, 99, 7), (9, 20, 13)])
def test_keeps_up_is_tight(outstanding, buffer, latency):
    p = ReadParams(
        address_bits=16, data_bits=32, bytes_bits=12, longest_burst=4, outstanding=outstanding, buffer=buffer
    )
    assert keeps_up(p, latency) and not keeps_up(p, latency + 1)
    assert cycles(p, [(0, 4000)], latency + 1) > unhindered_cycles(p, 4000, latency + 1)
