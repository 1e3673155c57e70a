"""Bench of hw.accelerator.memory_port: three clients, cocotbext-axi's AxiRam, and `clear` at any time."""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge
from cocotbext.axi import AxiRamRead, AxiRamWrite, AxiReadBus, AxiWriteBus

from golden.accelerator.memory_port import word_owners
from golden.accelerator.params import AcceleratorParams
from golden.axi.bursts import Status, bursts, status
from golden.axi.read import cycles, read
from golden.axi.write import write
from golden.systolic.params import MatrixUnitParams
from sim.benches import Case, parameters
from sim.benches.axi.memory import FixedRead
from sim.benches.axi.parts import ADDRESS, MEMORY, AxiBench, Command, answer, anywhere, at_the_edge, faults
from sim.benches.stream import Monitor, Port, compare, pack_word

CLIENTS = ("fetch", "load", "store")
READERS = ("fetch", "load")
INPUTS = ("fetch_command", "load_command", "store_command", "store_data")
OUTPUTS = ("fetch_data", "load_data", "fetch_status", "load_status", "store_status")
CHANNELS = {
    "ar": ADDRESS, "r": ("id", "data", "resp", "last"), "aw": ADDRESS, "w": ("data", "strb", "last"),
    "b": ("id", "resp"),
}  # fmt: skip
PARTS = (*INPUTS, *OUTPUTS, *CHANNELS)


class Cleared(Monitor):
    """Of a stream that `clear` breaks off."""

    def step(self, cycle: int, waiting: int | None) -> int | None:
        clear = cocotb.top.clear.value == 1
        return super().step(cycle, None if clear else waiting)


class PortBench(AxiBench):
    """The block, its memory, and golden.

    fixed   latency of a memory without pauses, which then only reads, instead of cocotbext-axi's
    faults  probability of an error, for each beat or burst
    """

    def __init__(
        self, dut: Any, pauses: Mapping[str, float], *, fixed: int | None = None, faults: float = 0.0
    ):
        self.design = make_params(**parameters())
        super().__init__(dut, self.design.read, list(INPUTS), list(OUTPUTS), CHANNELS, pauses)
        self.monitors |= {name: Cleared(Port(dut, name)) for name in OUTPUTS}
        self.memory = self.random_of("memory").randbytes(MEMORY)
        self.written = self.memory  # what the memory for writing held at first
        self.fixed, self.faults = fixed, faults
        dut.clear.value = 0

    def attach(self) -> None:
        cocotb.start_soon(self.watch())
        if self.fixed is not None:
            for name in ("awready", "wready", "bvalid"):
                getattr(self.dut, f"m_axi_{name}").value = 0
            cocotb.start_soon(FixedRead(self.dut, self.bytes_at, self.p.word_bytes, self.fixed).run())
            return
        dut = self.dut
        reads = AxiRamRead(AxiReadBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=MEMORY)
        reads.write(0, self.memory)
        # another, so that what is read does not depend on when something is written
        self.ram = AxiRamWrite(AxiWriteBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=MEMORY)
        self.ram.write(0, self.memory)
        answer(reads.r_channel, "rresp", faults(self.random_of("read faults"), self.faults))
        answer(self.ram.b_channel, "bresp", faults(self.random_of("write faults"), self.faults))
        for name, part in (("ar", reads.ar_channel), ("r", reads.r_channel)):
            self.connect(name, part)
        for name in ("aw", "w", "b"):
            self.connect(name, getattr(self.ram, f"{name}_channel"))

    async def watch(self) -> None:
        """Fetch goes first; each beat is told of, a cycle later."""
        dut = self.dut
        told = [False, False]
        while True:
            await ReadOnly()
            runs = dut.rst.value == 0
            if runs:
                if dut.load_command_valid.value == 1 and dut.load_command_ready.value == 1:
                    assert dut.fetch_command_valid.value == 0, "load went before fetch"
                found = [dut.word_read.value == 1, dut.word_written.value == 1]
                assert found == told, f"word_read, word_written are {found}, expected {told}"
            told = [runs and self.channels[name].port.moves for name in ("r", "w")]
            await RisingEdge(dut.clk)

    def bytes_at(self, address: int, count: int) -> bytes:
        """Memory, folded."""
        return self.memory[address % MEMORY :][:count]

    def send(self, client: str, commands: list[Command]) -> None:
        """Queue commands and, for store, their words."""
        layout = [("address", self.p.address_bits, 1), ("bytes", self.p.bytes_bits, 1)]
        words = [pack_word(layout, {"address": [a], "bytes": [n]}) for a, n in commands]
        self.sources[f"{client}_command"].send(words)
        if client == "store":
            count = sum(map(self.words_of, commands))
            self.sources["store_data"].send(self.random.getrandbits(self.p.data_bits) for _ in range(count))

    def words_of(self, command: Command) -> int:
        return sum(beats for _, beats in bursts(self.p, *command))

    def command_of(self, word: int) -> Command:
        return word & (1 << self.p.address_bits) - 1, word >> self.p.address_bits

    def taken(self, *clients: str) -> list[tuple[int, str, Command]]:
        """(cycle, client, command) of each command that the RTL took."""
        found = [
            (cycle, client, self.command_of(word))
            for client in clients
            for cycle, word in self.monitors[f"{client}_command"].moved
        ]
        return sorted(found)

    async def settle(self) -> None:
        """All that was taken comes to its end, and is right."""
        waiting = {client: len(self.sources[f"{client}_command"].words) for client in CLIENTS}
        counts = {c: waiting[c] + len(self.monitors[f"{c}_command"].moved) for c in CLIENTS}
        for client in CLIENTS:
            await self.arrived(f"{client}_status", counts[client])
        for client in READERS:
            commands = [command for _, _, command in self.taken(client)]
            await self.arrived(f"{client}_data", sum(map(self.words_of, commands)))
        self.check_reads()
        self.check_writes()

    def check_channel(self, channel: str, commands: list[Command]) -> None:
        """AR or AW asked for golden's bursts."""
        wanted = [(a, n - 1) for command in commands for a, n in bursts(self.p, *command)]
        found = [(each["addr"], each["len"]) for each in self.channels[channel].fields]
        assert found == wanted, f"{channel} differs from golden's bursts"

    def check_reads(self) -> None:
        """Addresses, words and statuses, each client's own."""
        taken = self.taken(*READERS)
        self.check_channel("ar", [command for _, _, command in taken])
        responses = iter([beat["resp"] for beat in self.channels["r"].fields])
        words: dict[str, list[list[int]]] = {client: [] for client in READERS}
        statuses: dict[str, list[int]] = {client: [] for client in READERS}
        for _, client, command in taken:
            own = [next(responses) for _ in range(self.words_of(command))]
            for (word, last), code in zip(read(self.design.read, self.bytes_at, *command), own, strict=True):
                words[client].append([word, last | (code & 2 if client == "fetch" else 0)])
            statuses[client].append(status(self.p, *command, own))
        for client in READERS:
            bits = self.p.data_bits
            found = [[w & (1 << bits) - 1, w >> bits] for w in self.monitors[f"{client}_data"].words]
            compare(found, words[client], describe_as(client))
            assert self.monitors[f"{client}_status"].words == statuses[client], f"statuses of {client}"

    def check_writes(self) -> None:
        """Addresses, beats, memory, statuses."""
        commands = [command for _, _, command in self.taken("store")]
        self.check_channel("aw", commands)
        given = list(self.monitors["store_data"].words)
        wanted = []
        for command in commands:
            wanted += write(self.design.write, *command, given)
            del given[: self.words_of(command)]
        found = [(beat["data"], beat["strb"], beat["last"]) for beat in self.channels["w"].fields]
        assert found == wanted, "W differs from golden's beats"
        codes = iter([each["resp"] for each in self.channels["b"].fields])
        statuses = [
            status(self.p, *command, [next(codes) for _ in bursts(self.p, *command)]) for command in commands
        ]
        assert self.monitors["store_status"].words == statuses, "statuses of store"
        self.check_memory(commands)

    def check_memory(self, commands: list[Command]) -> None:
        """Every byte is what golden's beats of these commands, as far as they had words, leave."""
        if self.fixed is not None:
            return
        given = list(self.monitors["store_data"].words)
        memory, size = bytearray(self.written), self.p.word_bytes
        for address, count in commands:
            for start in range(0, self.words_of((address, count)) * size, size):
                if given:
                    kept = given.pop(0).to_bytes(size, "little")[: count - start]
                    place = (address + start) % MEMORY
                    memory[place : place + len(kept)] = kept
        found = self.ram.read(0, MEMORY)
        if found != memory:
            wrong = next(i for i in range(MEMORY) if found[i] != memory[i])
            raise AssertionError(f"byte {wrong:#x} is {found[wrong]:#x}, golden {memory[wrong]:#x}")

    async def clear(self) -> None:
        """`clear` until `quiet`: nothing comes to a client, every burst ends, nothing else is written."""
        await RisingEdge(self.dut.clk)
        self.dut.clear.value = 1
        for _ in range(3000):
            await ReadOnly()
            for name in OUTPUTS:
                assert getattr(self.dut, f"{name}_valid").value == 0, f"{name} in a clear"
            for name in INPUTS:
                assert getattr(self.dut, f"{name}_ready").value == 0, f"{name} in a clear"
            if self.dut.quiet.value == 1:
                break
            await RisingEdge(self.dut.clk)
        assert self.dut.quiet.value == 1, "never quiet"
        await RisingEdge(self.dut.clk)
        self.dut.clear.value = 0
        self.check_quiet()

    def check_quiet(self) -> None:
        """All that was asked for has come; what store gave is in memory, the rest was not written."""
        moved = {name: channel.fields for name, channel in self.channels.items()}
        asked = sum(each["len"] + 1 for each in moved["ar"])
        assert asked == len(moved["r"]), f"{asked} beats asked for, {len(moved['r'])} came"
        announced = sum(each["len"] + 1 for each in moved["aw"])
        assert announced == len(moved["w"]), f"{announced} beats announced, {len(moved['w'])} came"
        assert len(moved["aw"]) == len(moved["b"]), "a response is missing"
        for name in ("arvalid", "awvalid", "wvalid"):
            assert getattr(self.dut, f"m_axi_{name}").value == 0, f"{name} when quiet"
        given = len(self.monitors["store_data"].words)
        voids = moved["w"][given:]
        assert not any(beat["strb"] for beat in voids), "a made-up word has strobes"
        self.check_memory([command for _, _, command in self.taken("store")])
        self.voids = len(voids)

    def begin_again(self) -> None:
        """What was logged is gone; words wait for the commands that wait."""
        self.written = bytes(self.ram.read(0, MEMORY))
        for monitor in self.monitors.values():
            monitor.moved = []
        words = self.sources["store_data"].words
        left = [self.command_of(word) for word in self.sources["store_command"].words]
        count = sum(map(self.words_of, left))
        words.extend(self.random.getrandbits(self.p.data_bits) for _ in range(count - len(words)))
        while len(words) > max(count, 1):
            words.pop()
        if len(words) > count:  # one on offer that nobody needs: a command of one word at 0
            self.sources["store_command"].send([1 << self.p.address_bits])


def describe_as(client: str) -> Callable[[int, int], str]:
    """For `compare`."""
    return lambda index, lane: client


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.5])
async def each_client_gets_its_own(dut: Any, pause: float) -> None:
    bench = PortBench(dut, dict.fromkeys(PARTS, pause))
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 60))
    await bench.start()
    await bench.settle()


@cocotb.test
async def every_length_at_every_edge(dut: Any) -> None:
    bench = PortBench(dut, {})
    for client in CLIENTS:
        bench.send(client, at_the_edge(bench.p)[:40])
    await bench.start()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = PortBench(dut, {paused: 0.8})
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 12))
    await bench.start()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def an_error_sticks_to_its_command(dut: Any, pause: float) -> None:
    bench = PortBench(dut, dict.fromkeys(PARTS, pause), faults=0.2)
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 60))
    await bench.start()
    await bench.settle()
    for client in CLIENTS:
        found = set(bench.monitors[f"{client}_status"].words)
        assert found == set(Status), f"{client}: only {found} came"


@cocotb.test
@cocotb.parametrize(stuck=["fetch", "load"])
async def commands_whose_words_wait_are_limited(dut: Any, stuck: str) -> None:
    """One-word commands, whose statuses come while their words wait: more than any queue holds."""
    bench = PortBench(dut, {f"{stuck}_data": 1.0})
    size = bench.p.word_bytes
    count = bench.design.read_buffer + 3 * word_owners(bench.design)
    bench.send(stuck, [(i * size, size) for i in range(count)])
    await bench.start()
    limit = min(word_owners(bench.design), bench.design.read_buffer)
    await bench.check_still("ar", limit, 40 * limit + 200)
    bench.resume()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(stuck=["r", "b"])
async def as_many_bursts_as_outstanding(dut: Any, stuck: str) -> None:
    bench = PortBench(dut, {stuck: 1.0})
    master, client = (bench.design.read, "load") if stuck == "r" else (bench.design.write, "store")
    bench.send(client, [(i * bench.p.word_bytes, 1) for i in range(master.outstanding + 2)])
    await bench.start()
    await bench.check_still("ar" if stuck == "r" else "aw", master.outstanding, 60 + 20 * master.outstanding)
    bench.resume()
    await bench.settle()


@cocotb.test
@cocotb.parametrize(clients=[("load",), ("fetch",), READERS], latency=[1, 20])
async def takes_golden_cycles(dut: Any, clients: tuple[str, ...], latency: int) -> None:
    bench = PortBench(dut, {}, fixed=latency)
    size = bench.p.word_bytes
    for client in clients:
        bench.send(client, [(i * 64 * size, bench.random.randint(1, 40 * size)) for i in range(12)])
    await bench.start()
    await bench.settle()
    taken = bench.taken(*clients)
    ends = chain.from_iterable(bench.monitors[f"{client}_data"].moved for client in clients)
    took = max(cycle for cycle, _ in ends) - taken[0][0] + 1
    golden = cycles(bench.design.read, [command for _, _, command in taken], latency)
    assert took == golden, f"took {took} cycles, golden {golden}"


@cocotb.test
@cocotb.parametrize(
    pause=[0.0, 0.5], stuck=[None, "store_data", "load_data", "w", "aw", "ar"]
)
async def clear_drops_all_and_harms_nothing(dut: Any, pause: float, stuck: str | None) -> None:
    bench = PortBench(dut, dict.fromkeys(PARTS, pause) | ({stuck: 0.95} if stuck else {}))
    await bench.start()
    voids = 0
    for _ in range(4):
        for client in CLIENTS:
            bench.send(client, anywhere(bench.random, bench.p, 12))
        await bench.cycles(bench.random.randint(5, 120))
        await bench.clear()
        voids += bench.voids
        bench.begin_again()
    assert voids or stuck in ("aw", "load_data") or not pause, "no burst had to be filled"
    for client in CLIENTS:
        for word in list(bench.sources[f"{client}_command"].words)[6:]:
            bench.sources[f"{client}_command"].words.remove(word)
    bench.begin_again()
    bench.resume()
    await bench.settle()


@cocotb.test
async def a_clear_at_rest_takes_one_cycle(dut: Any) -> None:
    bench = PortBench(dut, {})
    await bench.start()
    await bench.cycles(3)
    assert dut.quiet.value == 1
    dut.clear.value = 1
    await RisingEdge(dut.clk)
    dut.clear.value = 0
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 10))
    await bench.settle()


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float) -> None:
    bench = PortBench(dut, dict.fromkeys(PARTS, pause))
    for client in CLIENTS:
        bench.send(client, anywhere(bench.random, bench.p, 40))
    await bench.start()
    await bench.cycles(bench.random.randint(30, 90))
    await bench.reset()
    bench.begin_again()
    bench.resume()
    await bench.settle()


def make_params(lanes: int, outstanding: int, buffer: int) -> AcceleratorParams:
    """Of a case."""
    unit = MatrixUnitParams(rows=lanes, cols=lanes)
    return AcceleratorParams(unit=unit, outstanding=outstanding, read_buffer=buffer)


def case(name: str, **given: int) -> Case:
    """The port of these parameters."""

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.accelerator.memory_port import definition
        from hw.emit import verilog

        block = definition(make_params(**given))
        return verilog(block), block.name

    return Case(name, build, dict(given))


CASES = [
    case("l4", lanes=4, outstanding=4, buffer=32),
    case("l16", lanes=16, outstanding=32, buffer=256),
    case("l64", lanes=64, outstanding=2, buffer=16),
]
