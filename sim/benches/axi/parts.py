"""Parts of all AXI benches: channels as monitored streams, pauses and faults for cocotbext-axi, commands."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Any

from cocotb.triggers import RisingEdge

from golden.axi.bursts import AxiParams, BurstStatus, bursts, status
from sim.benches.stream import Bench, Layout, Monitor, StreamSignals, pack_word, settled, unpack_word

PAGE = 4096
MEMORY = 1 << 16  # bytes; addresses beyond fold onto it
Command = tuple[int, int]  # address, bytes


class Channel(StreamSignals):
    """The signals of one AXI channel: fields from bit 0 of what its monitor packs."""

    def __init__(self, dut: Any, name: str, fields: Iterable[str]):
        self.name = name
        self.clk, self.rst = dut.clk, dut.rst
        self.valid, self.ready = (getattr(dut, f"m_axi_{name}{end}") for end in ("valid", "ready"))
        self.fields = {field: getattr(dut, f"m_axi_{name}{field}") for field in fields}
        self.layout: Layout = [(field, len(signal), 1) for field, signal in self.fields.items()]

    def fields_of(self, word: int) -> dict[str, int]:
        """A packed word's fields."""
        return {field: values[0] for field, values in unpack_word(self.layout, word).items()}


class ChannelMonitor(Monitor):
    """Monitors an AXI channel like a stream: A3.2.1 asks that a payload holds still there too."""

    port: Channel

    def offered(self) -> int | None:
        settled(self.port.ready)
        if not settled(self.port.valid):
            return None
        word = place = 0
        for field, signal in self.port.fields.items():
            word |= settled(signal, f"{self.port.name}{field} while valid") << place
            place += len(signal)
        return word

    @property
    def fields(self) -> list[dict[str, int]]:
        """Fields of each word that moved since the last reset."""
        return [self.port.fields_of(word) for word in self.words]


ADDRESS = ("id", "addr", "len", "size", "burst", "cache", "prot")


class AxiBench(Bench, ABC):
    """A bench of streams and AXI channels, and a memory.

    pauses  probability of a pause in each cycle, by stream or channel; 0 where none is given
    fixed   latency of a memory without pauses, instead of cocotbext-axi's
    faults  probability of an error, for each response
    memory  what it holds at first
    """

    def __init__(
        self,
        dut: Any,
        p: AxiParams,
        inputs: list[str],
        outputs: list[str],
        channels: Mapping[str, Iterable[str]],
        pauses: Mapping[str, float],
        *,
        fixed: int | None = None,
        faults: float = 0.0,
    ):
        super().__init__(dut, inputs, outputs)
        self.p, self.pauses, self.attached = p, pauses, False
        self.fixed, self.faults = fixed, faults
        self.memory = self.random_of("memory").randbytes(MEMORY)
        self.ram: Any = None  # cocotbext-axi's, where one is written
        self.far: dict[str, Any] = {}
        self.channels = {name: ChannelMonitor(Channel(dut, name, f)) for name, f in channels.items()}
        self.monitors |= self.channels
        for name, source in self.sources.items():
            source.stall = pauses.get(name, 0.0)
        for name, sink in self.sinks.items():
            sink.stall = pauses.get(name, 0.0)

    async def reset(self) -> None:
        await super().reset()
        if not self.attached:
            self.attached = True
            self.attach()

    @abstractmethod
    def attach(self) -> None:
        """The other ends of the channels: after the first reset, until which valid may be anything."""

    def connect(self, channel: str, part: Any) -> None:
        """The part of cocotbext-axi at the other end of a channel; it pauses as often as `pauses` says."""
        self.far[channel] = part
        if channel not in ("r", "b"):
            part.queue_occupancy_limit = -1  # takes all, whatever waits behind it
        probability = self.pauses.get(channel, 0.0)
        if probability:
            part.set_pause_generator(pausing(self.random_of(channel), probability))

    def resume(self) -> None:
        """No pauses from now on."""
        for sink in self.sinks.values():
            sink.stall = 0.0
        for source in self.sources.values():
            source.stall = 0.0
        for part in self.far.values():
            part.clear_pause_generator()
            part.pause = False

    def bytes_at(self, address: int, count: int) -> bytes:
        """Memory, folded."""
        return self.memory[address % MEMORY :][:count]

    def words_of(self, command: Command) -> int:
        """Bus words of a command."""
        return sum(beats for _, beats in bursts(self.p, *command))

    def random_words(self, count: int) -> Iterator[int]:
        """Bus words."""
        return (self.random.getrandbits(self.p.data_bits) for _ in range(count))

    def send_commands(self, commands: list[Command], stream: str = "command") -> None:
        """Queue commands."""
        layout = [("address", self.p.address_bits, 1), ("bytes", self.p.bytes_bits, 1)]
        words = [pack_word(layout, {"address": [a], "bytes": [n]}) for a, n in commands]
        self.sources[stream].send(words)

    def command_of(self, word: int) -> Command:
        """The fields of a packed word."""
        return word & (1 << self.p.address_bits) - 1, word >> self.p.address_bits

    def check_addresses(self, channel: str, commands: list[Command]) -> None:
        """AR or AW held what golden says: address and length of each burst, and the constants."""
        constants = {"id": 0, "size": self.p.size, "burst": 1, "cache": 3, "prot": 0}
        wanted = [
            {"addr": a, "len": beats - 1} | constants
            for command in commands
            for a, beats in bursts(self.p, *command)
        ]
        found = self.channels[channel].fields
        for index, (one, other) in enumerate(zip(found, wanted, strict=False)):
            assert one == other, f"{channel} {index} is {one}, golden {other}"
        assert len(found) == len(wanted), f"{len(found)} bursts, golden {len(wanted)}"

    def check_memory(self, before: bytes, commands: list[Command], words: list[int]) -> None:
        """Every byte of self.ram, those that nobody writes too: golden's beats, as far as there are words."""
        golden, size, left = bytearray(before), self.p.word_bytes, iter(words)
        for address, count in commands:
            starts = range(0, self.words_of((address, count)) * size, size)
            for start, word in zip(starts, left, strict=False):
                kept = word.to_bytes(size, "little")[: count - start]
                place = (address + start) % MEMORY
                golden[place : place + len(kept)] = kept
        found = self.ram.read(0, MEMORY)
        if found != golden:
            wrong = next(i for i in range(MEMORY) if found[i] != golden[i])
            raise AssertionError(f"byte {wrong:#x} is {found[wrong]:#x}, golden {golden[wrong]:#x}")

    async def arrived(self, name: str, count: int) -> None:
        """`moved`, within as long as anything moves at all: no 400 quiet cycles."""
        quiet = before = 0
        for _ in range(100_000):
            if len(self.monitors[name].moved) >= count or quiet > 400:
                break
            now = sum(len(monitor.moved) for monitor in self.monitors.values())
            quiet, before = (quiet + 1 if now == before else 0), now
            await RisingEdge(self.dut.clk)
        await self.moved(name, count, within=0)

    async def check_still(self, channel: str, count: int, cycles: int) -> None:
        """After `cycles` cycles exactly `count` words have moved on `channel`."""
        await self.cycles(cycles)
        found = len(self.monitors[channel].moved)
        assert found == count, f"{channel}: {found} moved, golden {count}"


class MasterBench(AxiBench):
    """A bench of one master: a status for each command.

    answers    its channel of responses
    each_beat  one comes with each beat, not with each burst
    """

    answers: str
    each_beat: bool

    def __init__(self, dut: Any, *given: Any, **more: Any):
        super().__init__(dut, *given, **more)
        dut.stop.value = 0  # the bench of hw.accelerator.memory_port is where it is not

    def send(self, commands: list[Command]) -> None:
        """Queue commands, and what belongs to them."""
        self.send_commands(commands)

    @abstractmethod
    async def settle(self, commands: list[Command]) -> None:
        """Wait for what `commands` give, and check all of it."""

    async def run(self, commands: list[Command]) -> None:
        """All commands, to their last word and status."""
        self.send(commands)
        await self.start()
        await self.settle(commands)

    async def reset_amid(self, commands: list[Command]) -> list[Command]:
        """Some cycles of these commands, and a reset; gives those that were not taken."""
        self.send(commands)
        await self.start()
        await self.cycles(self.random.randint(30, 60))
        await self.reset()
        before, status = (self.monitors[name].before_reset for name in ("command", "status"))
        assert len(before) > len(status), "nothing was in flight"
        return commands[len(before) :]

    def accepted(self) -> list[Command]:
        """Commands the RTL took since the last reset."""
        return [self.command_of(word) for word in self.monitors["command"].words]

    def responses(self) -> list[int]:
        """All that came."""
        return [each["resp"] for each in self.channels[self.answers].fields]

    def check_status(self) -> list[BurstStatus]:
        """Every command got the status that golden makes of the responses that came; gives them."""
        wanted, start, responses = [], 0, self.responses()
        for command in self.accepted():
            lengths = [beats for _, beats in bursts(self.p, *command)]
            end = start + (sum(lengths) if self.each_beat else len(lengths))
            wanted.append(status(self.p, *command, responses[start:end]))
            start = end
        found = [BurstStatus(word) for word in self.monitors["status"].words]
        for (address, count), one, other in zip(self.accepted(), found, wanted, strict=True):
            assert one == other, f"{address:#x} {count} bytes: {one!r}, golden {other!r}"
        return wanted

    async def see_every_status(self) -> None:
        """Random commands, of which some end well and some in each error."""
        await self.run(anywhere(self.random, self.p, 100))
        found = set(self.check_status())
        assert found == set(BurstStatus), f"only {found} came"

    async def check_cycles(self, end: str, cycles: Callable[..., int]) -> None:
        """Long commands, on and off a burst's edge, and short ones take golden's cycles at a fixed latency.

        end  the stream whose last word ends them
        """
        p = self.p
        most = min((1 << p.bytes_bits) - 1, 250 * p.word_bytes)
        commands = [(0, most), (p.word_bytes, most), *anywhere(self.random, p, 30), (PAGE, 1), (PAGE, 1)]
        await self.run(commands)
        took = self.monitors[end].moved[-1][0] - self.monitors["command"].moved[0][0] + 1
        golden = cycles(p, commands, self.fixed)
        assert took == golden, f"took {took} cycles, golden {golden}"

    async def limited(self, channel: str, commands: list[Command], most: int) -> None:
        """Of these commands, `most` bursts go out, however long it takes."""
        self.send(commands)
        await self.start()
        await self.check_still(channel, most, 60 + 20 * self.p.outstanding)


def pausing(random: Random, probability: float) -> Iterator[bool]:
    """Endless: whether each cycle is a pause."""
    while True:
        yield random.random() < probability


def answer(part: Any, field: str, choose: Callable[[], int]) -> None:
    """Have a source of cocotbext-axi answer with the responses that `choose` gives."""
    send = part.send

    async def faulty(transaction: Any) -> None:
        setattr(transaction, field, choose())
        await send(transaction)

    part.send = faulty


def faults(random: Random, probability: float) -> Callable[[], int]:
    """Responses: errors with `probability`, now and then EXOKAY, which is none."""

    def choose() -> int:
        if random.random() < probability:
            return random.choice((BurstStatus.SLVERR, BurstStatus.DECERR))
        return random.choice((0, 0, 0, 1))

    return choose


def at_the_edge(p: AxiParams) -> list[Command]:
    """Lengths times offsets, at and across a 4 KiB edge and the longest burst's; every tail; refusals."""
    size, longest = p.word_bytes, p.longest_burst * p.word_bytes
    most = (1 << p.bytes_bits) - 1
    lengths = {0, 1, size - 1, size, size + 1, 2 * size, longest - 1, longest, longest + size + 1}
    offsets = sorted({0, size, longest - size, longest, PAGE - longest, PAGE - 2 * size, PAGE - size})
    commands = [(PAGE + o, n) for o in offsets for n in sorted(lengths) if n <= most]
    tails = [(3 * PAGE - 2 * size, size + tail) for tail in range(size) if size + tail <= most]
    top = 1 << p.address_bits
    ends = [(top - 2 * size, n) for n in (0, size, 2 * size, 2 * size + 1, 3 * size) if n <= most]
    refused = [(PAGE + 1, 2), (PAGE + size // 2, size), (PAGE + size - 1, 0), (top - size, most)]
    pages = [(PAGE - size, n) for n in (PAGE + 2 * size,) if n <= most]
    return [*commands, *tails, *ends, *refused, *pages]


def anywhere(random: Random, p: AxiParams, count: int) -> list[Command]:
    """Random commands: short ones, some of several bursts, some at the end of memory, a few unaligned."""
    size = p.word_bytes
    most = min((1 << p.bytes_bits) - 1, (p.longest_burst + min(2 * p.longest_burst, 20)) * size + 5)
    commands = []
    for _ in range(count):
        address = random.randrange(1 << p.address_bits) // size * size
        if random.random() < 0.1:
            address = (1 << p.address_bits) - random.randrange(1, 5) * size
        address += random.choice((0,) * 15 + (1,))
        commands.append((address, random.randint(0, random.choice((size, 6 * size, 6 * size, most)))))
    return commands
