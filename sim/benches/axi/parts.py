"""Parts of both AXI benches: channels as monitored streams, pauses and faults for cocotbext-axi, commands."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Any

from cocotb.triggers import RisingEdge

from golden.axi.bursts import AxiParams, Status, bursts, status
from sim.benches.stream import Bench, Layout, Monitor, Port, pack_word, unpack_word

PAGE = 4096
MEMORY = 1 << 16  # bytes; addresses beyond fold onto it
Command = tuple[int, int]  # address, bytes


class Channel(Port):
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
        for end in (self.port.valid, self.port.ready):
            assert end.value.is_resolvable, f"{end._name} is {end.value}"
        if self.port.valid.value == 0:
            return None
        for field, signal in self.port.fields.items():
            assert signal.value.is_resolvable, f"{self.port.name}{field} is {signal.value} while valid"
        values = {field: [int(signal.value)] for field, signal in self.port.fields.items()}
        return pack_word(self.port.layout, values)

    @property
    def fields(self) -> list[dict[str, int]]:
        """Fields of each word that moved since the last reset."""
        return [self.port.fields_of(word) for word in self.words]


ADDRESS = ("id", "addr", "len", "size", "burst", "cache", "prot")


class AxiBench(Bench):
    """A bench of streams and AXI channels.

    pauses  probability of a pause in each cycle, by stream or channel; 0 where none is given
    """

    def __init__(
        self,
        dut: Any,
        p: AxiParams,
        inputs: list[str],
        outputs: list[str],
        channels: Mapping[str, Iterable[str]],
        pauses: Mapping[str, float],
    ):
        super().__init__(dut, inputs, outputs)
        self.p, self.pauses, self.attached = p, pauses, False
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

    def attach(self) -> None:
        """The other ends of the channels: after the first reset, until which valid may be anything."""
        raise NotImplementedError

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

    def send_commands(self, commands: list[Command]) -> None:
        """Queue commands."""
        layout = [("address", self.p.address_bits, 1), ("bytes", self.p.bytes_bits, 1)]
        words = [pack_word(layout, {"address": [a], "bytes": [n]}) for a, n in commands]
        self.sources["command"].send(words)

    def accepted(self) -> list[Command]:
        """Commands the RTL took since the last reset."""
        words = self.monitors["command"].words
        return [(word & (1 << self.p.address_bits) - 1, word >> self.p.address_bits) for word in words]

    def check_addresses(self, channel: str) -> None:
        """AR or AW held what golden says: address and length of each burst, and the constants."""
        constants = {"id": 0, "size": self.p.size, "burst": 1, "cache": 3, "prot": 0}
        wanted = [
            {"addr": a, "len": beats - 1} | constants
            for command in self.accepted()
            for a, beats in bursts(self.p, *command)
        ]
        found = self.channels[channel].fields
        for index, (one, other) in enumerate(zip(found, wanted, strict=False)):
            assert one == other, f"{channel} {index} is {one}, golden {other}"
        assert len(found) == len(wanted), f"{len(found)} bursts, golden {len(wanted)}"

    def check_status(self, responses: list[int], each_beat: bool) -> list[Status]:
        """Every command got the status that golden makes of the responses that came; gives them."""
        wanted, start = [], 0
        for command in self.accepted():
            lengths = [beats for _, beats in bursts(self.p, *command)]
            end = start + (sum(lengths) if each_beat else len(lengths))
            wanted.append(status(self.p, *command, responses[start:end]))
            start = end
        found = [Status(word) for word in self.monitors["status"].words]
        for (address, count), one, other in zip(self.accepted(), found, wanted, strict=True):
            assert one == other, f"{address:#x} {count} bytes: {one!r}, golden {other!r}"
        return wanted

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
            return random.choice((Status.SLVERR, Status.DECERR))
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
