"""Bench of hw.axi.read: cocotbext-axi's AxiRam answers, and for cycles a memory of fixed latency."""

from collections.abc import Mapping
from typing import Any

import cocotb
from cocotbext.axi import AxiRamRead, AxiReadBus

from golden.axi.bursts import Status, bursts
from golden.axi.read import ReadParams, cycles, read
from sim.benches import Case, parameters
from sim.benches.axi.memory import FixedRead
from sim.benches.axi.parts import (
    ADDRESS,
    MEMORY,
    PAGE,
    AxiBench,
    Command,
    answer,
    anywhere,
    at_the_edge,
    faults,
)
from sim.benches.stream import compare

R = ("id", "data", "resp", "last")
PARTS = ("command", "data", "status", "ar", "r")


class ReadBench(AxiBench):
    """The block, its memory, and golden.

    fixed   latency of a memory without pauses, instead of cocotbext-axi's
    faults  probability of an error, for each beat
    """

    p: ReadParams

    def __init__(
        self, dut: Any, pauses: Mapping[str, float], *, fixed: int | None = None, faults: float = 0.0
    ):
        channels = {"ar": ADDRESS, "r": R}
        super().__init__(dut, ReadParams(**parameters()), ["command"], ["data", "status"], channels, pauses)
        self.memory = self.random_of("memory").randbytes(MEMORY)
        self.fixed, self.faults = fixed, faults
        dut.stop.value = 0  # the bench of hw.accelerator.memory_port is where it is not

    def attach(self) -> None:
        if self.fixed is not None:
            cocotb.start_soon(FixedRead(self.dut, self.bytes_at, self.p.word_bytes, self.fixed).run())
            return
        bus = AxiReadBus.from_prefix(self.dut, "m_axi")
        self.ram = AxiRamRead(bus, self.dut.clk, self.dut.rst, size=MEMORY)
        self.ram.write(0, self.memory)
        answer(self.ram.r_channel, "rresp", faults(self.random_of("faults"), self.faults))
        self.connect("ar", self.ram.ar_channel)
        self.connect("r", self.ram.r_channel)

    def bytes_at(self, address: int, count: int) -> bytes:
        """Memory, folded."""
        return self.memory[address % MEMORY :][:count]

    def words_of(self, command: Command) -> list[tuple[int, int]]:
        """Golden's words of a command."""
        return read(self.p, self.bytes_at, *command)

    async def run(self, commands: list[Command]) -> None:
        """All commands, to their last word and status; AR and data are golden's, and R never waits."""
        self.send_commands(commands)
        await self.start()
        await self.settle(commands)

    async def settle(self, commands: list[Command]) -> None:
        """Wait for what `commands` give, and check it."""
        wanted = [(word, last) for command in commands for word, last in self.words_of(command)]
        await self.arrived("data", len(wanted))
        await self.arrived("status", len(commands))
        self.check_data()
        self.check_addresses("ar")
        assert self.channels["r"].waits == 0, "R waited"

    def check_data(self) -> None:
        """What was delivered is the beginning of what golden reads for the commands accepted."""
        wanted = [(*word, command) for command in self.accepted() for word in self.words_of(command)]
        mask = (1 << self.p.data_bits) - 1
        words = self.monitors["data"].words
        found = [(word & mask, word >> self.p.data_bits & 1) for word in words]
        golden = [word[:2] for word in wanted[: len(found)]]
        compare(found, golden, lambda index, _: "{:#x} {} bytes".format(*wanted[index][2]))
        errors = [word >> self.p.data_bits + 1 for word in words]
        assert errors == [code >> 1 for code in self.responses()[: len(words)]], "errors beside other words"

    def responses(self) -> list[int]:
        return [beat["resp"] for beat in self.channels["r"].fields]


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.5])
async def every_length_at_every_edge(dut: Any, pause: float) -> None:
    bench = ReadBench(dut, dict.fromkeys(PARTS, pause))
    commands = at_the_edge(bench.p)
    await bench.run(commands)
    bench.check_status(bench.responses(), each_beat=True)
    assert (bench.sources["command"].stalls > 0) == (pause > 0), "no pause happened"
    assert all(bench.monitors[name].waits for name in ("ar", "data", "status")) or not pause, "no waits"


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = ReadBench(dut, {paused: 0.7})
    await bench.run(anywhere(bench.random, bench.p, 60))
    bench.check_status(bench.responses(), each_beat=True)
    if paused == "r":
        times = [cycle for cycle, _ in bench.channels["r"].moved]
        assert times[-1] - times[0] > 2 * len(times), "no pause happened"
    elif paused != "command":
        assert bench.monitors[paused].waits > 0, "no wait happened"


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def an_error_sticks_to_its_command(dut: Any, pause: float) -> None:
    bench = ReadBench(dut, dict.fromkeys(PARTS, pause), faults=0.2)
    await bench.run(anywhere(bench.random, bench.p, 100))
    found = set(bench.check_status(bench.responses(), each_beat=True))
    assert found == set(Status), f"only {found} came"


@cocotb.test
async def bursts_are_asked_for_only_with_room(dut: Any) -> None:
    bench = ReadBench(dut, {"data": 1.0})
    size = bench.p.word_bytes
    each = min((1 << bench.p.bytes_bits) - 1, (bench.p.longest_burst + 3) * size) // size
    commands = [(index * each * size, each * size) for index in range(bench.p.buffer // each + 2)]
    asked = reserved = 0
    for beats in (beats for command in commands for _, beats in bursts(bench.p, *command)):
        if reserved + beats > bench.p.buffer:
            break
        asked, reserved = asked + 1, reserved + beats
    bench.send_commands(commands)
    await bench.start()
    await bench.check_still("ar", asked, 3 * bench.p.buffer + 20 * asked + 100)
    await bench.check_still("r", reserved, 3 * reserved + 10)
    bench.resume()
    await bench.settle(commands)


@cocotb.test
@cocotb.parametrize(waits_for=["r", "status"])
async def as_many_bursts_as_outstanding(dut: Any, waits_for: str) -> None:
    bench = ReadBench(dut, {waits_for: 1.0})
    commands = [(index * bench.p.word_bytes, 1) for index in range(bench.p.outstanding + 2)]
    bench.send_commands(commands)
    await bench.start()
    limit = min(bench.p.outstanding, bench.p.buffer) if waits_for == "r" else bench.p.outstanding
    await bench.check_still("ar", limit, 60 + 20 * bench.p.outstanding)
    bench.resume()
    await bench.settle(commands)


@cocotb.test
@cocotb.parametrize(latency=[1, 2, 7, 60])
async def takes_golden_cycles(dut: Any, latency: int) -> None:
    """Long commands, on and off a burst's edge, and short ones: with slots and room to spare or without."""
    bench = ReadBench(dut, {}, fixed=latency)
    p = bench.p
    most = min((1 << p.bytes_bits) - 1, 250 * p.word_bytes)
    commands = [(0, most), (p.word_bytes, most), *anywhere(bench.random, p, 30), (PAGE, 1), (PAGE, 1)]
    await bench.run(commands)
    took = bench.monitors["data"].moved[-1][0] - bench.monitors["command"].moved[0][0] + 1
    golden = cycles(p, commands, latency)
    assert took == golden, f"took {took} cycles, golden {golden}"


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], stuck=[None, "data", "status", "r", "ar"])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float, stuck: str | None) -> None:
    bench = ReadBench(dut, dict.fromkeys(PARTS, pause) | ({stuck: 1.0} if stuck else {}))
    commands = anywhere(bench.random, bench.p, 60)
    bench.send_commands(commands)
    await bench.start()
    await bench.cycles(bench.random.randint(30, 60))
    await bench.reset()
    before = [word for _, word in bench.monitors["command"].before_reset]
    status = bench.monitors["status"].before_reset
    assert len(before) > len(status), "nothing was in flight"
    bench.resume()
    await bench.settle(commands[len(before) :])
    bench.check_status(bench.responses(), each_beat=True)


def case(name: str, **given: int) -> Case:
    """The master of these parameters."""

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.axi.read import definition
        from hw.emit import verilog

        block = definition(ReadParams(**given))
        return verilog(block), block.name

    return Case(name, build, dict(given))


CASES = [
    case("d128-b16", data_bits=128, bytes_bits=14, longest_burst=16, outstanding=8, buffer=128),
    case("d32-b4", data_bits=32, bytes_bits=13, longest_burst=4, outstanding=3, buffer=25, id_bits=4),
    case("d512-b64", address_bits=64, data_bits=512, bytes_bits=13, longest_burst=64, buffer=96),
    case("d64-b1", address_bits=16, data_bits=64, bytes_bits=8, longest_burst=1, outstanding=1, buffer=1),
    case("d32-b256", data_bits=32, bytes_bits=11, longest_burst=256, outstanding=2, buffer=700),
]
