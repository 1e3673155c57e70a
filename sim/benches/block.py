"""The three proofs of every block that gives a word of `o` for each word of `i`, some cycles later."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from sim.benches.stream import Bench, compare


class BlockBench(Bench, ABC):
    """A bench of such a block; its own class gives the words and what becomes of them.

    latency  registers between i and o, each of which can hold a word
    """

    latency: int

    def __init__(self, dut: Any, *, stall_in: float = 0.0, stall_out: float = 0.0):
        super().__init__(dut, ["i"], ["o"], stall_in=stall_in, stall_out=stall_out)

    @abstractmethod
    def random_word(self) -> int:
        """A packed word of `i`, corners often."""

    @abstractmethod
    def golden(self, word: int) -> list[int]:
        """Lanes of the word of `o` that belongs to a word of `i`, as `found` shows them."""

    def found(self, word: int) -> list[int]:
        """Lanes of a word of `o`, as a reader wants to see them."""
        return [word]

    def describe(self, word: int, lane: int) -> str:
        """The fields of a word of `i` that decide a lane, as text for a failure."""
        return f"{word:#x}"

    def send_random(self, count: int) -> None:
        self.sources["i"].send(self.random_word() for _ in range(count))

    def scoreboard(self, accepted: list[int], delivered: list[int]) -> None:
        """Golden on what the RTL accepted, against what it delivered."""
        found = [self.found(word) for word in delivered]
        golden = [self.golden(word) for word in accepted]
        compare(found, golden, lambda index, lane: self.describe(accepted[index], lane))

    async def matches_golden(self, count: int, cycles: Callable[[int], int]) -> None:
        """The `count` words sent before come out right; in cycles(count) if nothing stalls."""
        i, o = self.monitors["i"], self.monitors["o"]
        await self.start()
        await self.moved("o", count, within=8 * count + 100)
        self.scoreboard(i.words, o.words)
        if self.stall_in == self.stall_out == 0:
            took = o.moved[-1][0] - i.moved[0][0] + 1
            assert took == cycles(count), f"took {took} cycles, golden {cycles(count)}"
        assert (self.sources["i"].stalls > 0) == (self.stall_in > 0), "the stalls asked for did not happen"
        assert (o.waits > 0) == (self.stall_out > 0), "the waits asked for did not happen"

    async def holds_latency_words(self) -> None:
        """With stall_out 1.0: as many words go in as there are registers, and then come out.

        Each is offered after the one before has gone as far as it can, so between any two there is a bubble.
        """
        count = self.latency + 1
        await self.start()
        for _ in range(count):
            self.send_random(1)
            await self.cycles(self.latency + 2)
        await self.moved("i", self.latency, within=1)
        assert not self.monitors["o"].moved, "a word moved though o was never ready"
        self.sinks["o"].stall = 0.0
        await self.moved("o", count, within=100 + 10 * count)
        self.scoreboard(self.monitors["i"].words, self.monitors["o"].words)

    async def forgets_at_reset(self) -> None:
        """What was in flight at a reset is gone, what came out before and comes in after is right."""
        i, o = self.monitors["i"], self.monitors["o"]
        count = 40 + 2 * self.latency
        self.send_random(count)
        await self.start()
        await self.cycles(10 + self.latency)
        await self.reset()
        self.sinks["o"].stall = 0.0
        accepted, delivered = ([word for _, word in port.before_reset] for port in (i, o))
        assert len(accepted) > len(delivered), "nothing was in flight"
        await self.moved("o", count - len(accepted), within=100 + 10 * count)
        self.scoreboard(accepted[: len(delivered)], delivered)
        self.scoreboard(i.words, o.words)
