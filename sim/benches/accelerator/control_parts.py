"""The surroundings of control in its bench: units that take random time, a memory of commands."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.units import unit
from golden.axi.bursts import BurstStatus
from sim.benches.stream import high


class FakeUnit:
    """Takes commands and is done with each, in order.

    stall   probability that it is not ready; most: commands that it holds at once
    takes   cycles that a command takes, at least 1, given its word; None: for ever
    linger  cycles that it is busy after the last one
    passed  (cycle, word) of each command taken; finished: cycle of each done
    fault   (code, response) to raise instead of the next done, where the unit has causes
    """

    def __init__(self, dut: Any, name: str, random: Random, stall: float):
        self.dut, self.name, self.random, self.stall, self.most = dut, name, random, stall, 3
        self.takes: Callable[[int], int | None] = lambda word: random.randint(1, 30)
        self.linger = 0
        self.passed: list[tuple[int, int]] = []
        self.finished: list[int] = []
        self.fault: tuple[int, int] | None = None
        self.ports: dict[str, Any] = {}
        self.shown: dict[str, int] = {}
        self.forget()

    def port(self, name: str) -> Any:
        if name not in self.ports:
            self.ports[name] = getattr(self.dut, f"{self.name}_{name}")
        return self.ports[name]

    def show(self, **values: int) -> None:
        """Write what differs from what stands there: most of a cycle's are as they were."""
        for name, value in values.items():
            if self.shown.get(name) != value:
                self.shown[name] = self.port(name).value = value

    def forget(self) -> None:
        """Return to the state after a reset."""
        self.left: deque[int | None] = deque()
        self.rest = 0

    def renew(self) -> None:
        """Before a new program: what was logged is gone too."""
        self.passed, self.finished = [], []

    async def run(self, clock: "Clockwork") -> None:
        while True:
            ends = bool(self.left) and self.left[0] is not None and self.left[0] <= 0
            faulty = ends and self.fault is not None
            ready = len(self.left) < self.most and self.random.random() >= self.stall
            code, response = self.fault if faulty and self.fault else (self.random.getrandbits(4), 3)
            busy, done = bool(self.left) or self.rest > 0, ends and not faulty
            self.show(command_ready=int(ready), done=int(done), busy=int(busy))
            if unit(self.name).CAUSES:
                self.show(fault=int(faulty), fault_code=code, fault_response=response)
            await ReadOnly()
            self.step(clock.cycle, ends, faulty, ready)
            await RisingEdge(self.dut.clk)

    def step(self, cycle: int, ends: bool, faulty: bool, ready: bool) -> None:
        """One settled cycle."""
        if high(self.dut.clear) or high(self.dut.rst):
            self.forget()
            return
        self.rest = max(0, self.rest - 1)
        if faulty:
            self.left[0], self.fault = None, None
        elif ends:
            self.left.popleft()
            self.finished.append(cycle)
            self.rest = self.linger
        if self.left and self.left[0] is not None:
            self.left[0] -= 1
        if ready and high(self.port("command_valid")):
            word = int(self.port("command_payload").value)
            takes = self.takes(word)
            self.passed.append((cycle, word))
            self.left.append(None if takes is None else takes - 1)


class Clockwork:
    """cycle: since the last one-cycle reset, the same for all parts."""

    def __init__(self, dut: Any):
        self.dut, self.cycle = dut, 0

    async def run(self) -> None:
        while True:
            await RisingEdge(self.dut.clk)
            self.cycle += 1


class FakeMemory:
    """Answers requests in order, after `latency` cycles or more, a word a cycle or fewer.

    commands  the memory, from address `base` on; beyond it are zeros
    stall     probability that a word, a status or `ready` waits
    bad       addresses of words whose response is an error
    asked     (address, bytes) of each request
    """

    def __init__(self, dut: Any, random: Random, lanes: int, stall: float):
        self.dut, self.random, self.lanes, self.stall = dut, random, lanes, stall
        self.latency, self.base = 5, 0
        self.commands: list[int] = []
        self.bad: dict[int, BurstStatus] = {}
        self.asked: list[tuple[int, int]] = []
        self.words_given = 0
        self.forget()

    def forget(self) -> None:
        self.words: deque[tuple[int, int]] = deque()  # not before cycle, data with last and error
        self.statuses: deque[tuple[int, int]] = deque()  # behind so many words, status
        self.taken = self.promised = 0
        self.wait_clear = 0

    def word_at(self, address: int) -> int:
        """A bus word."""
        offset = address - self.base
        index, part = divmod(offset, 64)
        command = self.commands[index] if 0 <= index < len(self.commands) else 0
        return command >> 8 * part & (1 << 8 * self.lanes) - 1

    def ask(self, cycle: int, address: int, count: int) -> None:
        """A request."""
        self.asked.append((address, count))
        if address % self.lanes:
            self.statuses.append((self.promised, BurstStatus.REFUSED))
            return
        addresses = range(address, address + count, self.lanes)
        status = BurstStatus.OKAY
        for each in addresses:
            error = each in self.bad
            status = status or self.bad.get(each, BurstStatus.OKAY)
            flags = (each == addresses[-1]) | error << 1
            self.words.append((cycle + self.latency, self.word_at(each) | flags << 8 * self.lanes))
        self.promised += len(addresses)
        self.statuses.append((self.promised, status))

    async def run(self, clock: Clockwork) -> None:
        dut = self.dut
        word = status = False
        while True:
            word = word or (bool(self.words) and self.words[0][0] <= clock.cycle and self.lucky())
            status = status or (bool(self.statuses) and self.statuses[0][0] <= self.taken and self.lucky())
            ready = self.lucky() and not self.wait_clear
            dut.fetch_command_ready.value = int(ready)
            dut.fetch_data_valid.value, dut.fetch_status_valid.value = int(word), int(status)
            noise = self.random.getrandbits(8 * self.lanes)
            dut.fetch_data_payload.value = self.words[0][1] if word else noise
            dut.fetch_status_payload.value = self.statuses[0][1] if status else self.random.getrandbits(2)
            dut.quiet.value = int(self.wait_clear >= 4 or not (self.words or self.statuses))
            dut.word_read.value = int(word)
            await ReadOnly()
            if high(dut.clear) or high(dut.rst):
                waited = self.wait_clear
                if high(dut.quiet) or high(dut.rst):
                    self.forget()
                else:
                    self.wait_clear = waited + 1
                word = status = False
            else:
                if word:
                    assert high(dut.fetch_data_ready), "a word waits"
                    self.words.popleft()
                    self.taken, self.words_given, word = self.taken + 1, self.words_given + 1, False
                if status:
                    self.statuses.popleft()
                    status = False
                if ready and high(dut.fetch_command_valid):
                    payload = int(dut.fetch_command_payload.value)
                    self.ask(clock.cycle, payload & 0xFFFF_FFFF, payload >> 32)
            await RisingEdge(dut.clk)

    def lucky(self) -> bool:
        return self.random.random() >= self.stall
