"""Bench of hw.accelerator.units.store: memory port and scratchpad at random paces, against golden."""

from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.footprints import scratch_runs
from golden.accelerator.moves import PENDING
from golden.accelerator.registers import Cause
from golden.axi.bursts import BurstStatus
from sim.benches import Faults
from sim.benches.accelerator import extremes
from sim.benches.accelerator.move_bench import MoveBench, assert_same, pauses_of
from sim.benches.accelerator.moves import BASE, Run, cases_of
from sim.benches.stream import high

PARTS = ("command", "memory_command", "memory_data", "memory_status", "scratch_store")


class StoreBench(MoveBench):
    """The unit between its neighbours, and golden.

    words  of the commands sent; a run has its status once its words were taken
    """

    unit, opcode, reads, longest = "store", Opcode.STORE, "scratch_store", 300

    def __init__(self, dut: Any, pauses: dict[str, float]):
        super().__init__(dut, ["command", "memory_status"], ["memory_command", "memory_data"], pauses)
        self.words: list[int] = []

    def words_moved(self) -> int:
        return len(self.monitors["memory_data"].moved)

    async def port(self) -> None:
        """A status for each run taken whose words have been."""
        given = words = 0
        while True:
            await ReadOnly()
            resetting = high(self.dut.rst)
            await RisingEdge(self.dut.clk)
            if resetting:
                given = words = 0
                continue
            runs = self.monitors["memory_command"].moved
            while given < len(runs):
                words_of = (runs[given][1] >> 32) // self.p.lanes
                if self.words_moved() < words + words_of:
                    break
                given, words = given + 1, words + words_of
                self.sources["memory_status"].send([self.next_status()])

    def expect(self, command: Command) -> tuple[list[Run], int]:
        """Expect a command and its words: a store does not change the scratchpad."""
        places = self.moves.machine.walked(scratch_runs(command.fields)).ravel()
        self.words += [self.reader.word(int(place)) for place in places]
        return super().expect(command)

    def random_commands(self, count: int) -> list[Command]:
        """STOREs."""
        return [self.moves.move(Opcode.STORE) for _ in range(count)]

    def check_words(self) -> None:
        assert_same("word", self.monitors["memory_data"].words, self.words)

    def check_done(self, count: int) -> None:
        """No command's done was late, either."""
        super().check_done(count)
        runs = 0
        for index, (asked, _) in enumerate(self.wanted[:count]):
            runs += len(asked)
            last = self.monitors["memory_status"].moved[runs - 1][0]
            found = self.pulses.done[index]
            assert found == last + 1, f"command {index} done in cycle {found}, its last status {last}"

    def renew(self) -> None:
        super().renew()
        self.words = []


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.6])
async def runs_and_words_are_goldens(dut: Any, pause: float) -> None:
    bench = StoreBench(dut, dict.fromkeys(PARTS, pause))
    await bench.run(bench.random_commands(40))
    assert (bench.reader.waits > 0) == (pause > 0), "the waits asked for did not happen"


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = StoreBench(dut, {paused: 0.85})
    await bench.run(bench.random_commands(15))


@cocotb.test
async def as_many_commands_as_may_be_pending(dut: Any) -> None:
    bench = StoreBench(dut, {"memory_status": 1.0})
    commands = [Command(Opcode.STORE, fields={"address": BASE, "scratch": i}) for i in range(PENDING + 4)]
    await bench.waits_for_statuses(commands, bench.p.write.outstanding + 3)


@cocotb.test
async def as_many_runs_as_may_be_unanswered(dut: Any) -> None:
    bench = StoreBench(dut, {"memory_status": 1.0})
    await bench.runs_without_statuses(bench.p.write.outstanding)


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], status=[BurstStatus.REFUSED, BurstStatus.SLVERR, BurstStatus.DECERR])
async def a_bad_status_is_the_fault_of_its_command(dut: Any, pause: float, status: BurstStatus) -> None:
    await StoreBench(dut, dict.fromkeys(PARTS, pause)).stops_at(status, Cause.STORE_ERROR)


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], stuck=[None, *PARTS[1:]])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float, stuck: str | None) -> None:
    await StoreBench(dut, pauses_of(PARTS, pause, stuck)).forgets_at_reset()


CASES = cases_of("store", (4, 4), (16, 32), (8, 8))
QUICK = {"icarus": ["8-o8"], "verilator": ["4-o4"]}
LONG = {"icarus": ["4-o4", "16-o32"]}
EXTREME = extremes("accelerator/units/store")
MUTANTS = [Faults("4-o4", 1), Faults("4-o4", 3, slow=True)]
