"""Bench of hw.accelerator.control: units that take random time, a memory of commands, and the rules."""

from collections import deque
from functools import partial
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles

from golden.accelerator.control import (
    DONE_TO_UNIT,
    IN_FLIGHT,
    REQUEST_BYTES,
    REQUESTS,
    START_TO_UNIT,
    first_command,
    following_command,
)
from golden.accelerator.params import COMMAND_BYTES
from golden.accelerator.registers import NO_UNIT, Cause
from golden.axi.bursts import BurstStatus
from sim.benches import Faults, verilog_case
from sim.benches.accelerator import extremes, programs
from sim.benches.accelerator.control_ahead import (
    a_refused_prefetch_is_forgotten,
    a_refused_program_stops_and_is_forgotten,
    a_reset_in_the_cycle_of_a_fault_leaves_no_cause,
    a_start_that_waits_is_of_the_program_of_then,
    what_failed_ahead_is_not_told_of_the_next_program,
)
from sim.benches.accelerator.control_bench import LATENCY, ControlBench, make_params
from sim.benches.accelerator.control_stops import (
    a_program_that_is_not_aligned_is_a_fetch_error,
    a_program_without_end_is_illegal,
    an_error_waits_for_a_reset,
    errors_of_fetching_stop_it,
    faults_of_units_stop_it,
    illegal_commands_stop_it,
    nothing_moving_stops_it,
    words_that_go_to_memory_are_counted,
)
from sim.benches.accelerator.control_tokens import (
    a_token_may_come_as_one_goes_where_there_are_most,
    a_token_that_never_comes_stops_it,
    a_token_too_many_stops_it,
    as_many_tokens_of_each_pair_as_there_may_be,
    tokens_given_and_taken_at_once_are_all_counted,
    tokens_of_the_last_program_are_gone,
)
from sim.benches.accelerator.programs import END, UNITS

__all__ = [  # cocotb runs what it finds in this module: tests of the other topics too
    "CASES",
    "a_program_that_is_not_aligned_is_a_fetch_error",
    "a_program_without_end_is_illegal",
    "a_refused_prefetch_is_forgotten",
    "a_refused_program_stops_and_is_forgotten",
    "a_reset_in_the_cycle_of_a_fault_leaves_no_cause",
    "a_start_that_waits_is_of_the_program_of_then",
    "a_token_may_come_as_one_goes_where_there_are_most",
    "a_token_that_never_comes_stops_it",
    "a_token_too_many_stops_it",
    "an_error_waits_for_a_reset",
    "as_many_tokens_of_each_pair_as_there_may_be",
    "errors_of_fetching_stop_it",
    "faults_of_units_stop_it",
    "illegal_commands_stop_it",
    "nothing_moving_stops_it",
    "tokens_given_and_taken_at_once_are_all_counted",
    "tokens_of_the_last_program_are_gone",
    "what_failed_ahead_is_not_told_of_the_next_program",
    "words_that_go_to_memory_are_counted",
]


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.3, 0.7])
async def programs_run_in_order(dut: Any, stall: float) -> None:
    bench = ControlBench(dut, stall)
    await bench.begin()
    for index in range(5):
        bench.memory.latency = bench.random.choice((1, 5, 40))
        bench.units["matrix"].linger = index * 10
        await bench.complete(programs.program(bench.random, bench.p, bench.random.randint(0, 60)))
    words = programs.program(bench.random, bench.p, 30)
    await bench.complete(words, most=len(words) + 9)  # what is fetched beyond END is dropped
    await bench.complete(programs.program(bench.random, bench.p, 30))


@cocotb.test
async def every_command_reaches_its_unit_whole(dut: Any) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    own = [op for ops in programs.OF_UNITS.values() for op in ops]
    words = [programs.command(bench.random, bench.p, opcode) for opcode in own * 6]
    await bench.complete([*words, END])


@cocotb.test
@cocotb.parametrize(latency=[1, 5, 30])
async def takes_golden_cycles(dut: Any, latency: int) -> None:
    """The first commands of one request, and a command that waits for another's token."""
    bench = ControlBench(dut)
    await bench.begin()
    bench.memory.latency = latency + 4  # of the port: cursor, AR; buffered, offered
    for unit in bench.units.values():
        unit.takes = lambda word: 40
        unit.most = 8
    a, b = (programs.of_unit(bench.random, bench.p, "load", 0, 1 << 1) for _ in range(2))
    c, d = (programs.of_unit(bench.random, bench.p, "matrix", 1, 0) for _ in range(2))
    started = await bench.start([a, b, c, d, END])
    await bench.wait("done")
    load, matrix = bench.units["load"], bench.units["matrix"]
    first = first_command(bench.p, latency)
    wanted = [started + first, started + first + following_command(bench.p)]
    found = [cycle for cycle, _ in load.passed]
    assert found == wanted, f"load's commands came in cycles {found}, golden {wanted}"
    wanted = [cycle + DONE_TO_UNIT for cycle in load.finished]
    found = [cycle for cycle, _ in matrix.passed]
    assert found == wanted, f"matrix's commands came in cycles {found}, golden {wanted}"
    arrived = started + first + 2 * following_command(bench.p)
    waiting = bench.counters()["MATRIX_WAITING"]
    at_head = [arrived, max(arrived + following_command(bench.p), matrix.passed[0][0] + 1)]
    waited = sum(cycle - head for (cycle, _), head in zip(matrix.passed, at_head, strict=True))
    assert waiting == waited, f"MATRIX_WAITING is {waiting}, expected {waited}"


@cocotb.test
async def takes_golden_cycles_where_it_fetched_ahead(dut: Any) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    words = [programs.of_unit(bench.random, bench.p, "load", 0, 0) for _ in range(2)]
    for _ in range(2):
        started = await bench.start([*words, END], ahead=60)
        await bench.wait("done")
        first = started + START_TO_UNIT
        found = [cycle for cycle, _ in bench.units["load"].passed]
        assert found == [first, first + 1], f"load's commands came in cycles {found}, started {started}"
    started = await bench.start([*words, END])  # again: fetched at the start
    await bench.wait("done")
    found = [cycle for cycle, _ in bench.units["load"].passed]
    assert found[0] == started + first_command(bench.p, LATENCY - 4), f"{found}, started {started}"


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.5])
async def what_was_fetched_ahead_is_the_program(dut: Any, stall: float) -> None:
    """However long ahead, and whatever was fetched for nothing."""
    bench = ControlBench(dut, stall)
    await bench.begin()
    for index in range(24):
        bench.memory.latency = bench.random.choice((1, 5, 40))
        words = programs.program(bench.random, bench.p, bench.random.randint(0, 40))
        ahead, stale = bench.random.choice((0, 1, 3, 20, 150)), index % 3 == 2
        if stale:
            other = programs.program(bench.random, bench.p, bench.random.randint(0, 40))
            bench.memory.commands, bench.memory.base = other, 0x1000
            dut.program_address.value, dut.commands_most.value = 0x1000, len(other)
            await bench.pulse("commands_written")
            await ClockCycles(dut.clk, bench.random.randint(0, 60))
            if index % 2 or not index % 4:
                await bench.pulse("program_written")  # not fetched ahead then
                await ClockCycles(dut.clk, 80 if stall else 0)
        await bench.complete(words, ahead=ahead if index % 4 else None, asked=not stale)
        if index % 5 == 0:
            dut.program_address.value = 0x1008 if bench.p.lanes > 8 else 0x1001
            await bench.pulse("commands_written")
            await ClockCycles(dut.clk, bench.random.randint(0, 60))
            assert dut.status_error.value == 0 and not dut.clear.value, "told before the start"
            if index % 2:
                await bench.pulse("control_reset")
                await ClockCycles(dut.clk, 20)
            else:
                bench.events.clear()
                await bench.pulse("control_start")
                await bench.stopped(Cause.FETCH_ERROR, NO_UNIT, 0, BurstStatus.REFUSED)
                await bench.recover()


@cocotb.test
@cocotb.parametrize(lead=[1, 3])
async def a_program_may_begin_at_any_word(dut: Any, lead: int) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    words = programs.program(bench.random, bench.p, 20)
    await bench.start(words, base=0x1000 + lead * bench.p.lanes)
    await bench.wait("done")
    bench.check_order(words)
    bench.check_requests(len(words))


@cocotb.test
@cocotb.parametrize(unit=list(UNITS))
async def a_full_queue_holds_up_what_follows(dut: Any, unit: str) -> None:
    """And all of it is done when the unit goes on. More is fetched than the buffer has room for."""
    bench = ControlBench(dut)
    await bench.begin()
    full, other = bench.units[unit], bench.units["load" if unit != "load" else "store"]
    full.takes, full.most = lambda word: None, 100
    count, buffered = IN_FLIGHT + bench.p.queue + 2, REQUESTS * REQUEST_BYTES // COMMAND_BYTES
    words = [programs.of_unit(bench.random, bench.p, unit) for _ in range(count)]
    words += [programs.of_unit(bench.random, bench.p, other.name) for _ in range(buffered + 8)] + [END]
    started = await bench.start(words)
    await ClockCycles(dut.clk, 300)
    assert len(full.passed) == IN_FLIGHT, f"{len(full.passed)} commands in flight"
    assert bench.counters()["COMMANDS_GIVEN"] == IN_FLIGHT + bench.p.queue
    assert not other.passed and not bench.events
    full.takes = lambda word: 2
    full.left = deque(2 for _ in full.left)
    await bench.wait("done")
    bench.check_order(words)
    bench.check_counters(words, started)


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.5], hard=[False, True])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall: float, hard: bool) -> None:
    bench = ControlBench(dut, stall)
    await bench.begin()
    for _ in range(6):
        await bench.start(programs.program(bench.random, bench.p, 60))
        await ClockCycles(dut.clk, bench.random.randint(1, 200))
        assert "error" not in [name for _, name in bench.events]
        if not bench.events:
            await bench.pulse("control_start")  # ignored: it runs
        if hard:
            await bench.reset()
        await bench.recover()


case = partial(verilog_case, "accelerator/control", make_params)
CASES = [
    case("l16-q8", lanes=16, queue=8, rows=1024, functions=4),
    case("l4-q3", lanes=4, queue=3, rows=40, functions=0),
    case("l64-q2", lanes=64, queue=2, rows=100, functions=1),
]
QUICK = {"icarus": ["l64-q2"]}
LONG = {"icarus": ["l16-q8"], "verilator": ["l16-q8"]}
EXTREME = extremes("accelerator/control")
MUTANTS = [Faults("l64-q2", 1, seed=3), Faults("l64-q2", 1, seed=5), Faults("l16-q8", 3, slow=True)]
