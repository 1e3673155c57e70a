"""Queues and limits of the accelerator's blocks are reached in a bench, never passed, and nothing is lost.

A watch is put into the emitted Verilog; the log says how many times it saw its signal at its most.
"""

from typing import NamedTuple

import pytest

from golden.accelerator.commands import TOKENS
from golden.accelerator.control import IN_FLIGHT
from golden.accelerator.fetcher import QUEUE
from golden.accelerator.moves import PENDING
from hw.accelerator.weight_unpacker import AHEAD
from sim.benches.accelerator.programs import UNITS
from sim.hand_made import Watch, times_full, watched
from sim.runner import blocks, run_bench

pytestmark = pytest.mark.rtl


class Corner(NamedTuple):
    """Tests of a bench in which all that is watched is full at some time."""

    block: str
    case: str
    tests: tuple[str, ...]
    watches: tuple[Watch, ...]


TOKEN_PAIRS = [f"tokens_{giver}_{taker}" for giver in range(len(UNITS)) for taker in range(len(UNITS))]
LONG = "as_many_commands_as_have_room_and_nothing_is_lost"
CORNERS = {
    "queues, commands in flight, words fetched, tokens": Corner(
        "accelerator/control", "l64-q2",
        (*(f"a_full_queue_holds_up_what_follows/unit={unit}" for unit in UNITS),
         "as_many_tokens_of_each_pair_as_there_may_be"),
        (Watch(r"gate_\w+", "waiting_count", 2, 4), Watch(r"gate_\w+", "passed_count", IN_FLIGHT, 4),
         Watch(r"fetch_\d\w*", "reserved", 64), Watch(r"fetch_\d\w*", "held", 64),
         *(Watch("tokens_4", name, TOKENS) for name in TOKEN_PAIRS)),
    ),
    "owners of words, bursts to read and to write": Corner(
        "accelerator/memory_port", "l4",
        ("commands_whose_words_wait_are_limited/stuck=load", "as_many_bursts_as_outstanding/stuck=r",
         "as_many_bursts_as_outstanding/stuck=b"),
        (Watch(r"memory_port_\w+", "count", 8), Watch("axi_completion_4", "used", 4),
         Watch("axi_completion_2", "used", 2)),
    ),
    "words that are read": Corner(
        "axi/read", "d128-b16", ("bursts_are_asked_for_only_with_room",),
        (Watch(r"axi_read_\w+", "used", 128), Watch("queue_130x128", "stored", 127)),
    ),
    **{
        f"commands of a master that {does}s": Corner(
            f"axi/{does}", "d32-b4",
            tuple(f"as_many_bursts_as_outstanding/waits_for={side}" for side in (side, "status")),
            (Watch("axi_completion_3", "used", 3),),
        )
        for does, side in (("read", "r"), ("write", "b"))
    },
    "pending loads": Corner(
        "accelerator/units/load", "16-o32",
        ("as_many_commands_as_may_be_pending", "as_many_commands_as_may_be_pending_whose_words_wait"),
        (Watch(r"load_\w+", "pending", PENDING), Watch(r"load_\w+", "words_in", PENDING),
         Watch(r"load_\w+", "answered", PENDING)),
    ),
    "pending stores": Corner(
        "accelerator/units/store", "16-o32", ("as_many_commands_as_may_be_pending",),
        (Watch(r"store_\w+", "pending", PENDING),),
    ),
    "runs of loads without answers": Corner(
        "accelerator/units/load", "4-o4", ("as_many_runs_as_may_be_unanswered",),
        (Watch(r"answers_\w+", "used", 6),),
    ),
    "runs of stores without answers": Corner(
        "accelerator/units/store", "4-o4", ("as_many_runs_as_may_be_unanswered",),
        (Watch(r"answers_\w+", "used", 4),),
    ),
    "kinds of weights, words of both fetchers, sums": Corner(
        "accelerator/units/matrix", "4-uint1-uint8", (f"{LONG}/stuck=left", f"{LONG}/stuck=sums"),
        (Watch(r"unpack_\w+", "count", AHEAD), Watch(r"fetcher_32_\w+", "used", QUEUE, 2),
         Watch(r"multiply_matrix\w+", "\\inside ", 64), Watch(r"multiply_matrix\w+", "left_done", 2),
         Watch(r"multiply_matrix\w+", "top_done", 2)),
    ),
    "words of a fetcher": Corner(
        "accelerator/fetcher", "4-4x4", ("no_more_is_asked_for_than_there_is_room",),
        (Watch(r"fetcher_\w+", "used", QUEUE), Watch(r"fetcher_\w+", "stored", QUEUE)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CORNERS)
def test_it_was_full_and_nothing_is_lost(has, name, tmp_path):
    has("icarus")
    corner = CORNERS[name]
    bench = blocks()[corner.block]
    (case,) = [each for each in bench.CASES if each.name == corner.case]
    verilog, top = case.build()
    result = run_bench(
        watched(verilog, corner.watches), top, bench.__name__, simulator="icarus", timeout=120,
        parameters=case.parameters, testcase=corner.tests, build_dir=tmp_path,
    )  # fmt: skip
    log = (tmp_path / "log.txt").read_text()
    assert result.passed, "\n".join(result.messages)
    assert result.tests == len(corner.tests)
    full = times_full(log)
    print(f"\n{name}: " + ", ".join(f"{watch} {sum(each.values())} times" for watch, each in full.items()))
    for each in corner.watches:
        instances = full.get(str(each), {})
        assert len(instances) >= each.instances, f"{each} of {each.module}: only {instances}"
