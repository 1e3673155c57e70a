"""Streams of flat Verilog, NAME_valid, NAME_ready, NAME_payload: sources, sinks, monitors, a bench of them.

The rule for all of them: write just after the rising edge, read in ReadOnly, where what stands is what the
next edge samples. (After RisingEdge itself, Verilator shows a register's new value and Icarus its old one.)
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge

from sim.benches import seed

BITS = ("0", "1")
STANDSTILL = 2000  # cycles without a transfer on any stream after which none comes
Layout = Sequence[tuple[str, int, int]]  # (field, bits of a lane, lanes), from bit 0


def text(signal: Any) -> str:
    """A letter a bit, `01xz` in either case, as the simulator has it: what `value` makes an object of takes
    five times as long, and a bench mostly reads."""
    found: str = signal._handle.get_signal_val_binstr()
    return found


def high(signal: Any) -> bool:
    """Whether it is 1."""
    return text(signal) == "1"


def settled(signal: Any, name: str = "") -> int:
    """The value of a signal whose bits are all 0 or 1."""
    bits = text(signal)
    assert not bits.strip("01"), f"{name or signal._name} is {bits}"
    return int(bits, 2)


class StreamSignals:
    """The signals of one stream of `dut`, and its clock and reset."""

    def __init__(self, dut: Any, name: str):
        self.name = name
        self.clk, self.rst = dut.clk, dut.rst
        self.valid = getattr(dut, f"{name}_valid")
        self.ready = getattr(dut, f"{name}_ready")
        self.payload = getattr(dut, f"{name}_payload")

    @property
    def moves(self) -> bool:
        """Whether a word is transferred at the next edge; to be asked in ReadOnly."""
        return high(self.valid) and high(self.ready) and not high(self.rst)


class Agent:
    """A part of a bench that acts in each cycle: `drive` writes just after the rising edge, `look` reads in
    ReadOnly."""

    def drive(self) -> None:
        """Write."""

    def look(self) -> None:
        """Read what has settled."""


async def each_cycle(clk: Any, parts: Collection[Agent]) -> None:
    """For ever: all of them in one coroutine, since waking one takes longer than what a part does."""
    while True:
        for part in parts:
            part.drive()
        await ReadOnly()
        for part in parts:
            part.look()
        await RisingEdge(clk)


class Source(Agent):
    """Offers the words of `send`, in order; what is offered stays until it is taken, through a reset too.

    stall   probability that a cycle passes before the next word is offered; may be changed in flight
    stalls  cycles that did, while there were words to offer
    """

    def __init__(self, port: StreamSignals, stall: float, random: Random):
        self.port, self.stall, self.random = port, stall, random
        self.words: deque[int] = deque()
        self.stalls, self.offered, self.width = 0, False, len(port.payload)
        self.shown: tuple[bool, int] | None = None  # valid and payload as they stand there

    def send(self, words: Iterable[int]) -> None:
        """Queue packed words."""
        self.words.extend(words)

    def drive(self) -> None:
        if not self.offered and self.words:
            self.offered = self.random.random() >= self.stall
            self.stalls += not self.offered
        # where nothing is offered the payload is noise, so that nobody relies on it
        noise = self.random.getrandbits(self.width)
        show = self.offered, self.words[0] if self.offered else noise
        if show != self.shown:  # to write takes as long as all else here
            if self.shown is None or show[0] != self.shown[0]:
                self.port.valid.value = int(self.offered)
            self.port.payload.value = show[1]
            self.shown = show

    def look(self) -> None:
        if self.offered and self.port.moves:
            self.words.popleft()
            self.offered = False


class Sink(Agent):
    """Is ready at random. stall: probability that it is not, in each cycle; 1.0 is never ready."""

    def __init__(self, port: StreamSignals, stall: float, random: Random):
        self.port, self.stall, self.random = port, stall, random
        self.ready: bool | None = None  # as it stands there

    def drive(self) -> None:
        ready = self.random.random() >= self.stall
        if ready != self.ready:
            self.port.ready.value = int(ready)
            self.ready = ready


class Monitor(Agent):
    """Drives nothing; asserts that a word offered stays as it is until it is taken or a reset comes.

    moved         (cycle, packed word) of each transfer since the last reset
    before_reset  those of earlier ones; the cycle that a reset takes is in neither
    waits         cycles that a word waited
    """

    def __init__(self, port: StreamSignals):
        self.port = port
        self.moved: list[tuple[int, int]] = []
        self.before_reset: list[tuple[int, int]] = []
        self.waits = 0
        self.cycle = 0
        self.waiting: int | None = None

    @property
    def words(self) -> list[int]:
        return [word for _, word in self.moved]

    def look(self) -> None:
        if high(self.port.rst):
            self.before_reset += self.moved
            self.moved, self.waiting = [], None
        else:
            self.waiting = self.step(self.cycle, self.waiting)
        self.cycle += 1

    def step(self, cycle: int, waiting: int | None) -> int | None:
        """One settled cycle; gives the word that waits for the next."""
        offered = self.offered()
        assert waiting is None or waiting == offered, (
            f"{self.port.name}, cycle {cycle}: {waiting} became {offered} while it waited"
        )
        if offered is None:
            return None
        if high(self.port.ready):
            self.moved.append((cycle, offered))
            return None
        self.waits += 1
        return offered

    def offered(self) -> int | None:
        """The word on offer, and all of the handshake and of that word is 0 or 1."""
        valid = text(self.port.valid)
        if valid not in BITS or text(self.port.ready) not in BITS:
            settled(self.port.ready), settled(self.port.valid)
        if valid == "0":
            return None
        return settled(self.port.payload, f"{self.port.name}_payload while valid")


class Bench:
    """A source or sink and a monitor for each stream of a block, with the clock and one-cycle resets.

    stall_in, stall_out  probabilities, of every source and every sink
    sources, sinks, monitors  by stream name; all randomness comes from the seed, stream by stream
    """

    def __init__(
        self,
        dut: Any,
        inputs: Iterable[str] = ("i",),
        outputs: Iterable[str] = ("o",),
        *,
        stall_in: float = 0.0,
        stall_out: float = 0.0,
    ):
        self.dut, self.stall_in, self.stall_out = dut, stall_in, stall_out
        self.random = self.random_of("words")
        self.sources = {n: Source(StreamSignals(dut, n), stall_in, self.random_of(n)) for n in inputs}
        self.sinks = {n: Sink(StreamSignals(dut, n), stall_out, self.random_of(n)) for n in outputs}
        self.monitors = {n: Monitor(StreamSignals(dut, n)) for n in (*self.sources, *self.sinks)}

    def random_of(self, purpose: str) -> Random:
        """A generator for one purpose, so none depends on who draws first; others for other stalls."""
        return Random(f"{seed()} {purpose} {self.stall_in} {self.stall_out}")

    async def start(self) -> None:
        """Clock, reset, then everything runs: cycle 0 of the monitors is the first after the reset."""
        Clock(self.dut.clk, 10, unit="ns").start()
        for source in self.sources.values():
            source.port.valid.value = 0
        for sink in self.sinks.values():
            sink.port.ready.value = 0
        await self.reset()
        parts = [*self.sources.values(), *self.sinks.values(), *self.monitors.values()]
        cocotb.start_soon(each_cycle(self.dut.clk, parts))

    async def reset(self) -> None:
        """One cycle of reset. One: with two, a valid bit that nothing resets drains unseen."""
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0

    async def cycles(self, count: int) -> None:
        """Let `count` cycles pass."""
        await ClockCycles(self.dut.clk, count)

    async def moved(self, name: str, count: int, *, within: int) -> None:
        """Wait, at most `within` cycles, for `count` words on stream `name` since the last reset.

        No longer than while anything moves on a stream. Then ten cycles more, in which a word too many shows.
        """
        monitor, waited, before = self.monitors[name], 0, -1
        while len(monitor.moved) < count and waited < within:
            await RisingEdge(self.dut.clk)
            waited += 1
            if waited % STANDSTILL == 0:
                moved = sum(len(each.moved) for each in self.monitors.values())
                if moved == before:
                    break
                before = moved
        await self.cycles(10)
        found = len(monitor.moved)
        assert found == count, f"{name}: {found} words in {waited} cycles and ten more; expected {count}"


def compare(
    found: Sequence[Sequence[object]],
    golden: Sequence[Sequence[object]],
    describe: Callable[[int, int], str],
) -> None:
    """Assert that two lists of words, each of lanes, are equal.

    describe(index, lane) is what went in there; only the first difference is told.
    """
    for index, words in enumerate(zip(found, golden, strict=False)):
        for lane, (value, wanted) in enumerate(zip(*words, strict=True)):
            place = f"word {index}" + (f" lane {lane}" if len(words[0]) > 1 else "")
            assert value == wanted, f"{place}: {describe(index, lane)} gives {value}, golden {wanted}"
    assert len(found) == len(golden), f"{len(found)} words, golden {len(golden)}"


def pack_word(layout: Layout, values: Mapping[str, Sequence[int]]) -> int:
    """One packed word. values: integers of either sign, a sequence of `lanes` for each field."""
    word = place = 0
    for name, width, lanes in layout:
        for value in values[name][:lanes]:
            word |= (int(value) & (1 << width) - 1) << place
            place += width
    return word


def unpack_word(layout: Layout, word: int) -> dict[str, list[int]]:
    """Codes, not negative, of each field's lanes."""
    values: dict[str, list[int]] = {}
    for name, width, lanes in layout:
        values[name] = [word >> lane * width & (1 << width) - 1 for lane in range(lanes)]
        word >>= width * lanes
    return values
