"""Tokens: what they must order, and what says that they do not."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from golden.accelerator import races
from golden.accelerator.assembler import Command, assemble, unpack
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.compiler import compile
from tests.mapping.backends.program.gemm import gemm

sys.path.insert(0, str(Path(__file__).parent))
from programs import SMALL, Programs

P = AcceleratorParams()


def check(text: str) -> list[str]:
    return races.check(P, assemble(text))


def test_a_token_orders_a_load_and_a_store():
    assert check("load words=4 signal=store\nstore wait=load words=4 address=0x1000\nend") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("load words=4\nstore scratch=3 address=0x1000\nend",
         "command 1 (STORE) reads word 0x3 of the scratchpad, which command 0 (LOAD) writes"),
        ("store words=4 address=0x1000\nfill scratch=3\nend",
         "command 1 (FILL) writes word 0x3 of the scratchpad, which command 0 (STORE) reads"),
        ("map a_kind=byte out=7 p=16 out_kind=byte\nload scratch=6 words=2\nend",
         "command 1 (LOAD) writes word 0x7 of the scratchpad, which command 0 (MAP) writes"),
        ("store scratch=1 address=0x100\nload address=0xf0 words=2 scratch=8\nend",
         "command 1 (LOAD) reads word 0x10 of memory, which command 0 (STORE) writes"),
        ("load address=0xf0 words=2 scratch=8\nstore scratch=1 address=0x100\nend",
         "command 1 (STORE) writes word 0x10 of memory, which command 0 (LOAD) reads"),
        ("store address=0x100\ngather address=0 address_stride1=64 limit=5 index=64 scratch=32\nend",
         "command 1 (GATHER) reads word 0x10 of memory, which command 0 (STORE) writes"),
        ("fill scratch=9\nmultiply left=1 count_k0=2 stride_k0=8 top=64 top_row_stride=1\n"
         "map p=100 out=128 out_kind=word\nend",
         "command 1 (MULTIPLY) reads word 0x9 of the scratchpad, which command 0 (FILL) writes"),
        ("fill scratch=24\nmap a_kind=byte a=1 p=16 out=2 out_kind=byte\nend",
         "command 1 (MAP) reads word 0x18 of the scratchpad, which command 0 (FILL) writes"),
        ("load words=4 signal=matrix\nstore scratch=3 address=0x1000\nmultiply wait=load top=64\n"
         "map p=100 out=128 out_kind=word\nend",
         "command 1 (STORE) reads word 0x3 of the scratchpad, which command 0 (LOAD) writes"),
    ],
)  # fmt: skip
def test_what_nothing_orders_is_found(text, found):
    assert check(text) == [f"{found}: no token says that it is done"]


@pytest.mark.parametrize(
    "text",
    [
        # through a third unit
        "load words=4 signal=matrix\nmultiply wait=load signal=store left=64 top=64\n"
        "store wait=matrix words=4 address=0x1000\nmap out=200 p=100 out_kind=word\nend",
        # by a later command of the same unit: a unit's commands are done in order
        "load words=4\nload scratch=8 signal=store\nstore wait=load words=4 address=0x1000\nend",
        # by an earlier wait of the same unit
        "load words=4 signal=store\nstore wait=load scratch=32 address=0x1000\n"
        "store words=4 address=0x1000\nend",
        # by a fence
        "load words=4\nfence\nstore words=4 address=0x1000\nend",
        # a product's sums were all taken, so it has read what it needs
        "multiply top=64\nmap p=100 out=128 out_kind=word signal=load\nload wait=vector words=4\nend",
        # both only read
        "multiply top=64\nstore words=4 address=0x1000\nmap p=100 out=128 out_kind=word\nend",
    ],
)
def test_what_is_ordered_is_not(text):
    assert check(text) == []


def test_sums_that_are_taken_in_part_order_nothing():
    (found,) = check(
        "multiply top=64 count_x=2\nmap p=100 out=128 out_kind=word signal=load\n"
        "load wait=vector words=4\nmap p=100 out=132 out_kind=word\nend"
    )
    wanted = "command 2 (LOAD) writes word 0x0 of the scratchpad, which command 0 (MULTIPLY) reads"
    assert found.startswith(wanted)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("store wait=load address=0\nload scratch=9 signal=store\nend",
         "command 0 (STORE) waits for a token of load that no command before it gives"),
        ("load signal=store\nend", "1 tokens of load for store are left"),
        ("map out_kind=byte p=9\nend",
         "command 0 (MAP) takes 1 rows of sums that no command before it makes"),
        ("multiply\nend", "1 rows of sums are left"),
    ],
)  # fmt: skip
def test_tokens_and_sums_must_meet(text, found):
    assert check(text)[0] == found


def test_sums_that_do_not_fit_must_not_wait_for_their_product():
    rows = P.unit.accumulator_rows
    text = (
        f"multiply count_x={rows} tiles0=2 signal=vector top=64\n"
        f"map wait=matrix count0={2 * rows} p=900 out=0x1000 out_kind=word\nend"
    )
    assert check(text)[0] == "command 0 (MULTIPLY) is never done: units wait for one another"
    assert check(text.replace("signal=vector", "").replace("wait=matrix", "")) == []


def test_a_queue_that_is_full_holds_up_what_it_waits_for():
    waits = "store wait=load address=0x1000 scratch=99\n"
    fills = "fill signal=store\n"
    held = waits + (P.queue + 1) * waits
    found = check(fills + held + (P.queue + 1) * fills + "end")
    assert found and "waits for a token of load" in found[0]


def test_more_tokens_than_can_be_counted():
    fills = 300 * "fill signal=store\n"
    stores = "store scratch=99 address=0x1000\n" + 300 * "store wait=load scratch=99 address=0x1000\n"
    assert check(fills + stores + "end") == ["up to 300 tokens of load for store at once, more than 255"]


def test_a_full_queue_bounds_the_tokens():
    pairs = 300 * "fill signal=store\nstore wait=load scratch=99 address=0x1000\n"
    assert check(pairs + "end") == []


@pytest.mark.parametrize("size", [(16, 16, 16), (5, 33, 70), (512, 512, 512)])
def test_compiled_programs_are_well_formed(size):
    assert races.check(P, unpack(compile(gemm(*size), P).commands)) == []


def without(commands: list[Command], number: int, giver: str) -> list[Command]:
    """The program without the token that a command takes from a unit."""
    unit = commands[number].unit
    place = sum(giver in each.wait for each in commands[:number] if each.unit == unit)
    source = [i for i, each in enumerate(commands) if each.unit == giver and unit in each.signal][place]
    fewer = list(commands)
    signal = tuple(each for each in commands[source].signal if each != unit)
    fewer[source] = replace(commands[source], signal=signal)
    wait = tuple(each for each in commands[number].wait if each != giver)
    fewer[number] = replace(commands[number], wait=wait)
    return fewer


def test_each_token_of_a_small_product_is_needed():
    commands = unpack(compile(gemm(16, 16, 16), P).commands)
    taken = [(number, giver) for number, each in enumerate(commands) for giver in each.wait]
    assert len(taken) == 3
    assert all(races.check(P, without(commands, *token)) for token in taken)


@pytest.mark.parametrize("seed", range(5))
def test_random_programs_are_well_formed(seed):
    assert races.check(SMALL, Programs(SMALL, seed).program(20)) == []
