"""Bench of hw.accelerator.units.load: memory port and scratchpad at random paces, against golden."""

from collections.abc import Coroutine
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.moves import PENDING
from golden.accelerator.registers import Cause
from golden.axi.bursts import BurstStatus
from sim.benches import Faults
from sim.benches.accelerator import extremes
from sim.benches.accelerator.move_bench import MoveBench, pauses_of
from sim.benches.accelerator.moves import BASE, INDEX, SIZE, TABLE, cases_of, number_of
from sim.benches.stream import high

PARTS = ("command", "memory_command", "memory_data", "memory_status", "scratch_load", "scratch_index")


class LoadBench(MoveBench):
    """The unit between its neighbours, and golden. A run whose status is REFUSED gives no word.

    written  words that the scratchpad accepted since the last reset
    waited   cycles that they waited
    """

    unit, opcode, reads, longest = "load", Opcode.LOAD, "scratch_index", 200

    def __init__(self, dut: Any, pauses: dict[str, float]):
        super().__init__(dut, ["command", "memory_data", "memory_status"], ["memory_command"], pauses)
        self.written = self.waited = 0
        dut.scratch_load_ready.value = 0

    def words_moved(self) -> int:
        return self.written

    def neighbours(self) -> list[Coroutine[Any, Any, None]]:
        """The writer too, behind the reader, which sees a word as it was before."""
        return [*super().neighbours(), self.write()]

    async def port(self) -> None:
        """Words and a status for each run taken: in order, apart from one another."""
        dut, given = self.dut, 0
        while True:
            await ReadOnly()
            resetting = high(dut.rst)
            await RisingEdge(dut.clk)
            taken = [] if resetting else self.monitors["memory_command"].moved
            for _, word in taken[given:]:
                self.give(word & 0xFFFFFFFF, word >> 32)
            given = len(taken)

    def give(self, address: int, count: int) -> None:
        """The words that a run gets."""
        status = self.next_status()
        size = self.p.lanes
        places = range(address, address + count, size) if status != BurstStatus.REFUSED else []
        for place in places:
            at = (place - BASE) % SIZE
            word = int.from_bytes(self.moves.machine.memory[at : at + size].tobytes(), "little")
            self.sources["memory_data"].send([word | (place + size == address + count) << 8 * size])
        self.sources["memory_status"].send([status])

    async def write(self) -> None:
        """The scratchpad's write port, granted at random."""
        dut, random = self.dut, self.random_of("scratchpad")
        while True:
            dut.scratch_load_ready.value = int(random.random() >= self.pauses.get("scratch_load", 0.0))
            await ReadOnly()
            if high(dut.rst):
                self.written = 0
            elif high(dut.scratch_load_valid) and high(dut.scratch_load_ready):
                self.written += 1
                data = int(dut.scratch_load_data.value).to_bytes(self.p.lanes, "little")
                self.scratch[int(dut.scratch_load_address.value) % self.p.words] = list(data)
            else:
                self.waited += high(dut.scratch_load_valid)
            await RisingEdge(dut.clk)

    def random_commands(self, count: int) -> list[Command]:
        """All kinds; row numbers change now and then, right before they are used."""
        found: list[Command] = []
        while len(found) < count:
            kind = self.random.randrange(8)
            if kind < 4:
                found.append(self.moves.move(Opcode.LOAD))
            elif kind < 6:
                found.append(self.moves.fill())
            else:
                found += [self.moves.new_numbers()] * (kind == 6)
                found.append(self.moves.gather())
        return found

    def check_words(self) -> None:
        wrong = (self.scratch != self.moves.machine.scratch).any(1).nonzero()[0]
        assert not len(wrong), f"word {wrong[0]} of the scratchpad is not golden's"

    def renew(self) -> None:
        """Golden goes on from what the scratchpad holds."""
        super().renew()
        golden = self.moves.machine
        golden.scratch[:] = self.scratch
        self.moves.good_numbers()
        self.scratch[:INDEX] = golden.scratch[:INDEX]


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.6])
async def the_scratchpad_becomes_goldens(dut: Any, pause: float) -> None:
    bench = LoadBench(dut, dict.fromkeys(PARTS, pause))
    await bench.run(bench.random_commands(50))
    # the index port reads so seldom that at 0.1 none of 50 commands may have met a pause
    while pause and not bench.reader.waits and len(bench.wanted) < 400:
        bench.send(bench.random_commands(50))
        await bench.settle()
    waits = (bench.waited, bench.reader.waits)
    assert (min(waits) > 0) == (pause > 0), "the waits asked for did not happen"


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = LoadBench(dut, {paused: 0.85})
    await bench.run(bench.random_commands(20))


@cocotb.test
async def as_many_commands_as_may_be_pending(dut: Any) -> None:
    bench = LoadBench(dut, {"memory_status": 1.0})
    places = [{"address": BASE, "words": 2, "scratch": INDEX + 2 * i} for i in range(PENDING + 4)]
    commands = [Command(Opcode.LOAD, fields=fields) for fields in places]
    await bench.waits_for_statuses(commands, bench.p.read.outstanding + 3)


@cocotb.test
async def as_many_commands_as_may_be_pending_whose_words_wait(dut: Any) -> None:
    """All runs are answered before the scratchpad takes a word."""
    bench = LoadBench(dut, {"scratch_load": 1.0})
    places = [{"address": BASE, "words": 2, "scratch": INDEX + 2 * i} for i in range(PENDING + 4)]
    bench.send([Command(Opcode.LOAD, fields=fields) for fields in places])
    await bench.start()
    await bench.cycles(150)
    assert len(bench.monitors["command"].moved) == PENDING + 1 and not bench.pulses.done
    assert len(bench.monitors["memory_status"].moved) == PENDING
    bench.free()
    await bench.settle()


@cocotb.test
async def as_many_runs_as_may_be_unanswered(dut: Any) -> None:
    bench = LoadBench(dut, {"memory_status": 1.0})
    await bench.runs_without_statuses(bench.p.read.outstanding, scratch=99, scratch_stride2=1)


@cocotb.test
async def a_long_run_is_one_command(dut: Any) -> None:
    bench = LoadBench(dut, {})
    fields = {"address": BASE, "words": SIZE // bench.p.lanes, "scratch": 7}
    await bench.run([Command(Opcode.LOAD, fields=fields)])


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], status=[BurstStatus.REFUSED, BurstStatus.SLVERR, BurstStatus.DECERR])
async def a_bad_status_is_the_fault_of_its_command(dut: Any, pause: float, status: BurstStatus) -> None:
    await LoadBench(dut, dict.fromkeys(PARTS, pause)).stops_at(status, Cause.LOAD_ERROR)


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], number=[TABLE, -1, 1 << 16, 1 << 31])
async def a_row_number_beyond_is_a_fault(dut: Any, pause: float, number: int) -> None:
    """The last of a few, after commands that are done."""
    bench = LoadBench(dut, dict.fromkeys(PARTS, pause))
    memory = bench.moves.machine.memory
    before = [*bench.random_commands(5), bench.moves.new_numbers()]
    count = bench.random.randint(1, min(INDEX, 20) * bench.p.lanes // 4)
    memory[: 4 * count] = 0
    memory[4 * count - 4 : 4 * count] = list((number % (1 << 32)).to_bytes(4, "little"))
    words = -(-4 * count // bench.p.lanes)
    bench.send([*before, Command(Opcode.LOAD, fields={"address": BASE, "words": words, "scratch": 0})])
    gather = bench.moves.gather(index=0, count1=count)
    bench.sources["command"].send([number_of(gather), number_of(bench.moves.fill())])
    await bench.start()
    await bench.stopped()
    bench.check_fault(len(bench.wanted), Cause.ROW_NUMBER, 0)
    asked = len(bench.monitors["memory_command"].words) - sum(len(runs) for runs, _ in bench.wanted)
    assert asked == count - 1, f"{asked} rows asked for, {count - 1} were fine"
    await bench.begin_again()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], stuck=[None, *PARTS[1:]])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float, stuck: str | None) -> None:
    await LoadBench(dut, pauses_of(PARTS, pause, stuck)).forgets_at_reset()


CASES = cases_of("load", (4, 4), (16, 32), (8, 2))
QUICK = {"icarus": ["8-o2"], "verilator": ["4-o4"]}
LONG = {"icarus": ["4-o4", "16-o32"]}
EXTREME = extremes("accelerator/units/load")
MUTANTS = [Faults("4-o4", 1, seed=2), Faults("4-o4", 3, slow=True)]
