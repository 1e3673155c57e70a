"""The part that the benches of load and store share: a unit between neighbours that pause, pulses, resets,
faults."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.moves import PENDING
from golden.accelerator.registers import Cause
from golden.axi.bursts import BurstStatus
from sim.benches import parameters
from sim.benches.accelerator.moves import BASE, Moves, Run, number_of, params_of
from sim.benches.accelerator.read_port import ReadPort
from sim.benches.stream import Bench, Sink, Source, StreamSignals, high, settled


class Pulses:
    """done and fault of a unit, with the cycles they come in, since the last reset.

    done    cycles
    faults  (cycle, code, response)
    at_done what `count` gives in each cycle of done
    """

    def __init__(self, dut: Any, count: Callable[[], Any]):
        self.dut, self.count = dut, count
        self.done: list[int] = []
        self.faults: list[tuple[int, int, int]] = []
        self.at_done: list[Any] = []

    async def run(self) -> None:
        dut, cycle = self.dut, 0
        while True:
            await ReadOnly()
            if high(dut.rst):
                self.done, self.faults, self.at_done = [], [], []
            else:
                if high(dut.done):
                    self.done.append(cycle)
                    self.at_done.append(self.count())
                if high(dut.fault):
                    self.faults.append((cycle, int(dut.fault_code.value), int(dut.fault_response.value)))
                settled(dut.busy)
            await RisingEdge(dut.clk)
            cycle += 1


class Feed(Source):
    """A source that can forget what it offers, as a memory port does that was reset."""

    def forget(self) -> None:
        """Call in ReadOnly of a cycle of reset."""
        self.words.clear()
        self.offered = False


class MoveBench(Bench, ABC):
    """A unit between its neighbours, which pause, and golden.

    unit      its name, which its streams begin with
    reads     its read port of the scratchpad
    longest   cycles of a command of no words
    pauses    probability of a pause by neighbour
    statuses  of the next runs, OKAY where there is none
    wanted    (runs, how many words) of each command sent
    """

    unit: str
    opcode: Opcode
    reads: str
    longest: int

    def __init__(self, dut: Any, inputs: list[str], outputs: list[str], pauses: dict[str, float]):
        super().__init__(dut, inputs, outputs)
        self.p = params_of(**parameters())
        self.random = Random(f"{self.random.getrandbits(32)} {sorted(pauses.items())}")
        self.pauses = pauses
        self.feeds = {name: Feed(StreamSignals(dut, name), 0.0, self.random_of(name)) for name in inputs}
        self.sources = dict(self.feeds)
        self.moves = Moves(self.p, self.random)
        self.scratch = self.moves.machine.scratch.copy()
        self.reader = ReadPort(dut, self.reads, self.scratch, self.random_of(self.reads))
        self.pulses = Pulses(dut, lambda: (self.words_moved(), len(self.monitors["memory_status"].moved)))
        self.statuses: deque[int] = deque()
        self.wanted: list[tuple[list[Run], int]] = []
        self.pause()

    @abstractmethod
    def words_moved(self) -> int:
        """Since the last reset."""

    @abstractmethod
    def random_commands(self, count: int) -> list[Command]:
        """All kinds that the unit takes."""

    @abstractmethod
    async def port(self) -> None:
        """The memory port: what belongs to each run taken."""

    def pause(self) -> None:
        """Pause as `pauses` says."""
        parts: dict[str, Source | Sink] = {**self.feeds, **self.sinks}
        for name, part in parts.items():
            part.stall = self.pauses.get(name, 0.0)
        self.reader.pause = self.pauses.get(self.reads, 0.0)

    def free(self) -> None:
        """Nobody pauses for ever any more."""
        self.pauses = {name: 0.0 if pause == 1.0 else pause for name, pause in self.pauses.items()}
        self.pause()

    async def start(self) -> None:
        self.reader.rest()
        await super().start()
        for part in (*self.neighbours(), self.pulses.run()):  # pulses last: they count what the others see
            cocotb.start_soon(part)

    def neighbours(self) -> list[Coroutine[Any, Any, None]]:
        """The tasks that run beside the streams."""
        return [self.port(), self.reader.run()]

    def next_status(self) -> int:
        """Of a run."""
        return self.statuses.popleft() if self.statuses else BurstStatus.OKAY

    def send(self, commands: Sequence[Command]) -> None:
        """Queue commands, and have golden do them."""
        self.sources["command"].send(number_of(command) for command in commands)
        self.wanted += [self.expect(command) for command in commands]

    def expect(self, command: Command) -> tuple[list[Run], int]:
        """(its runs, how many words); golden does it."""
        return self.moves.expect(command)

    async def run(self, commands: Sequence[Command]) -> None:
        """All of them, from the start to the end."""
        self.send(commands)
        await self.start()
        await self.settle()

    async def settle(self) -> None:
        """All commands done, and nothing more."""
        for _ in range(self.longest * len(self.wanted) + 40 * sum(count for _, count in self.wanted)):
            if len(self.pulses.done) == len(self.wanted):
                break
            await RisingEdge(self.dut.clk)
        await self.cycles(12)
        done = self.pulses.done
        assert len(done) == len(self.wanted), f"{len(done)} of {len(self.wanted)} done"
        assert not self.pulses.faults, f"fault {self.pulses.faults}"
        assert self.dut.busy.value == 0, "busy when all is done"
        found = [(word & 0xFFFFFFFF, word >> 32) for word in self.monitors["memory_command"].words]
        assert_same("run", found, [run for runs, _ in self.wanted for run in runs])
        self.check_done(len(self.wanted))
        self.check_words()

    @abstractmethod
    def check_words(self) -> None:
        """Every word is golden's."""

    def check_done(self, count: int) -> None:
        """At each done, all words and statuses of that command were in."""
        words = runs = 0
        for index, (asked, moved) in enumerate(self.wanted[:count]):
            words, runs = words + moved, runs + len(asked)
            had, answered = self.pulses.at_done[index]
            assert had >= words, f"command {index} done after {had} words, {words} are its last"
            assert answered >= runs, f"command {index} done after {answered} statuses, {runs} is its last"

    def check_fault(self, bad: int, cause: Cause, response: int) -> None:
        """One fault, when all before command `bad` were done, and no done since."""
        done, faults = self.pulses.done, self.pulses.faults
        assert len(done) == bad, f"{len(done)} done, {bad} are before the fault"
        self.check_done(bad)
        found = [fault[1:] for fault in faults]
        assert found == [(cause, response)], f"{faults}, golden {cause!r} {response}"
        assert not done or faults[0][0] > done[-1], "the fault came too early"

    def progress(self) -> int:
        """Changes with whatever moves."""
        return sum(len(monitor.moved) for monitor in self.monitors.values()) + self.words_moved()

    async def stopped(self) -> None:
        """Until nothing moves any more."""
        quiet = before = 0
        while quiet < 200:
            now = self.progress()
            quiet, before = (quiet + 1 if now == before else 0), now
            await RisingEdge(self.dut.clk)

    async def everyone_resets(self) -> None:
        """The neighbours too: what they had on the way is gone."""
        resetting = cocotb.start_soon(self.reset())
        await RisingEdge(self.dut.clk)
        await ReadOnly()
        for feed in self.feeds.values():
            feed.forget()
        self.statuses.clear()
        self.free()
        await resetting

    async def begin_again(self) -> None:
        """A reset, then other commands."""
        await self.everyone_resets()
        self.renew()
        self.send(self.random_commands(12))
        await self.settle()

    def renew(self) -> None:
        """Forget the expected results."""
        self.wanted = []

    async def waits_for_statuses(self, commands: list[Command], most: int) -> None:
        """No status comes: commands start all the same, until there are too many; one more is held."""
        self.send(commands)
        await self.start()
        await self.cycles(100)
        taken = len(self.monitors["command"].moved)
        assert taken == min(PENDING, most) + 1, taken
        assert not self.pulses.done and self.dut.busy.value == 1
        self.sources["memory_status"].stall = 0.0
        await self.settle()

    async def runs_without_statuses(self, outstanding: int, **more: int) -> None:
        """A command of more runs than there may be without a status: one a cycle until then."""
        count = outstanding + 9
        fields = {"address": BASE, "words": 1, "count2": count, "address_stride2": 2 * self.p.lanes}
        self.send([Command(self.opcode, fields=fields | more)])
        await self.start()
        await self.cycles(100 + count)
        times = [cycle for cycle, _ in self.monitors["memory_command"].moved]
        assert len(times) == outstanding + 2, f"{len(times)} runs without a status"
        assert times[-1] - times[0] == len(times) - 1, "a pause between runs"
        self.sources["memory_status"].stall = 0.0
        await self.settle()

    async def stops_at(self, status: BurstStatus, cause: Cause) -> None:
        """A bad status: what came before its command is done, then nothing until a reset; then all is new."""
        self.send(self.random_commands(14))
        asked = [index for index, (runs, _) in enumerate(self.wanted) for _ in runs]
        at = self.random.randrange(len(asked) // 4, len(asked))
        self.statuses.extend([BurstStatus.OKAY] * at + [status] + self.random.choices(list(BurstStatus), k=3))
        await self.start()
        await self.stopped()
        self.check_fault(asked[at], cause, status)
        await self.begin_again()

    async def forgets_at_reset(self) -> None:
        """A reset amid commands; then all is as new."""
        self.send(self.random_commands(30))
        await self.start()
        await self.cycles(self.random.randint(30, 70))
        await self.begin_again()


def assert_same(what: str, found: Sequence[Any], golden: Sequence[Any]) -> None:
    """The first difference is told."""
    for index, (one, other) in enumerate(zip(found, golden, strict=False)):
        assert one == other, f"{what} {index} is {one}, golden {other}"
    assert len(found) == len(golden), f"{len(found)} {what}s, golden {len(golden)}"


def pauses_of(parts: Sequence[str], pause: float, stuck: str | None) -> dict[str, float]:
    """All parts pause, one of them for ever."""
    return dict.fromkeys(parts, pause) | ({stuck: 1.0} if stuck else {})
