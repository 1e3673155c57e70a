"""Tokens, which units give one another: tests that the bench of control runs with its own."""

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from golden.accelerator.commands import TOKENS
from golden.accelerator.control import IN_FLIGHT
from golden.accelerator.registers import Cause
from sim.benches.accelerator import programs
from sim.benches.accelerator.control_bench import ControlBench
from sim.benches.accelerator.programs import END, FENCE, UNITS


@cocotb.test
async def a_token_too_many_stops_it(dut: Any) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    for giver, taker in ((0, 1), (3, 3), (2, 0)):
        for unit in bench.units.values():
            unit.takes = lambda word: 1
        word = programs.of_unit(bench.random, bench.p, UNITS[giver], 0, 1 << taker)
        await bench.start([word] * TOKENS + [END])
        await bench.wait("done")
        await bench.start([word] * (TOKENS + 5) + [END])
        await bench.stopped(Cause.TOKEN_OVERFLOW, giver, TOKENS)
        await bench.recover()


@cocotb.test
async def tokens_given_and_taken_at_once_are_all_counted(dut: Any) -> None:
    """One a cycle each way, from each unit to each; then a command that waits for one more never gets it."""
    bench = ControlBench(dut)
    await bench.begin()
    count = min(bench.p.queue, IN_FLIGHT)
    for giver in range(len(UNITS)):
        for taker in range(len(UNITS)):
            gives = programs.of_unit(bench.random, bench.p, UNITS[giver], 0, 1 << taker)
            takes = programs.of_unit(bench.random, bench.p, UNITS[taker], 1 << giver, 0)
            both = programs.of_unit(bench.random, bench.p, UNITS[giver], 1 << giver, 1 << giver)
            words = [gives] * count + [takes] * count
            if giver == taker:
                words = [gives] * 2 + [both] * count + [takes] * 2
            for unit in bench.units.values():
                unit.takes, unit.most = (lambda word: 1), 0
            await bench.start([*words, takes, END])
            await ClockCycles(dut.clk, 30 + 2 * count * bench.p.command_words)
            for unit in bench.units.values():
                unit.most = 100
            await bench.stopped(Cause.DEADLOCK, taker, len(words))
            await bench.pulse("control_reset")
            await ClockCycles(dut.clk, 15)


@cocotb.test
@cocotb.parametrize(pair=[(0, 1), (3, 2), (2, 3)])
async def a_token_may_come_as_one_goes_where_there_are_most(dut: Any, pair: tuple[int, int]) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    giver, taker = (bench.units[UNITS[number]] for number in pair)
    for unit in bench.units.values():
        unit.takes, unit.most = (lambda word: 1), 100
    gives = programs.of_unit(bench.random, bench.p, giver.name, 0, 1 << pair[1])
    takes = programs.of_unit(bench.random, bench.p, taker.name, 1 << pair[0], 0)
    words = [gives] * (TOKENS + 1) + [takes, END]
    await bench.start(words)
    while len(giver.finished) < TOKENS - 1:  # so the last two are still to come
        await RisingEdge(dut.clk)
    giver.most = taker.most = 0
    await ClockCycles(dut.clk, 20 * bench.p.command_words)
    held = len(giver.passed)
    assert held < TOKENS + 1, "the last one was to be held back"
    while len(giver.passed) < TOKENS + 1:
        giver.most = 1
        await RisingEdge(dut.clk)
    taker.most = 1
    await bench.wait("done")
    assert taker.passed[0][0] == giver.finished[-1], "they were to meet"
    bench.check_order(words)


@cocotb.test
async def as_many_tokens_of_each_pair_as_there_may_be(dut: Any) -> None:
    """All pairs at once have most, then none: a command for each token, and one too many."""
    bench = ControlBench(dut)
    await bench.begin()
    for unit in bench.units.values():
        unit.takes, unit.most = (lambda word: 1), 100
    gives = [programs.of_unit(bench.random, bench.p, unit, 0, 0xF) for unit in UNITS]
    takes = [programs.of_unit(bench.random, bench.p, unit, 0xF, 0) for unit in UNITS]
    words = [*gives * TOKENS, FENCE, *takes * TOKENS]
    await bench.start([*words, takes[1], END])
    await bench.stopped(Cause.DEADLOCK, 1, len(words))
    assert all(len(unit.finished) == 2 * TOKENS for unit in bench.units.values())
    await bench.recover()


@cocotb.test
@cocotb.parametrize(behind=["end", "fence", "queue", "two"])
async def a_token_that_never_comes_stops_it(dut: Any, behind: str) -> None:
    bench = ControlBench(dut, 0.2)
    await bench.begin()
    for giver, taker in ((0, 1), (2, 2), (3, 0)):
        prefix = programs.program(bench.random, bench.p, 8, fences=0.0)[:-1]
        # no token left over for it
        prefix = [programs.without_tokens(word) for word in prefix]
        stuck = programs.of_unit(bench.random, bench.p, UNITS[taker], 1 << giver)
        more = {
            "end": [], "fence": [FENCE], "queue": [stuck & ~0xF00] * (bench.p.queue + 1),
            "two": [programs.of_unit(bench.random, bench.p, UNITS[giver], 1 << taker)],
        }[behind]  # fmt: skip
        await bench.start([*prefix, stuck, *more, END])
        blamed = [len(prefix), taker]
        if behind == "two" and giver < taker:
            blamed = [len(prefix) + 1, giver]
        await bench.stopped(Cause.DEADLOCK, blamed[1], blamed[0])
        last = max([cycle for unit in bench.units.values() for cycle in unit.finished], default=0)
        assert bench.events[0][0] - last < 150, "it took long to see"
        await bench.recover()


@cocotb.test
async def tokens_of_the_last_program_are_gone(dut: Any) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    await bench.complete([programs.of_unit(bench.random, bench.p, "load", 0, 1 << 1), END])
    await bench.start([programs.of_unit(bench.random, bench.p, "matrix", 1, 0), END])
    await bench.stopped(Cause.DEADLOCK, 1, 0)
    await bench.recover()
