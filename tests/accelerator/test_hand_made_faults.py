"""Faults made by hand that once no test noticed, or in what was mended since: the test named notices each.

In the emitted Verilog: what a line says is replaced, and the one test of a block's bench must fail, which
passes as it is.
"""

from functools import cache
from typing import NamedTuple

import pytest

from sim.hand_made import changed
from sim.runner import blocks, run_bench

pytestmark = pytest.mark.rtl


class Fault(NamedTuple):
    """before, after: patterns of `re.sub` in the module whose name `module` matches."""

    block: str
    case: str
    test: str
    module: str
    before: str
    after: str


CONTROL, PORT = ("accelerator/control", "l64-q2"), ("accelerator/memory_port", "l64")
MULTIPLY = ("accelerator/units/matrix", "4-uint1-uint8")
FETCH = r"fetch_\d\w*"
FAULTS = {
    "a refused request keeps its places": Fault(
        *CONTROL, "a_refused_prefetch_is_forgotten/stall=0.0", FETCH, r"= refused \? ", "= 1'h0 ? "),
    "a refused program is asked for to its end": Fault(
        *CONTROL, "a_refused_prefetch_is_forgotten/stall=0.0", FETCH, r"halts = halt \| \S+ ;",
        "halts = halt;"),
    "a failure of what was fetched ahead is not cleared at the start": Fault(
        *CONTROL, "a_refused_prefetch_is_forgotten/stall=0.0", FETCH, r"if \(\S+ \) failed <= 2'h0;",
        "if (rst) failed <= 2'h0;"),
    "its response is told of the next program": Fault(
        *CONTROL, "what_failed_ahead_is_not_told_of_the_next_program", FETCH,
        r"if \(\S+ \) failed <= 2'h0;", "if (rst) failed <= 2'h0;"),
    "more is asked for than there is room, or left": Fault(
        *CONTROL, "a_full_queue_holds_up_what_follows/unit=load", FETCH,
        r"(= \| left;\n.*\n.* <= 7'h40;\n  assign \S+  = \S+ ) & ", r"\1 | "),
    "statuses are counted twice": Fault(
        *CONTROL, "a_refused_prefetch_is_forgotten/stall=0.0", FETCH, r"else waiting <= (\S+ \[6:0\]);",
        r"else waiting <= status_valid ? \1 - 1 : \1;"),
    "a start that waits takes what is written meanwhile": Fault(
        *CONTROL, "a_start_that_waits_is_of_the_program_of_then", r"control_\d\w*",
        r"address_to_fetch = fetch_pending \? address_at_start : program_address",
        "address_to_fetch = program_address"),
    "and as many commands": Fault(
        *CONTROL, "a_start_that_waits_is_of_the_program_of_then", r"control_\d\w*",
        r"most_to_fetch = fetch_pending \? most_at_start : commands_most", "most_to_fetch = commands_most"),
    "a fault in the cycle of a reset leaves a cause": Fault(
        *CONTROL, "a_reset_in_the_cycle_of_a_fault_leaves_no_cause", r"control_\d\w*",
        r"\.running\(\S+ \)", ".running(running)"),
    "an event is lost that is cleared in its cycle": Fault(
        "accelerator/registers", "l4", "an_event_of_one_cycle_around_its_clearing/name=done",
        r"registers_\w+",
        r"(\S+ ) = (interrupt_status_done_q) & (\S+ );\n  assign (\S+ ) = \1 \| interrupt_status_done;",
        r"\1 = \2 | interrupt_status_done;\n  assign \4 = \1 & \3;"),
    "owners of words are counted on at a clear": Fault(
        *PORT, "clears_leave_all_places_free/stuck=load", r"memory_port_\w+",
        r"if \(\S+ \) count <= 3'h0;", "if (rst) count <= 3'h0;"),
    "no limit of words' owners": Fault(
        *PORT, "commands_whose_words_wait_are_limited/stuck=load", r"memory_port_\w+",
        r"room = count != 3'h4;", "room = 1'h1;"),
    "no limit of pending stores": Fault(
        "accelerator/units/store", "16-o32", "as_many_commands_as_may_be_pending", r"store_\w+",
        r"= pending != 4'h8;", "= 1'h1;"),
    "no limit of pending loads": Fault(
        "accelerator/units/load", "16-o32", "as_many_commands_as_may_be_pending", r"load_\w+",
        r"= pending != 4'h8;", "= 1'h1;"),
    "kinds of weights overflow": Fault(
        *MULTIPLY, "as_many_commands_as_have_room_and_nothing_is_lost/stuck=sums", r"unpack_\w+",
        r"kind_ready = count != 3'h4;", "kind_ready = 1'h1;"),
    "a queue has one place too many": Fault(
        *CONTROL, "a_full_queue_holds_up_what_follows/unit=vector", r"gate_498x2",
        r"i_ready = waiting_count != 2'h2;", "i_ready = waiting_count != 2'h3;"),
    "a token fewer than there may be is one too many": Fault(
        *CONTROL, "as_many_tokens_of_each_pair_as_there_may_be", r"tokens_4",
        r"= tokens_2_1 == 8'hff;", "= tokens_2_1 == 8'hfe;"),
}  # fmt: skip


@cache
def emitted(block: str, case: str) -> tuple[str, str]:
    """Verilog and top."""
    (found,) = [each for each in blocks()[block].CASES if each.name == case]
    return found.build()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_made_by_hand_is_noticed(has, name):
    has("icarus")
    fault = FAULTS[name]
    bench = blocks()[fault.block]
    (case,) = [each for each in bench.CASES if each.name == fault.case]
    verilog, top = emitted(fault.block, fault.case)
    result = run_bench(
        changed(verilog, fault.module, fault.before, fault.after), top, bench.__name__, simulator="icarus",
        parameters=case.parameters, testcase=fault.test, timeout=60, stop_at_first=True,
    )  # fmt: skip
    assert result.built and len(result.messages) == 1, result.messages
    assert fault.test in result.messages[0], result.messages
