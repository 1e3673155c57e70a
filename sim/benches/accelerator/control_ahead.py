"""What fetching ahead leaves to the next program: nothing, whatever went wrong. Tests of control's bench."""

from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from golden.accelerator.control import REQUESTS, request_words
from golden.accelerator.registers import NO_UNIT, Cause
from golden.axi.bursts import BurstStatus
from sim.benches.accelerator import programs
from sim.benches.accelerator.control_bench import ControlBench
from sim.benches.accelerator.programs import END

CROOKED = 0x1002  # no word's address
PIPELINE = 8  # requests on their way to the first status


async def ahead(bench: ControlBench, address: int, most: int, cycles: int) -> None:
    """PROGRAM and COMMANDS are written, then so many cycles pass."""
    bench.dut.program_address.value, bench.dut.commands_most.value = address, most
    await bench.pulse("program_written")
    await bench.pulse("commands_written")
    await ClockCycles(bench.dut.clk, cycles)


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.5])
async def a_refused_prefetch_is_forgotten(dut: Any, stall: float) -> None:
    """Of any length, at any time: the next program is fetched ahead, or at its start, and ends."""
    bench = ControlBench(dut, stall)
    await bench.begin()
    dut.watchdog_cycles.value = 400
    buffered = REQUESTS * request_words(bench.p) // bench.p.command_words  # commands that the buffer holds
    for index, most in enumerate((1, 2, 4, 5, buffered, buffered + 1, 3 * buffered, 1 << 20, 3, 1 << 23)):
        bench.memory.asked.clear()
        await ahead(bench, CROOKED, most, (0, 1, 2, 3, 5, 9, 150)[index % 7])
        if index % 7 == 6 and not stall:
            assert len(bench.memory.asked) <= PIPELINE, "requests after the first was refused"
        for again in range(index % 3):
            await ahead(bench, CROOKED + 64 * again, most, bench.random.randint(0, 9))
        words = programs.program(bench.random, bench.p, bench.random.randint(0, 20))
        await bench.pulse("program_written")
        await bench.complete(words, ahead=(None, 0, 2, 100)[index % 4], asked=False)
    await bench.complete(programs.program(bench.random, bench.p, 30))


@cocotb.test
@cocotb.parametrize(most=[1, 40, 1 << 20])
async def a_refused_program_stops_and_is_forgotten(dut: Any, most: int) -> None:
    """Fetched ahead, or at its start, or at a start that had to wait."""
    bench = ControlBench(dut)
    await bench.begin()
    for cycles in (None, 0, 1, 2, 4, 200):
        bench.events.clear()
        if cycles is None:
            dut.program_address.value, dut.commands_most.value = CROOKED, most
        else:
            await ahead(bench, CROOKED, most, cycles)
        await bench.pulse("control_start")
        await bench.stopped(Cause.FETCH_ERROR, NO_UNIT, 0, BurstStatus.REFUSED)
        await bench.recover()


@cocotb.test
async def what_failed_ahead_is_not_told_of_the_next_program(dut: Any) -> None:
    """Neither that it failed nor how: the response told is that of the program's own word."""
    bench = ControlBench(dut)
    await bench.begin()
    words = [programs.of_unit(bench.random, bench.p, "load", 0, 0) for _ in range(5)] + [END]
    for cycles in (6, 12, 100):
        for place, status in ((1, BurstStatus.OKAY), (0, BurstStatus.SLVERR)):
            bench.memory.commands, bench.memory.base = words, 0x1000
            bench.memory.bad = {0x1000 + 64 * place: BurstStatus.DECERR}
            await ahead(bench, 0x1000, len(words), cycles)
            assert bench.memory.asked, "nothing was fetched ahead"
            await bench.pulse("program_written")
            bench.memory.bad = {0x1000 + 3 * 64: status} if status else {}
            if not status:
                await bench.complete(words, asked=False)
                continue
            await bench.start(words)
            await bench.stopped(Cause.FETCH_ERROR, NO_UNIT, 3, status)
            await bench.recover()


@cocotb.test
async def a_start_that_waits_is_of_the_program_of_then(dut: Any) -> None:
    """While what was fetched for nothing still comes, the registers may be written for the program after."""
    bench = ControlBench(dut)
    await bench.begin()
    waited = 0
    for cycles in range(12):
        bench.memory.latency = 40
        await ahead(bench, 0x4000, 9, cycles)
        words = programs.program(bench.random, bench.p, 10)
        await bench.pulse("program_written")
        started = await bench.start(words)
        await ahead(bench, 0x4040, 2, 0)
        waited += not bench.memory.asked or bench.memory.asked[-1][0] != 0x1000
        await bench.wait("done")
        bench.check_order(words)
        assert bench.counters()["CYCLES"] == bench.events[0][0] - 1 - started
    assert waited > 3, "no start had to wait"


@cocotb.test
async def a_reset_in_the_cycle_of_a_fault_leaves_no_cause(dut: Any) -> None:
    """CAUSE says why there was an event, or nothing."""
    bench = ControlBench(dut)
    await bench.begin()
    seen = set()
    load = bench.units["load"]
    for cycles in range(20):
        load.takes, load.fault = (lambda word: 9), (Cause.LOAD_ERROR, 2)
        await bench.start([programs.of_unit(bench.random, bench.p, "load", 0, 0), END])
        while not load.passed:
            await RisingEdge(dut.clk)
        await ClockCycles(dut.clk, cycles)
        await bench.pulse("control_reset")
        await ClockCycles(dut.clk, 12)
        told = "error" in [name for _, name in bench.events]
        assert (bench.cause()[0] != 0) == told, f"cause {bench.cause()}, events {bench.events}"
        seen.add(told)
        load.fault = None
        await bench.recover()
    assert seen == {False, True}
