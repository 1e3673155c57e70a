"""Bench of hw.accelerator.load: memory port and scratchpad at random paces, against golden's interpreter."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.load import PENDING
from golden.accelerator.registers import Cause
from golden.accelerator.scratchpad import READ_LATENCY
from golden.axi.bursts import Status
from sim.benches import Case
from sim.benches.accelerator.moves import (
    BASE,
    INDEX,
    SIZE,
    TABLE,
    MoveBench,
    Pulses,
    Run,
    number_of,
    params_of,
)

PARTS = ("command", "load_command", "load_data", "load_status", "load", "index")


class LoadBench(MoveBench):
    """The unit between its neighbours, and golden.

    writes  (address, word) that the scratchpad accepted since the last reset
    wanted  (runs, words) of each command sent; a run whose status is REFUSED gives no word
    """

    def __init__(self, dut: Any, pauses: dict[str, float]):
        super().__init__(dut, ["command", "load_data", "load_status"], ["load_command"], pauses)
        self.scratch = self.moves.machine.scratch.copy()
        self.writes: list[tuple[int, int]] = []
        self.wanted: list[tuple[list[Run], int]] = []
        self.waited = dict.fromkeys(("load", "index"), 0)
        self.pulses = Pulses(dut, lambda: (len(self.writes), len(self.monitors["load_status"].moved)))

    async def start(self) -> None:
        self.dut.load_ready.value = self.dut.index_ready.value = 0
        await super().start()
        for part in (self.port(), self.scratchpad(), self.pulses.run()):
            cocotb.start_soon(part)

    async def port(self) -> None:
        """Words and a status for each run taken: in order, apart from one another."""
        dut, given = self.dut, 0
        while True:
            await ReadOnly()
            resetting = dut.rst.value == 1
            await RisingEdge(dut.clk)
            taken = [] if resetting else self.monitors["load_command"].moved
            for _, word in taken[given:]:
                self.give(word & 0xFFFFFFFF, word >> 32)
            given = len(taken)

    def give(self, address: int, count: int) -> None:
        """What a run gets."""
        status = self.statuses.popleft() if self.statuses else Status.OKAY
        size = self.p.lanes
        places = range(address, address + count, size) if status != Status.REFUSED else []
        for place in places:
            at = (place - BASE) % SIZE
            word = int.from_bytes(self.moves.machine.memory[at : at + size].tobytes(), "little")
            self.sources["load_data"].send([word | (place + size == address + count) << 8 * size])
        self.sources["load_status"].send([status])

    async def scratchpad(self) -> None:
        """The writer and the reader, each granted at random."""
        dut, random = self.dut, self.random_of("scratchpad")
        due: deque[int | None] = deque([None] * READ_LATENCY)
        while True:
            word = due.popleft()
            dut.index_data.value = random.getrandbits(8 * self.p.lanes) if word is None else word
            for name in ("load", "index"):
                getattr(dut, f"{name}_ready").value = int(random.random() >= self.pauses.get(name, 0.0))
            await ReadOnly()
            read, write = self.accepted("index"), self.accepted("load")
            due.append(None if read is None else int.from_bytes(self.scratch[read].tobytes(), "little"))
            if dut.rst.value == 1:
                self.writes = []
            elif write is not None:
                data = int(dut.load_data.value)
                self.writes.append((write, data))
                self.scratch[write] = list(data.to_bytes(self.p.lanes, "little"))
            await RisingEdge(dut.clk)

    def accepted(self, name: str) -> int | None:
        """The word that a client's accepted address means."""
        valid, ready = (getattr(self.dut, f"{name}_{end}") for end in ("valid", "ready"))
        if valid.value == 0 or self.dut.rst.value == 1:
            return None
        self.waited[name] += ready.value == 0
        address = int(getattr(self.dut, f"{name}_address").value) % self.p.words
        return address if ready.value == 1 else None

    def send(self, commands: Sequence[Command]) -> None:
        """Queue commands, and have golden do them."""
        self.sources["command"].send(number_of(command) for command in commands)
        self.wanted += [self.moves.expect(command) for command in commands]

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

    async def settle(self) -> None:
        """All commands done, and nothing more."""
        for _ in range(200 * len(self.wanted) + 40 * sum(count for _, count in self.wanted)):
            if len(self.pulses.done) == len(self.wanted):
                break
            await RisingEdge(self.dut.clk)
        await self.cycles(12)
        done = self.pulses.done
        assert len(done) == len(self.wanted), f"{len(done)} of {len(self.wanted)} done"
        assert not self.pulses.faults, f"fault {self.pulses.faults}"
        assert self.dut.busy.value == 0, "busy when all is done"
        self.check_runs()
        self.check_done(len(self.wanted))
        wrong = (self.scratch != self.moves.machine.scratch).any(1).nonzero()[0]
        assert not len(wrong), f"word {wrong[0]} of the scratchpad is not golden's"

    def check_runs(self) -> None:
        """The runs asked for are golden's."""
        found = [(word & 0xFFFFFFFF, word >> 32) for word in self.monitors["load_command"].words]
        golden = [run for runs, _ in self.wanted for run in runs]
        for index, (one, other) in enumerate(zip(found, golden, strict=False)):
            assert one == other, f"run {index} is {one}, golden {other}"
        assert len(found) == len(golden), f"{len(found)} runs, golden {len(golden)}"

    def check_done(self, count: int) -> None:
        """At each done, all words and statuses of that command were in."""
        words = runs = 0
        for index, (asked, moved) in enumerate(self.wanted[:count]):
            words, runs = words + moved, runs + len(asked)
            written, answered = self.pulses.at_done[index]
            assert written >= words, f"command {index} done after {written} words, {words} are its last"
            assert answered >= runs, f"command {index} done after {answered} statuses, {runs} is its last"

    def progress(self) -> int:
        return super().progress() + len(self.writes)

    def check_fault(self, bad: int, cause: Cause, response: int) -> None:
        """One fault, when all before command `bad` were done, and no done since."""
        done, faults = self.pulses.done, self.pulses.faults
        assert len(done) == bad, f"{len(done)} done, {bad} are before the fault"
        self.check_done(bad)
        found = [fault[1:] for fault in faults]
        assert found == [(cause, response)], f"{faults}, golden {cause!r} {response}"
        assert not done or faults[0][0] > done[-1], "the fault came too early"

    async def begin_again(self) -> None:
        """A reset, then other commands on the same scratchpad."""
        await self.everyone_resets()
        self.wanted = []
        golden = self.moves.machine
        golden.scratch[:] = self.scratch
        self.moves.good_numbers()
        self.scratch[:INDEX] = golden.scratch[:INDEX]
        self.send(self.random_commands(12))


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.6])
async def the_scratchpad_becomes_goldens(dut: Any, pause: float) -> None:
    bench = LoadBench(dut, dict.fromkeys(PARTS, pause))
    bench.send(bench.random_commands(50))
    await bench.start()
    await bench.settle()
    assert (min(bench.waited.values()) > 0) == (pause > 0), "the waits asked for did not happen"


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = LoadBench(dut, {paused: 0.85})
    bench.send(bench.random_commands(20))
    await bench.start()
    await bench.settle()


@cocotb.test
async def as_many_commands_as_may_be_pending(dut: Any) -> None:
    """No status comes: commands start all the same, until there are too many; one more is held."""
    bench = LoadBench(dut, {"load_status": 1.0})
    length = {"address": BASE, "words": 2}
    bench.send(
        [Command(Opcode.LOAD, fields={**length, "scratch": INDEX + 2 * i}) for i in range(PENDING + 4)]
    )
    await bench.start()
    await bench.cycles(100)
    most = min(PENDING, bench.p.read.outstanding + 3)
    assert len(bench.monitors["command"].moved) == most + 1, len(bench.monitors["command"].moved)
    assert not bench.pulses.done and dut.busy.value == 1
    bench.sources["load_status"].stall = 0.0
    await bench.settle()


@cocotb.test
async def as_many_runs_as_may_be_unanswered(dut: Any) -> None:
    """One a cycle until then."""
    bench = LoadBench(dut, {"load_status": 1.0})
    count = bench.p.read.outstanding + 9
    fields = {"address": BASE, "words": 1, "count2": count, "address_stride2": 2 * bench.p.lanes}
    bench.send([Command(Opcode.LOAD, fields={**fields, "scratch": 99, "scratch_stride2": 1})])
    await bench.start()
    await bench.cycles(100 + count)
    times = [cycle for cycle, _ in bench.monitors["load_command"].moved]
    assert len(times) == bench.p.read.outstanding + 2, f"{len(times)} runs without a status"
    assert times[-1] - times[0] == len(times) - 1, "a pause between runs"
    bench.sources["load_status"].stall = 0.0
    await bench.settle()


@cocotb.test
async def a_long_run_is_one_command(dut: Any) -> None:
    bench = LoadBench(dut, {})
    words = SIZE // bench.p.lanes
    bench.send([Command(Opcode.LOAD, fields={"address": BASE, "words": words, "scratch": 7})])
    await bench.start()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], status=[Status.REFUSED, Status.SLVERR, Status.DECERR])
async def a_bad_status_is_the_fault_of_its_command(dut: Any, pause: float, status: Status) -> None:
    """What came before it is done first; then nothing is, until a reset, after which all is as new."""
    bench = LoadBench(dut, dict.fromkeys(PARTS, pause))
    bench.send(bench.random_commands(14))
    asked = [index for index, (runs, _) in enumerate(bench.wanted) for _ in runs]
    at = bench.random.randrange(len(asked) // 4, len(asked))
    bench.statuses.extend([Status.OKAY] * at + [status] + bench.random.choices(list(Status), k=3))
    await bench.start()
    await bench.stopped()
    bench.check_fault(asked[at], Cause.LOAD_ERROR, status)
    await bench.begin_again()
    await bench.settle()


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
    asked = len(bench.monitors["load_command"].words) - sum(len(runs) for runs, _ in bench.wanted)
    assert asked == count - 1, f"{asked} rows asked for, {count - 1} were fine"
    await bench.begin_again()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], stuck=[None, *PARTS[1:]])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float, stuck: str | None) -> None:
    bench = LoadBench(dut, dict.fromkeys(PARTS, pause) | ({stuck: 1.0} if stuck else {}))
    bench.send(bench.random_commands(30))
    await bench.start()
    await bench.cycles(bench.random.randint(30, 70))
    await bench.begin_again()
    await bench.settle()


def case(lanes: int, outstanding: int) -> Case:
    """A load unit."""

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.accelerator.load import definition
        from hw.emit import verilog

        block = definition(params_of(lanes, outstanding))
        return verilog(block), block.name

    return Case(f"{lanes}-o{outstanding}", build, {"lanes": lanes, "outstanding": outstanding})


CASES = [case(4, 4), case(16, 32), case(8, 2)]
