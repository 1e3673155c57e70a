"""Golden load and store: runs, cycles of one command in closed form, and sequences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.accelerator import moves
from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.move_timing import LoadTiming, StoreTiming
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units import load, store
from golden.axi import read, write
from golden.check import BadValue

P = AcceleratorParams()
L = P.lanes


def fields(opcode=Opcode.LOAD, **given):
    return Command(opcode, fields=given).fields


def test_runs_go_loop_by_loop():
    command = fields(address=1024, words=2, count1=2, address_stride1=64, count3=2, address_stride3=-512)
    assert list(moves.runs(P, command)) == [(1024, 32), (1088, 32), (512, 32), (576, 32)]


def test_addresses_wrap_at_32_bits():
    command = fields(address=(1 << 32) - 16, words=1, count2=2, address_stride2=32)
    assert list(moves.runs(P, command)) == [((1 << 32) - 16, 16), (16, 16)]


def test_rows_are_found_by_number():
    command = fields(Opcode.GATHER, address=4096, words=1, count1=2, address_stride1=-16)
    assert list(moves.rows(P, command, [3, 0])) == [(4048, 16), (4096, 16)]


def test_a_long_load_takes_a_cycle_a_word():
    command = fields(address=0, words=4096)
    assert load.cycles(P, Opcode.LOAD, command, 50) == 4096 + 50 + read.LATENCY + moves.START + load.DONE


def test_runs_of_a_word_take_a_cycle_each():
    """As long as the master's slots cover the way to memory and back."""
    command = fields(address=0, words=1, count1=500, address_stride1=4096)
    assert load.cycles(P, Opcode.LOAD, command, 20) <= 500 + 20 + 10


def test_gathered_rows_overlap():
    """20 rows of 8 words at 50 cycles: nothing like 50 a row."""
    command = fields(Opcode.GATHER, address=0, words=8, count1=20, address_stride1=128, limit=100)
    found = load.cycles(P, Opcode.GATHER, command, 50, range(20))
    assert found == 20 * 8 + 50 + read.LATENCY + moves.NUMBERS + 1


def test_a_fill_takes_a_cycle_a_word():
    assert load.cycles(P, Opcode.FILL, fields(Opcode.FILL, words=7, count2=3), 50) == 21 + 5


def test_a_long_store_takes_a_cycle_a_word():
    command = fields(Opcode.STORE, address=0, words=4096)
    assert store.cycles(P, command, 50) == 4096 + 50 + write.LATENCY + moves.START + store.DONE


def test_only_its_own_commands_have_cycles():
    with pytest.raises(BadValue, match="opcode"):
        load.cycles(P, Opcode.STORE, fields(Opcode.STORE), 5)


MOVES = st.builds(
    lambda words, count, gap: fields(address=0, words=words, count1=count, address_stride1=gap * L),
    st.integers(1, 40), st.integers(1, 9), st.integers(0, 70),
)  # fmt: skip


@given(MOVES, st.integers(1, 60))
def test_a_sequence_of_one_takes_what_one_takes(command, latency):
    loads, stores = LoadTiming(P, latency), StoreTiming(P, latency)
    assert loads.command(Opcode.LOAD, command, 0) + 1 == load.cycles(P, Opcode.LOAD, command, latency)
    assert stores.command(command, 0) + 1 == store.cycles(P, command, latency)


def test_a_gather_alone_and_a_fill_alone():
    gather = fields(Opcode.GATHER, words=3, count1=5, address_stride1=48, limit=9)
    fill = fields(Opcode.FILL, words=7)
    wanted = load.cycles(P, Opcode.GATHER, gather, 9, [1, 0, 4, 4, 8])
    assert LoadTiming(P, 9).command(Opcode.GATHER, gather, 100, [1, 0, 4, 4, 8]) == 99 + wanted
    assert LoadTiming(P, 9).command(Opcode.FILL, fill, 100) == 99 + load.cycles(P, Opcode.FILL, fill, 9)


def test_loads_hide_one_anothers_latency():
    """At most PENDING commands are inside: so many words are under way, and come one a cycle."""
    timing, command = LoadTiming(P, 50), fields(address=0, words=16)
    done = [timing.command(Opcode.LOAD, command, 0) for _ in range(40)]
    assert done[-1] - done[0] == 39 * 16


def test_stores_hide_one_anothers_latency():
    timing, command = StoreTiming(P, 50), fields(Opcode.STORE, address=0, words=16)
    done = [timing.command(command, 0) for _ in range(40)]
    assert done[-1] - done[0] == 39 * 16
