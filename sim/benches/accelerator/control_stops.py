"""What stops a program, and that nothing else does: tests that the bench of control runs with its own."""

from random import Random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge

from golden.accelerator import exponential, normalise
from golden.accelerator.commands import BITS, Opcode
from golden.accelerator.legal import illegal
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NO_UNIT, WATCHDOG, Cause
from golden.axi.bursts import BurstStatus
from sim.benches.accelerator import programs
from sim.benches.accelerator.control_bench import CAUSES, ControlBench
from sim.benches.accelerator.programs import END, UNITS, pack, unit_number


def broken(random: Random, p: AcceleratorParams, opcode: Opcode) -> list[int]:
    """Commands that are wrong in one thing each."""
    word = programs.command(random, p, opcode)
    found = []
    for _, (field, low) in opcode.places.items():
        if field.least:
            found.append(word & ~((1 << field.width) - 1 << low))
    beyond = opcode.bits
    chosen = {beyond, beyond + 1, BITS - 1, random.randrange(beyond, BITS), random.randrange(beyond, BITS)}
    found += [word | 1 << bit for bit in chosen if bit < BITS]
    values = programs.unpack(word)
    if opcode in (Opcode.END, Opcode.FENCE):
        found += [word | 1 << bit for bit in range(8, 24)]
    if opcode == Opcode.MULTIPLY:
        most = p.unit.accumulator_rows
        for x, y in ((1, most + 1), (most + 1, 1), (most // 2 + 1, 2), (2, most // 2 + 1), (0x8000, 2)):
            found.append(pack(opcode, values | {"count_x": x, "count_y": y}))
        deepest = most_passes(p)
        for passes in (
            (deepest + 1, 1, 1), (1, deepest + 1, 1), (1, 1, deepest + 1), (2, deepest // 2 + 1, 1),
            (2, 1, deepest // 2 + 1), (1, 2, deepest // 2 + 1), (0x8000, 2, 1), (1, 0x8000, 0x8000),
            (0xFFFF, 0xFFFF, 0xFFFF), (deepest, deepest, deepest), (deepest, 1, 2),
        ):  # fmt: skip
            counts = {f"count_k{i}": count for i, count in enumerate(passes)}
            found.append(pack(opcode, values | counts))
        for part in ("open", "more"):
            for tiles in ((2, 1), (1, 2), (1, 0x101)):
                found.append(pack(opcode, values | {part: 1, "tiles0": tiles[0], "tiles1": tiles[1]}))
    if opcode == Opcode.EXPONENTIAL:
        most = exponential.LONGEST // p.lanes
        found += [pack(opcode, values | {"count0": count}) for count in (most + 1, 0xFFFF)]
    if opcode == Opcode.NORMALISE:
        most = normalise.LONGEST
        found += [pack(opcode, values | {"length": length}) for length in (most + 1, 0xFFFF)]
    if opcode == Opcode.MAP:
        copy = values | {"operation": 0, "reduce": 0, "b_kind": 1, "function": 0}
        wrong: list[dict[str, int]] = [
            {"function": 2 + len(p.functions)}, {"function": 15}, {"operation": 3, "reduce": 1},
            {"operation": 1, "b_kind": 0}, {"operation": 3, "b_kind": 0}, {"operation": 1, "b_kind": 3},
        ]  # fmt: skip
        found += [pack(opcode, copy | change) for change in wrong]
    assert all(illegal(p, word) for word in found)
    return found


@cocotb.test
async def illegal_commands_stop_it(dut: Any) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    unknown = [0, 3, 0x0F, 0x13, 0x21, 0x34, 0x41, 0x81, 0xFF]
    unknown += [int(opcode) for opcode in Opcode if opcode not in programs.OPCODES]  # of units that it lacks
    bad = [word for opcode in programs.OPCODES for word in broken(bench.random, bench.p, opcode)]
    for index, word in enumerate([*unknown, *bad]):
        before = bench.random.randint(0, 3)
        prefix = programs.program(bench.random, bench.p, before, fences=0.0)[:-1]
        behind = [programs.of_unit(bench.random, bench.p, "store") for _ in range(3)]
        await bench.start([*prefix, word, *behind, END])
        await bench.stopped(Cause.ILLEGAL_COMMAND, NO_UNIT, before)
        if index % 10 == 0:
            await bench.recover()
        else:
            await bench.pulse("control_reset")
            await ClockCycles(dut.clk, 15)


@cocotb.test
@cocotb.parametrize(most=[0, 1, 4, 7])
async def a_program_without_end_is_illegal(dut: Any, most: int) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    words = [programs.of_unit(bench.random, bench.p, "load") for _ in range(most)]
    await bench.start([*words, END], most=most)
    await bench.stopped(Cause.ILLEGAL_COMMAND, NO_UNIT, most)
    assert len(bench.units["load"].passed) <= most
    await bench.recover()


@cocotb.test
@cocotb.parametrize(stall=[0.0, 0.5], status=[BurstStatus.SLVERR, BurstStatus.DECERR])
async def errors_of_fetching_stop_it(dut: Any, stall: float, status: BurstStatus) -> None:
    bench = ControlBench(dut, stall)
    await bench.begin()
    for place in (0, 1, 3, 4, 6, 9):
        words = [programs.of_unit(bench.random, bench.p, "store") for _ in range(12)] + [END]
        offset = 64 * place + bench.random.randrange(0, 64, bench.p.lanes)
        bench.memory.bad = {0x1000 + offset: status, 0x1000 + 64 * 11: BurstStatus(5 - status)}
        bench.units["store"].most = 12
        await bench.start(words)
        await bench.stopped(Cause.FETCH_ERROR, NO_UNIT, place, status)
        passed = [word for _, word in bench.units["store"].passed]
        assert passed == words[: len(passed)] and len(passed) <= place
        await bench.recover()


@cocotb.test
async def a_program_that_is_not_aligned_is_a_fetch_error(dut: Any) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    await bench.start([END], base=0x1001)
    await bench.stopped(Cause.FETCH_ERROR, NO_UNIT, 0, BurstStatus.REFUSED)
    await bench.recover()


@cocotb.test
@cocotb.parametrize(unit=[name for name, causes in CAUSES.items() if causes])
async def faults_of_units_stop_it(dut: Any, unit: str) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    for cause, response in ((Cause.LOAD_ERROR, 2), (Cause.STORE_ERROR, 3), (Cause.ROW_NUMBER, 0)):
        chosen = bench.units[unit]
        chosen.takes = lambda word: 9
        words = programs.program(bench.random, bench.p, 10, fences=0.0)[:-1]
        words += [programs.of_unit(bench.random, bench.p, unit, 0, 0) for _ in range(4)]
        own = [i for i, word in enumerate(words) if unit_number(word) == UNITS.index(unit)]
        await bench.start([*words, END])
        done = bench.random.randint(0, len(own) - 1)
        while len(chosen.finished) < done:
            await RisingEdge(dut.clk)
        chosen.fault = (cause, response)
        await bench.stopped(cause, UNITS.index(unit), own[len(chosen.finished)], response)
        await bench.recover()


@cocotb.test
@cocotb.parametrize(limit=[1, 60, 200])
async def nothing_moving_stops_it(dut: Any, limit: int) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    dut.watchdog_cycles.value = 0
    bench.units["vector"].takes = lambda word: None
    words = [programs.of_unit(bench.random, bench.p, unit) for unit in ("load", "vector", "vector", "store")]
    await bench.start([*words, END])
    await ClockCycles(dut.clk, 400)
    assert not bench.events, "the watchdog is off"
    for name in ("progress", "word_written"):
        getattr(dut, name).value = 1
        await RisingEdge(dut.clk)
        dut.watchdog_cycles.value = limit
        await ClockCycles(dut.clk, 2 * limit)
        assert not bench.events, f"{name} is progress"
        if name == "progress":
            dut.word_written.value = 1
            dut.progress.value = 0
    await RisingEdge(dut.clk)
    dut.word_written.value = 0
    await ReadOnly()
    now = bench.clock.cycle
    await RisingEdge(dut.clk)
    await bench.stopped(Cause.DEADLOCK, 2, 1)
    took = bench.events[0][0] - now
    assert took == limit + 1, f"the watchdog took {took} cycles"
    dut.watchdog_cycles.value = WATCHDOG
    await bench.recover()


@cocotb.test
async def words_that_go_to_memory_are_counted(dut: Any) -> None:
    """While a program runs, in any cycles; the next program's count begins anew."""
    bench = ControlBench(dut)
    await bench.begin()
    for _ in range(2):
        bench.units["vector"].takes = lambda word: 200
        await bench.start([programs.of_unit(bench.random, bench.p, "vector"), END])
        written = 0
        for _ in range(100):
            await RisingEdge(dut.clk)
            written += int(dut.word_written.value)
            dut.word_written.value = bench.random.randrange(2)
        await RisingEdge(dut.clk)
        written += int(dut.word_written.value)
        dut.word_written.value = 0
        await bench.wait("done")
        found = bench.counters()["WORDS_WRITTEN"]
        assert written and found == written, f"{found} words, expected {written}"


@cocotb.test
async def an_error_waits_for_a_reset(dut: Any) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    await bench.start([0])
    await bench.stopped(Cause.ILLEGAL_COMMAND, NO_UNIT, 0)
    await bench.pulse("control_start")
    await ClockCycles(dut.clk, 30)
    assert dut.status_error.value == 1 and dut.status_busy.value == 0 and len(bench.events) == 1
    await bench.recover()
