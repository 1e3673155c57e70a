"""The bench of control: units and a memory around it, and the rules that a run is held to."""

from collections import Counter
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import WATCHDOG, Cause, counters
from golden.accelerator.units import unit as module_of
from golden.systolic.params import MatrixUnitParams
from sim.benches import parameters, seed
from sim.benches.accelerator import programs
from sim.benches.accelerator.control_parts import Clockwork, FakeMemory, FakeUnit
from sim.benches.accelerator.programs import END, FENCE, UNITS, mask_of, unit_number
from sim.benches.stream import Monitor, StreamSignals, each_cycle, high

LATENCY = 5
CAUSES = {name: module_of(name).CAUSES for name in UNITS}
STREAMS = ("fetch_command", *(f"{unit}_command" for unit in UNITS))


def make_params(lanes: int, queue: int, rows: int, functions: int) -> AcceleratorParams:
    """The parameters of a case."""
    unit = MatrixUnitParams(rows=lanes, cols=lanes, accumulator_rows=rows)
    names = ("gelu", "silu", "sigmoid", "tanh")[:functions]
    return AcceleratorParams(unit=unit, queue=queue, functions=names)


class Offers(Monitor):
    """Offers on a stream that is broken off together with the program."""

    def __init__(self, port: StreamSignals, dut: Any):
        super().__init__(port)
        self.dut = dut

    def step(self, cycle: int, waiting: int | None) -> int | None:
        runs = high(self.dut.status_busy) and self.dut.clear.value == 0
        return super().step(cycle, waiting if runs else None)


class ControlBench:
    """The block, its units and its memory.

    stall   of all of them; log: per unit see FakeUnit
    """

    def __init__(self, dut: Any, stall: float = 0.0):
        self.dut = dut
        self.p = make_params(**parameters())
        self.random = Random(f"{seed()} programs {stall}")
        self.clock = Clockwork(dut)
        self.units = {u: FakeUnit(dut, u, Random(f"{seed()} {u} {stall}"), stall) for u in UNITS}
        self.memory = FakeMemory(dut, Random(f"{seed()} memory {stall}"), self.p.lanes, stall)
        self.memory.latency = LATENCY
        self.monitors = {name: Offers(StreamSignals(dut, name), dut) for name in STREAMS}
        self.events: list[tuple[int, str]] = []
        self.started = 0

    async def begin(self) -> None:
        """Clock and reset; everything runs."""
        dut = self.dut
        Clock(dut.clk, 10, unit="ns").start()
        pulses = ("control_start", "control_reset", "program_written", "commands_written")
        for name in (*pulses, "progress", "word_written", "word_read", "quiet"):
            getattr(dut, name).value = 0
        for name in ("rst", "fetch_command_ready", "fetch_data_valid", "fetch_status_valid"):
            getattr(dut, name).value = 0
        for unit in self.units.values():
            for name in ("command_ready", "done", "busy", *(["fault"] if CAUSES[unit.name] else [])):
                unit.port(name).value = 0
        dut.watchdog_cycles.value = WATCHDOG
        await self.reset()
        cocotb.start_soon(each_cycle(dut.clk, self.monitors.values()))
        for unit in self.units.values():
            cocotb.start_soon(unit.run(self.clock))
        for each in (self.clock.run(), self.run(), self.memory.run(self.clock)):
            cocotb.start_soon(each)

    async def reset(self) -> None:
        """One cycle."""
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0

    async def run(self) -> None:
        """Log events."""
        while True:
            await ReadOnly()
            for name in ("interrupt_status_done", "interrupt_status_error"):
                if high(getattr(self.dut, name)):
                    self.events.append((self.clock.cycle, name.rpartition("_")[2]))
            if high(self.dut.control_start):
                self.started = self.clock.cycle
            await RisingEdge(self.dut.clk)

    async def start(
        self, words: list[int], *, most: int | None = None, base: int = 0x1000, ahead: int | None = None
    ) -> int:
        """Give the program and the pulse; returns its cycle. ahead: cycles since registers were written."""
        for unit in self.units.values():
            unit.renew()
        self.events.clear()
        self.memory.asked.clear()
        self.memory.commands, self.memory.base = words, base
        self.memory.words_given = 0
        self.dut.program_address.value = base
        self.dut.commands_most.value = len(words) if most is None else most
        if ahead is not None:
            await self.pulse("program_written")
            await self.pulse("commands_written")
            await ClockCycles(self.dut.clk, ahead)
        await self.pulse("control_start")
        return self.started

    async def pulse(self, name: str) -> None:
        """For the cycle that follows."""
        await RisingEdge(self.dut.clk)
        getattr(self.dut, name).value = 1
        await RisingEdge(self.dut.clk)
        getattr(self.dut, name).value = 0

    async def wait(self, event: str, within: int = 60_000) -> None:
        """Until `event` has come, and a few cycles more: it comes once, and nothing passes after an error."""
        for _ in range(within):
            if self.events:
                break
            await RisingEdge(self.dut.clk)
        await ClockCycles(self.dut.clk, 12)
        assert [name for _, name in self.events] == [event], f"{self.events}, expected {event}"
        status = {name: int(getattr(self.dut, f"status_{name}").value) for name in ("busy", "done", "error")}
        assert status == {"busy": 0, "done": event == "done", "error": event == "error"}, status
        if event == "error":
            late = [cycle for unit in self.units.values() for cycle, _ in unit.passed]
            assert all(cycle < self.events[0][0] for cycle in late), "a command passed after the fault"

    def cause(self) -> tuple[int, int, int, int]:
        """(cause, unit, response, command)."""
        names = ("cause_code", "cause_unit", "cause_response", "fault_command_index")
        found = [int(getattr(self.dut, name).value) for name in names]
        return found[0], found[1], found[2], found[3]

    def counters(self) -> dict[str, int]:
        """By name."""
        whole = int(self.dut.counters.value)
        return {name: whole >> 64 * i & (1 << 64) - 1 for i, (name, _) in enumerate(counters(self.p))}

    async def stopped(self, cause: Cause, unit: int, command: int, response: int = 0) -> None:
        """The program ends with this fault."""
        await self.wait("error")
        found = self.cause()
        wanted = (cause, unit, response, command)
        assert found == wanted, f"(cause, unit, response, command) is {found}, expected {wanted}"

    async def recover(self) -> None:
        """CONTROL.reset, and then a program runs as if nothing had been."""
        await self.pulse("control_reset")
        assert self.dut.clear.value == 0 or high(self.dut.status_busy)
        for _ in range(100):
            await RisingEdge(self.dut.clk)
            if self.dut.status_busy.value == 0 and self.dut.clear.value == 0:
                break
        assert self.dut.status_busy.value == 0, "still busy after a reset"
        assert self.dut.status_error.value == 0, "still an error after a reset"
        for unit in self.units.values():
            unit.takes = lambda word: 1 + word % 7
        self.memory.bad = {}
        await self.complete(programs.program(self.random, self.p, 20))

    async def complete(
        self, words: list[int], *, most: int | None = None, ahead: int | None = None, asked: bool = True
    ) -> None:
        """Run a program that ends, and check it. asked: its requests too, as no others were on the way."""
        started = await self.start(words, most=most, ahead=ahead)
        await self.wait("done")
        self.check_order(words)
        self.check_tokens(words)
        if asked:
            self.check_requests(len(words) if most is None else most)
            self.check_counters(words, started)

    def check_order(self, words: list[int]) -> None:
        """Each unit got its own commands, in order, and has done them."""
        for number, unit in enumerate(UNITS):
            wanted = [word for word in words if unit_number(word) == number]
            found = [word for _, word in self.units[unit].passed]
            for index, (one, other) in enumerate(zip(found, wanted, strict=False)):
                assert one == other, f"{unit} command {index} is {one:#x}, expected {other:#x}"
            assert len(found) == len(wanted), f"{unit}: {len(found)} commands, expected {len(wanted)}"
            assert len(self.units[unit].finished) == len(wanted), f"{unit}: not all done when the program was"

    def check_tokens(self, words: list[int]) -> None:
        """No command passed before its tokens were there, none before a fence that stands before it."""
        log = []
        for number, unit in enumerate(self.units.values()):
            log += [(cycle, 1, number, mask_of(word, "wait")) for cycle, word in unit.passed]
            for cycle, (_, word) in zip(unit.finished, unit.passed, strict=True):
                log.append((cycle, 2, number, mask_of(word, "signal")))  # after what passes in that cycle
        tokens: Counter[tuple[int, int]] = Counter()
        for cycle, kind, number, units in sorted(log):
            for other in (other for other in range(len(UNITS)) if units >> other & 1):
                pair = (other, number) if kind == 1 else (number, other)
                tokens[pair] += -1 if kind == 1 else 1
                assert tokens[pair] >= 0, f"cycle {cycle}: {UNITS[number]} had no token of {UNITS[other]}"
        self.check_fences(words)

    def check_fences(self, words: list[int]) -> None:
        """What stands before a fence is done when what stands behind it passes."""
        before = after = 0  # cycles: last done so far, bound of the fences so far
        place = dict.fromkeys(UNITS, 0)
        for word in words:
            if word == FENCE:
                after = before
            elif word != END:
                unit = self.units[UNITS[unit_number(word)]]
                index = place[unit.name]
                place[unit.name] += 1
                assert unit.passed[index][0] > after, f"{unit.name} command {index} passed a fence"
                before = max(before, unit.finished[index])

    def check_requests(self, most: int) -> None:
        """Requests follow one another, whole and aligned, and ask for nothing beyond `most`."""
        at, end = self.memory.base, self.memory.base + 64 * most
        for address, count in self.memory.asked:
            wanted = min(end, (at // 256 + 1) * 256) - at
            assert (address, count) == (at, wanted), f"{address:#x} {count}, expected {at:#x} {wanted}"
            assert count, f"a request of nothing at {address:#x}"
            at += count

    def check_counters(self, words: list[int], started: int) -> None:
        """What can be known from outside."""
        found = self.counters()
        wanted = {"COMMANDS_GIVEN": len(words), "WORDS_READ": self.memory.words_given, "WORDS_WRITTEN": 0}
        wanted["CYCLES"] = self.events[0][0] - 1 - started
        for unit in self.units.values():
            flying, busy = 0, Counter({cycle + 1: 1 for cycle, _ in unit.passed})
            busy.subtract(cycle + 1 for cycle in unit.finished)
            total = 0
            for cycle in range(started, self.events[0][0] + 1):
                flying += busy[cycle]
                total += flying > 0
            wanted[f"{unit.name.upper()}_BUSY"] = total
        for name, value in wanted.items():
            assert found[name] == value, f"{name} is {found[name]}, expected {value}"
