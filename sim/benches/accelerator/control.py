"""Bench of hw.accelerator.control: units that take random time, a memory of commands, and the rules."""

from random import Random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge

from golden.accelerator.commands import BITS, TOKENS, UNITS, Opcode
from golden.accelerator.control import (
    DONE_TO_UNIT,
    IN_FLIGHT,
    START_TO_UNIT,
    first_command,
    following_command,
)
from golden.accelerator.legal import illegal, places, used_bits
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import NO_UNIT, WATCHDOG, Cause
from golden.axi.bursts import Status
from sim.benches import Case
from sim.benches.accelerator import programs
from sim.benches.accelerator.control_bench import LATENCY, ControlBench, make_params
from sim.benches.accelerator.programs import END, FENCE, pack


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
                await bench.stopped(Cause.FETCH_ERROR, NO_UNIT, 0, Status.REFUSED)
                await bench.recover()


def broken(random: Random, p: AcceleratorParams, opcode: Opcode) -> list[int]:
    """Commands that are wrong in one thing each."""
    word = programs.command(random, p, opcode)
    found = []
    for _, (field, low) in places(opcode).items():
        if field.least:
            found.append(word & ~((1 << field.width) - 1 << low))
    beyond = used_bits(opcode)
    chosen = {beyond, beyond + 1, BITS - 1, random.randrange(beyond, BITS), random.randrange(beyond, BITS)}
    found += [word | 1 << bit for bit in chosen if bit < BITS]
    values = programs.unpack(word)
    if opcode in (Opcode.END, Opcode.FENCE):
        found += [word | 1 << bit for bit in range(8, 16)]
    if opcode == Opcode.MULTIPLY:
        most = p.unit.accumulator_rows
        for x, y in ((1, most + 1), (most + 1, 1), (most // 2 + 1, 2), (2, most // 2 + 1), (0x8000, 2)):
            found.append(pack(opcode, values | {"count_x": x, "count_y": y}))
        for part in ("open", "more"):
            for tiles in ((2, 1), (1, 2), (1, 0x101)):
                found.append(pack(opcode, values | {part: 1, "tiles0": tiles[0], "tiles1": tiles[1]}))
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
    good = Opcode.__members__.values()
    unknown = [code for code in (0, 3, 0x0F, 0x13, 0x21, 0x34, 0x41, 0x50, 0x81, 0xFF) if code not in good]
    bad = [word for opcode in Opcode for word in broken(bench.random, bench.p, opcode)]
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
@cocotb.parametrize(stall=[0.0, 0.5], status=[Status.SLVERR, Status.DECERR])
async def errors_of_fetching_stop_it(dut: Any, stall: float, status: Status) -> None:
    bench = ControlBench(dut, stall)
    await bench.begin()
    for place in (0, 1, 3, 4, 6, 9):
        words = [programs.of_unit(bench.random, bench.p, "store") for _ in range(12)] + [END]
        offset = 64 * place + bench.random.randrange(0, 64, bench.p.lanes)
        bench.memory.bad = {0x1000 + offset: status, 0x1000 + 64 * 11: Status(5 - status)}
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
    await bench.stopped(Cause.FETCH_ERROR, NO_UNIT, 0, Status.REFUSED)
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
async def faults_of_units_stop_it(dut: Any, unit: str) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    for cause, response in ((Cause.LOAD_ERROR, 2), (Cause.STORE_ERROR, 3), (Cause.ROW_NUMBER, 0)):
        chosen = bench.units[unit]
        chosen.takes = lambda word: 9
        words = programs.program(bench.random, bench.p, 10, fences=0.0)[:-1]
        words += [programs.of_unit(bench.random, bench.p, unit, 0, 0) for _ in range(4)]
        own = [i for i, word in enumerate(words) if (word >> 4 & 0xF) - 1 == UNITS.index(unit)]
        await bench.start([*words, END])
        done = bench.random.randint(0, len(own) - 1)
        while len(chosen.finished) < done:
            await RisingEdge(dut.clk)
        chosen.fault = (cause, response)
        await bench.stopped(cause, UNITS.index(unit), own[len(chosen.finished)], response)
        await bench.recover()


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
@cocotb.parametrize(behind=["end", "fence", "queue", "two"])
async def a_token_that_never_comes_stops_it(dut: Any, behind: str) -> None:
    bench = ControlBench(dut, 0.2)
    await bench.begin()
    for giver, taker in ((0, 1), (2, 2), (3, 0)):
        prefix = programs.program(bench.random, bench.p, 8, fences=0.0)[:-1]
        # no token left over for it
        prefix = [word & ~(0xF << 12) & ~(0xF << 8) for word in prefix]
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
async def a_full_queue_holds_up_what_follows(dut: Any) -> None:
    bench = ControlBench(dut)
    await bench.begin()
    load, store = bench.units["load"], bench.units["store"]
    load.takes, load.most = lambda word: None, 100
    loads = IN_FLIGHT + bench.p.queue + 2
    words = [programs.of_unit(bench.random, bench.p, "load") for _ in range(loads)]
    await bench.start([*words, programs.of_unit(bench.random, bench.p, "store"), END])
    await ClockCycles(dut.clk, 300)
    assert len(load.passed) == IN_FLIGHT, f"{len(load.passed)} commands in flight"
    assert bench.counters()["COMMANDS_GIVEN"] == IN_FLIGHT + bench.p.queue
    assert not store.passed and not bench.events
    await bench.recover()


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


def case(name: str, **given: int) -> Case:
    """Control of these parameters."""

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.accelerator.control import definition
        from hw.emit import verilog

        block = definition(make_params(**given))
        return verilog(block), block.name

    return Case(name, build, dict(given))


CASES = [
    case("l16-q8", lanes=16, queue=8, rows=1024, functions=4),
    case("l4-q3", lanes=4, queue=3, rows=40, functions=0),
    case("l64-q2", lanes=64, queue=2, rows=100, functions=1),
]
