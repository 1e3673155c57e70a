"""Parts of the benches of load and store: random commands that stay inside memory, pulses, pauses, resets."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.interpreter import Machine
from golden.accelerator.load import rows, runs, words
from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from sim.benches import parameters
from sim.benches.stream import Bench, Port, Source

SIZE = 1 << 14  # bytes of memory, at the end of the address space
BASE = (1 << 32) - SIZE
INDEX = 16  # words of the scratchpad, from 0 on, that hold row numbers
TABLE = 40  # rows that may be gathered
NUMBERS = 1024  # bytes of row numbers at the memory's beginning
Run = tuple[int, int]


def params_of(lanes: int, outstanding: int) -> AcceleratorParams:
    """Of a case: a small scratchpad."""
    return AcceleratorParams(
        unit=MatrixUnitParams(rows=lanes, cols=lanes), banks=4, bank_words=64, outstanding=outstanding
    )


def number_of(command: Command) -> int:
    """A command's 512 bits."""
    return int.from_bytes(command.encode(), "little")


class Moves:
    """Random commands, and golden's scratchpad and memory as they go on.

    longest  words of a command, about
    """

    def __init__(self, p: AcceleratorParams, random: Random):
        self.p, self.random, self.longest = p, random, 40
        generator = np.random.default_rng(random.getrandbits(32))
        self.machine = Machine(p, generator.integers(0, 256, SIZE, np.uint8), BASE)
        self.machine.scratch[:] = generator.integers(0, 256, self.machine.scratch.shape, np.uint8)
        self.good_numbers()

    def good_numbers(self) -> None:
        """Row numbers below the limit, in memory and in the scratchpad."""
        generator = np.random.default_rng(self.random.getrandbits(32))
        numbers = generator.integers(0, TABLE, NUMBERS // 4).astype("<i4").view(np.uint8)
        self.machine.memory[:NUMBERS] = numbers
        self.machine.scratch[:INDEX] = numbers[: INDEX * self.p.lanes].reshape(INDEX, -1)

    def loops(self) -> dict[str, int]:
        """words and counts."""
        random, left = self.random, self.longest
        counts = {}
        for name in random.sample(["words", "count1", "count2", "count3"], 4):
            counts[name] = random.choice((1, 1, 2, random.randint(1, max(1, left))))
            if counts[name] > left:
                counts[name] = 1
            left //= counts[name]
        return counts

    def move(self, opcode: Opcode) -> Command:
        """A LOAD or STORE whose runs lie in memory."""
        random, size = self.random, self.p.lanes
        counts = self.loops()
        while True:
            strides = [random.choice((0, counts["words"], random.randint(-60, 60))) * size for _ in range(3)]
            reach = [stride * (counts[f"count{i + 1}"] - 1) for i, stride in enumerate(strides)]
            low = -sum(min(0, r) for r in reach)
            high = SIZE - sum(max(0, r) for r in reach) - counts["words"] * size
            if low <= high:
                break
        address = BASE + random.choice((low, high, random.randint(low, high))) // size * size
        memory = {f"address_stride{i + 1}": stride for i, stride in enumerate(strides)}
        return Command(opcode, fields={**counts, **memory, "address": address, **self.places(counts)})

    def places(self, counts: dict[str, int]) -> dict[str, int]:
        """scratch and strides there, off the row numbers."""
        while True:
            found = {f"scratch_stride{i}": self.stride() for i in (1, 2, 3)}
            found["scratch"] = self.random.getrandbits(16)
            if self.machine.scratch_runs({**counts, **found}).min() >= INDEX:
                return found

    def stride(self) -> int:
        """Most are small."""
        random = self.random
        return random.choice((0, 1, -1, random.randint(-8, 8), random.randint(-(1 << 15), (1 << 15) - 1)))

    def fill(self) -> Command:
        """A FILL."""
        counts = self.loops()
        value = self.random.getrandbits(8)
        return Command(Opcode.FILL, fields={**counts, **self.places(counts), "value": value})

    def new_numbers(self) -> Command:
        """A LOAD of row numbers into their place."""
        count = self.random.randint(1, INDEX)
        start = self.random.randrange(NUMBERS // self.p.lanes - count + 1) * self.p.lanes
        at = self.random.randrange(INDEX - count + 1)
        return Command(Opcode.LOAD, fields={"address": BASE + start, "scratch": at, "words": count})

    def gather(self, **given: int) -> Command:
        """A GATHER whose index is among the row numbers, wherever in a word they begin."""
        random, each = self.random, max(1, self.p.lanes // 4)
        length, index = random.randint(1, 5), random.randrange(INDEX)
        count = random.randint(1, min(12, (INDEX - index) * each))
        stride = random.choice((length, -length, random.randint(1, 9))) * self.p.lanes
        first = (TABLE - 1) * -stride if stride < 0 else 0
        counts = {"words": length, "count1": count, "count2": 1, "count3": 1}
        places = self.places(counts)
        fields = {
            "words": length, "count1": count, "index": index, "limit": TABLE, "address_stride1": stride,
            "address": BASE + NUMBERS + first, "scratch": places["scratch"],
            "scratch_stride1": places["scratch_stride1"],
        }  # fmt: skip
        return Command(Opcode.GATHER, fields=fields | given)

    def expect(self, command: Command) -> tuple[list[Run], int]:
        """Golden does the command: (its runs, words that it moves)."""
        fields = command.fields
        asked: list[Run] = []
        if command.opcode in (Opcode.LOAD, Opcode.STORE):
            asked = list(runs(self.p, fields))
        elif command.opcode == Opcode.GATHER:
            asked = list(rows(self.p, fields, self.numbers(command)))
        self.machine.execute(command)
        return asked, words(command.opcode, fields)

    def numbers(self, command: Command) -> list[int]:
        """Row numbers of a GATHER, as the scratchpad has them now."""
        start = command.fields["index"]
        found = self.machine.scratch[start : start + INDEX].ravel()[: 4 * command.fields["count1"]]
        return [int(number) for number in found.view("<u4")]


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
            if dut.rst.value == 1:
                self.done, self.faults, self.at_done = [], [], []
            else:
                if dut.done.value == 1:
                    self.done.append(cycle)
                    self.at_done.append(self.count())
                if dut.fault.value == 1:
                    self.faults.append((cycle, int(dut.fault_code.value), int(dut.fault_response.value)))
                assert dut.busy.value.is_resolvable, "busy is undefined"
            await RisingEdge(dut.clk)
            cycle += 1


class Feed(Source):
    """A source that can forget what it offers, as a memory port does that was reset."""

    offered = False

    def forget(self) -> None:
        """Call in ReadOnly of a cycle of reset."""
        self.words.clear()
        self.offered = False

    async def run(self) -> None:
        port = self.port
        while True:
            if not self.offered and self.words:
                self.offered = self.random.random() >= self.stall
                self.stalls += not self.offered
            noise = self.random.getrandbits(len(port.payload))
            port.valid.value = int(self.offered)
            port.payload.value = self.words[0] if self.offered else noise
            await ReadOnly()
            if port.moves:
                self.words.popleft()
                self.offered = False
            await RisingEdge(port.clk)


class MoveBench(Bench):
    """A unit between neighbours that pause.

    pauses    probability of a pause by neighbour
    statuses  of the next runs, OKAY where there is none
    """

    def __init__(self, dut: Any, inputs: list[str], outputs: list[str], pauses: dict[str, float]):
        super().__init__(dut, inputs, outputs)
        self.p = params_of(**parameters())
        self.random = Random(f"{self.random.getrandbits(32)} {sorted(pauses.items())}")
        self.pauses = pauses
        self.feeds = {name: Feed(Port(dut, name), 0.0, self.random_of(name)) for name in inputs}
        self.sources = dict(self.feeds)
        self.moves = Moves(self.p, self.random)
        self.statuses: deque[int] = deque()
        self.pause()

    def pause(self) -> None:
        """As `pauses` says."""
        for name, feed in self.feeds.items():
            feed.stall = self.pauses.get(name, 0.0)
        for name, sink in self.sinks.items():
            sink.stall = self.pauses.get(name, 0.0)

    def free(self) -> None:
        """Nobody pauses for ever any more."""
        self.pauses = {name: 0.0 if pause == 1.0 else pause for name, pause in self.pauses.items()}
        self.pause()

    def progress(self) -> int:
        """Changes with whatever moves."""
        return sum(len(monitor.moved) for monitor in self.monitors.values())

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
