"""Tokens follow from what commands touch."""

import pytest

from golden import check
from golden.accelerator.commands import Opcode
from mapping.backends.program.compiler import TOGETHER, Compiler
from mapping.backends.program.dependencies import TokenSchedule, complete, most_tokens
from tests.mapping.backends.program.gemm import gemm
from tests.mapping.backends.program.machines import holds, machine

LOAD, MATRIX, VECTOR, STORE = range(4)


def load(schedule, start, words=4, **more):
    return schedule.emit(Opcode.LOAD, {}, writes=[(start, words)], **more)


def multiply(schedule, start, words=4):
    return schedule.emit(Opcode.MULTIPLY, {}, reads=[(start, words)])


def test_what_is_read_must_be_there():
    schedule = TokenSchedule(64, 0)
    first, other, work = load(schedule, 0), load(schedule, 32), multiply(schedule, 0)
    assert (first.signal, other.signal, work.wait) == ({MATRIX}, set(), {LOAD})


def test_what_is_read_is_not_overwritten():
    schedule = TokenSchedule(64, 0)
    load(schedule, 0)
    work, again, beside = multiply(schedule, 0), load(schedule, 3), load(schedule, 8)
    assert (work.signal, again.wait, beside.wait) == ({LOAD}, {MATRIX}, set())


def test_one_token_tells_of_all_before_it():
    schedule = TokenSchedule(64, 0)
    first, last = load(schedule, 0), load(schedule, 4)
    work, more = multiply(schedule, 0, 8), multiply(schedule, 0)
    assert (first.signal, last.signal, work.wait, more.wait) == (set(), {MATRIX}, {LOAD}, set())


def test_what_another_unit_knew_needs_no_token():
    schedule = TokenSchedule(64, 0)
    load(schedule, 0)
    schedule.emit(Opcode.MAP, {}, reads=[(0, 4)], writes=[(8, 4)])
    store = schedule.emit(Opcode.STORE, {}, reads=[(0, 4), (8, 4)])
    assert store.wait == {VECTOR}


def test_memory_counts_like_the_scratchpad():
    schedule = TokenSchedule(64, 64)
    schedule.emit(Opcode.STORE, {}, reads=[(0, 4)], memory_writes=[(10, 4)])
    assert load(schedule, 8, memory_reads=[(0, 10)]).wait == set()
    assert load(schedule, 16, memory_reads=[(13, 1)]).wait == {STORE}


def test_tokens_that_wait_are_counted():
    schedule = TokenSchedule(64, 0)
    for start in range(0, 20, 4):
        load(schedule, start)
        multiply(schedule, start)
    assert most_tokens(schedule.drafts) == 1


def test_a_value_that_a_field_cannot_hold_is_refused():
    with pytest.raises(check.BadValue, match=r"LOAD\.words is 65536; allowed: 1 to 65535"):
        complete(Opcode.LOAD, {"words": 1 << 16})


def test_a_long_stride_wraps_as_addresses_do():
    assert complete(Opcode.LOAD, {"scratch_stride1": 40000})["scratch_stride1"] == 40000 - (1 << 16)


def test_a_token_for_several_commands_long_behind():
    """Of 40 loads a multiplication reads the third: eight are behind it and eight more, so the eighth's token
    does. What the last of them wrote is known by its own."""
    schedule = TokenSchedule(256, 0, together=8)
    loads = [load(schedule, 4 * number) for number in range(40)]
    early, late = multiply(schedule, 8), multiply(schedule, 4 * 39)
    assert [number for number, each in enumerate(loads) if each.signal] == [7, 39]
    assert early.wait == late.wait == {LOAD}


def test_more_sums_wait_in_memory_than_there_are_tokens(monkeypatch):
    """Sums of 260 columns, of a part of the depth, are stored before the first is loaded again."""
    attempts, attempt = [], Compiler.attempt
    monkeypatch.setattr(Compiler, "attempt", lambda self, n: attempts.append(n) or attempt(self, n))
    holds(gemm(1, 1040, 4000), machine(4, 4, 2048))
    assert attempts == [1, TOGETHER]
