"""Bench of hw.accelerator.store: memory port and scratchpad at random paces, against golden's interpreter."""

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
from sim.benches.accelerator.moves import BASE, MoveBench, Pulses, Run, number_of, params_of

PARTS = ("command", "store_command", "store_data", "store_status", "store")


class StoreBench(MoveBench):
    """The unit between its neighbours, and golden.

    wanted  (runs, words) of each command sent; a run has its status once its words were taken
    """

    def __init__(self, dut: Any, pauses: dict[str, float]):
        super().__init__(dut, ["command", "store_status"], ["store_command", "store_data"], pauses)
        self.wanted: list[tuple[list[Run], list[int]]] = []
        self.waited = 0
        self.pulses = Pulses(dut, lambda: len(self.monitors["store_status"].moved))

    async def start(self) -> None:
        self.dut.store_ready.value = 0
        await super().start()
        for part in (self.port(), self.scratchpad(), self.pulses.run()):
            cocotb.start_soon(part)

    async def port(self) -> None:
        """A status for each run taken whose words have been."""
        given = words = 0
        while True:
            await ReadOnly()
            resetting = self.dut.rst.value == 1
            await RisingEdge(self.dut.clk)
            if resetting:
                given = words = 0
                continue
            runs = self.monitors["store_command"].moved
            while given < len(runs):
                words_of = (runs[given][1] >> 32) // self.p.lanes
                if len(self.monitors["store_data"].moved) < words + words_of:
                    break
                given, words = given + 1, words + words_of
                self.sources["store_status"].send([self.statuses.popleft() if self.statuses else Status.OKAY])

    async def scratchpad(self) -> None:
        """The reader, granted at random."""
        dut, random = self.dut, self.random_of("scratchpad")
        due: deque[int | None] = deque([None] * READ_LATENCY)
        while True:
            word = due.popleft()
            # not `store_data`: that stream's signals have an end more to their names
            dut.store_data.value = random.getrandbits(8 * self.p.lanes) if word is None else word
            dut.store_ready.value = int(random.random() >= self.pauses.get("store", 0.0))
            await ReadOnly()
            asks, granted = dut.store_valid.value == 1 and dut.rst.value == 0, dut.store_ready.value == 1
            self.waited += asks and not granted
            address = int(dut.store_address.value) % self.p.words if asks and granted else None
            due.append(None if address is None else self.word_at(address))
            await RisingEdge(dut.clk)

    def word_at(self, address: int) -> int:
        """Golden's scratchpad, which a store does not change."""
        return int.from_bytes(self.moves.machine.scratch[address].tobytes(), "little")

    def send(self, commands: Sequence[Command]) -> None:
        """Queue commands, and have golden do them."""
        self.sources["command"].send(number_of(command) for command in commands)
        for command in commands:
            places = self.moves.machine.scratch_runs(command.fields).ravel()
            runs, _ = self.moves.expect(command)
            self.wanted.append((runs, [self.word_at(int(place)) for place in places]))

    def random_commands(self, count: int) -> list[Command]:
        """STOREs."""
        return [self.moves.move(Opcode.STORE) for _ in range(count)]

    async def settle(self) -> None:
        """All commands done, and nothing more."""
        for _ in range(300 * len(self.wanted) + 40 * sum(len(words) for _, words in self.wanted)):
            if len(self.pulses.done) == len(self.wanted):
                break
            await RisingEdge(self.dut.clk)
        await self.cycles(12)
        done = self.pulses.done
        assert len(done) == len(self.wanted), f"{len(done)} of {len(self.wanted)} done"
        assert not self.pulses.faults, f"fault {self.pulses.faults}"
        assert self.dut.busy.value == 0, "busy when all is done"
        self.check_streams()
        self.check_done(len(self.wanted))

    def check_streams(self) -> None:
        """Runs and words are golden's."""
        runs = [(word & 0xFFFFFFFF, word >> 32) for word in self.monitors["store_command"].words]
        words = self.monitors["store_data"].words
        golden_runs = [run for runs, _ in self.wanted for run in runs]
        golden_words = [word for _, words in self.wanted for word in words]
        for what, found, golden in (("run", runs, golden_runs), ("word", words, golden_words)):
            for index, (one, other) in enumerate(zip(found, golden, strict=False)):
                assert one == other, f"{what} {index} is {one}, golden {other}"
            assert len(found) == len(golden), f"{len(found)} {what}s, golden {len(golden)}"

    def check_done(self, count: int) -> None:
        """At each done all statuses of that command were in, and no command's done was late."""
        runs = 0
        for index, (asked, _) in enumerate(self.wanted[:count]):
            runs += len(asked)
            answered = self.pulses.at_done[index]
            assert answered >= runs, f"command {index} done after {answered} statuses, {runs} is its last"
            last = self.monitors["store_status"].moved[runs - 1][0]
            found = self.pulses.done[index]
            assert found == last + 1, f"command {index} done in cycle {found}, its last status {last}"

    async def begin_again(self) -> None:
        """A reset, then other commands."""
        await self.everyone_resets()
        self.wanted = []
        self.send(self.random_commands(12))


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.6])
async def runs_and_words_are_goldens(dut: Any, pause: float) -> None:
    bench = StoreBench(dut, dict.fromkeys(PARTS, pause))
    bench.send(bench.random_commands(40))
    await bench.start()
    await bench.settle()
    assert (bench.waited > 0) == (pause > 0), "the waits asked for did not happen"


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = StoreBench(dut, {paused: 0.85})
    bench.send(bench.random_commands(15))
    await bench.start()
    await bench.settle()


@cocotb.test
async def as_many_commands_as_may_be_pending(dut: Any) -> None:
    """No status comes: commands start all the same, until there are too many; one more is held."""
    bench = StoreBench(dut, {"store_status": 1.0})
    bench.send([Command(Opcode.STORE, fields={"address": BASE, "scratch": i}) for i in range(PENDING + 4)])
    await bench.start()
    await bench.cycles(100)
    most = min(PENDING, bench.p.write.outstanding + 3)
    assert len(bench.monitors["command"].moved) == most + 1, len(bench.monitors["command"].moved)
    assert not bench.pulses.done and dut.busy.value == 1
    bench.sources["store_status"].stall = 0.0
    await bench.settle()


@cocotb.test
async def as_many_runs_as_may_be_unanswered(dut: Any) -> None:
    """One a cycle until then."""
    bench = StoreBench(dut, {"store_status": 1.0})
    count = bench.p.write.outstanding + 9
    fields = {"address": BASE, "words": 1, "count2": count, "address_stride2": 2 * bench.p.lanes}
    bench.send([Command(Opcode.STORE, fields=fields)])
    await bench.start()
    await bench.cycles(100 + count)
    times = [cycle for cycle, _ in bench.monitors["store_command"].moved]
    assert len(times) == bench.p.write.outstanding + 2, f"{len(times)} runs without a status"
    assert times[-1] - times[0] == len(times) - 1, "a pause between runs"
    bench.sources["store_status"].stall = 0.0
    await bench.settle()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], status=[Status.REFUSED, Status.SLVERR, Status.DECERR])
async def a_bad_status_is_the_fault_of_its_command(dut: Any, pause: float, status: Status) -> None:
    """What came before it is done first; then nothing is, until a reset, after which all is as new."""
    bench = StoreBench(dut, dict.fromkeys(PARTS, pause))
    bench.send(bench.random_commands(14))
    asked = [index for index, (runs, _) in enumerate(bench.wanted) for _ in runs]
    at = bench.random.randrange(len(asked) // 4, len(asked))
    bench.statuses.extend([Status.OKAY] * at + [status] + bench.random.choices(list(Status), k=3))
    await bench.start()
    await bench.stopped()
    done, faults = bench.pulses.done, bench.pulses.faults
    assert len(done) == asked[at], f"{len(done)} done, {asked[at]} are before the fault"
    bench.check_done(asked[at])
    assert [fault[1:] for fault in faults] == [(Cause.STORE_ERROR, status)], f"{faults}, golden {status!r}"
    assert not done or faults[0][0] > done[-1], "the fault came too early"
    await bench.begin_again()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], stuck=[None, *PARTS[1:]])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float, stuck: str | None) -> None:
    bench = StoreBench(dut, dict.fromkeys(PARTS, pause) | ({stuck: 1.0} if stuck else {}))
    bench.send(bench.random_commands(30))
    await bench.start()
    await bench.cycles(bench.random.randint(30, 70))
    await bench.begin_again()
    await bench.settle()


def case(lanes: int, outstanding: int) -> Case:
    """A store unit."""

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.accelerator.store import definition
        from hw.emit import verilog

        block = definition(params_of(lanes, outstanding))
        return verilog(block), block.name

    return Case(f"{lanes}-o{outstanding}", build, {"lanes": lanes, "outstanding": outstanding})


CASES = [case(4, 4), case(16, 32), case(8, 8)]
