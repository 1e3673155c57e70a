"""The bench of the memory port: three clients, cocotbext-axi's AxiRam, and what golden says of them all."""

from collections.abc import Callable, Mapping
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge
from cocotbext.axi import AxiRamRead, AxiRamWrite, AxiReadBus, AxiWriteBus

from golden.accelerator.params import AcceleratorParams
from golden.axi.bursts import bursts, status
from golden.axi.read import read
from golden.axi.write import write
from golden.systolic.params import MatrixUnitParams
from sim.benches import parameters
from sim.benches.axi.memory import FixedRead
from sim.benches.axi.parts import ADDRESS, MEMORY, AxiBench, Command, answer, faults
from sim.benches.stream import Monitor, StreamSignals, compare, high

CLIENTS = ("fetch", "load", "store")
READERS = ("fetch", "load")
INPUTS = ("fetch_command", "load_command", "store_command", "store_data")
OUTPUTS = ("fetch_data", "load_data", "fetch_status", "load_status", "store_status")
CHANNELS = {
    "ar": ADDRESS, "r": ("id", "data", "resp", "last"), "aw": ADDRESS, "w": ("data", "strb", "last"),
    "b": ("id", "resp"),
}  # fmt: skip
PARTS = (*INPUTS, *OUTPUTS, *CHANNELS)


def make_params(lanes: int, outstanding: int, buffer: int) -> AcceleratorParams:
    """The parameters of a case."""
    unit = MatrixUnitParams(rows=lanes, cols=lanes)
    return AcceleratorParams(unit=unit, outstanding=outstanding, read_buffer=buffer)


class Cleared(Monitor):
    """Words of a stream that `clear` breaks off."""

    def step(self, cycle: int, waiting: int | None) -> int | None:
        clear = high(cocotb.top.clear)
        return super().step(cycle, None if clear else waiting)


class PortBench(AxiBench):
    """The block, its memory, which only reads where its latency is fixed, and golden."""

    def __init__(self, dut: Any, pauses: Mapping[str, float], **more: Any):
        self.design = make_params(**parameters())
        super().__init__(dut, self.design.read, list(INPUTS), list(OUTPUTS), CHANNELS, pauses, **more)
        self.monitors |= {name: Cleared(StreamSignals(dut, name)) for name in OUTPUTS}
        self.written = self.memory  # what the memory for writing held at first
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
                if high(dut.load_command_valid) and high(dut.load_command_ready):
                    assert dut.fetch_command_valid.value == 0, "load went before fetch"
                found = [high(dut.word_read), high(dut.word_written)]
                assert found == told, f"word_read, word_written are {found}, expected {told}"
            told = [runs and self.channels[name].port.moves for name in ("r", "w")]
            await RisingEdge(dut.clk)

    def send(self, client: str, commands: list[Command]) -> None:
        """Queue commands and, for store, their words."""
        self.send_commands(commands, f"{client}_command")
        if client == "store":
            self.sources["store_data"].send(self.random_words(sum(map(self.words_of, commands))))

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

    def check_reads(self) -> None:
        """Addresses, words and statuses, each client's own."""
        taken = self.taken(*READERS)
        self.check_addresses("ar", [command for _, _, command in taken])
        responses = iter([beat["resp"] for beat in self.channels["r"].fields])
        words: dict[str, list[list[int]]] = {client: [] for client in READERS}
        statuses: dict[str, list[int]] = {client: [] for client in READERS}
        for _, client, command in taken:
            own = [next(responses) for _ in range(self.words_of(command))]
            for (word, last), code in zip(read(self.design.read, self.bytes_at, *command), own, strict=True):
                words[client].append([word, last | code & 2])
            statuses[client].append(status(self.p, *command, own))
        for client in READERS:
            bits = self.p.data_bits
            found = [[w & (1 << bits) - 1, w >> bits] for w in self.monitors[f"{client}_data"].words]
            compare(found, words[client], describe_as(client))
            assert self.monitors[f"{client}_status"].words == statuses[client], f"statuses of {client}"

    def check_writes(self) -> None:
        """Addresses, beats, memory, statuses."""
        commands = [command for _, _, command in self.taken("store")]
        self.check_addresses("aw", commands)
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
        self.check_written(commands)

    def check_written(self, commands: list[Command]) -> None:
        """What these commands leave in memory, as far as they had words."""
        if self.fixed is None:
            self.check_memory(self.written, commands, self.monitors["store_data"].words)

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
            if high(self.dut.quiet):
                break
            await RisingEdge(self.dut.clk)
        assert high(self.dut.quiet), "never quiet"
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
        self.check_written([command for _, _, command in self.taken("store")])
        self.voids = len(voids)

    def begin_again(self) -> None:
        """Forget what was logged; words wait for the commands that wait."""
        self.written = bytes(self.ram.read(0, MEMORY))
        for monitor in self.monitors.values():
            monitor.moved = []
        words = self.sources["store_data"].words
        left = [self.command_of(word) for word in self.sources["store_command"].words]
        count = sum(map(self.words_of, left))
        words.extend(self.random_words(count - len(words)))
        while len(words) > max(count, 1):
            words.pop()
        if len(words) > count:  # one on offer that nobody needs: a command of one word at 0
            self.sources["store_command"].send([1 << self.p.address_bits])


def describe_as(client: str) -> Callable[[int, int], str]:
    """For `compare`."""
    return lambda index, lane: client
