"""Bench of hw.axi.read: cocotbext-axi's AxiRam answers, and for cycles a memory of fixed latency."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import cocotb
from cocotbext.axi import AxiRamRead, AxiReadBus

from golden.axi.bursts import bursts
from golden.axi.read import ReadParams, cycles, read
from sim.benches import Faults, parameters, verilog_case
from sim.benches.axi.memory import FixedRead
from sim.benches.axi.parts import (
    ADDRESS,
    MEMORY,
    Command,
    MasterBench,
    answer,
    anywhere,
    at_the_edge,
    faults,
)
from sim.benches.stream import compare

R = ("id", "data", "resp", "last")
PARTS = ("command", "data", "status", "ar", "r")


class ReadBench(MasterBench):
    """The block, its memory, and golden."""

    p: ReadParams
    answers, each_beat = "r", True

    def __init__(self, dut: Any, pauses: Mapping[str, float], **more: Any):
        p = ReadParams(**parameters())
        super().__init__(dut, p, ["command"], ["data", "status"], {"ar": ADDRESS, "r": R}, pauses, **more)

    def attach(self) -> None:
        if self.fixed is not None:
            cocotb.start_soon(FixedRead(self.dut, self.bytes_at, self.p.word_bytes, self.fixed).run())
            return
        bus = AxiReadBus.from_prefix(self.dut, "m_axi")
        ram = AxiRamRead(bus, self.dut.clk, self.dut.rst, size=MEMORY)
        ram.write(0, self.memory)
        answer(ram.r_channel, "rresp", faults(self.random_of("faults"), self.faults))
        self.connect("ar", ram.ar_channel)
        self.connect("r", ram.r_channel)

    async def settle(self, commands: list[Command]) -> None:
        """Wait for what `commands` give, and check it: AR and data are golden's, and R never waits."""
        await self.arrived("data", sum(map(self.words_of, commands)))
        await self.arrived("status", len(commands))
        self.check_data()
        self.check_addresses("ar", self.accepted())
        assert self.channels["r"].waits == 0, "R waited"

    def check_data(self) -> None:
        """Check that the delivered words are the first that golden reads for the accepted commands."""
        wanted = [(*word, command) for command in self.accepted() for word in self.golden(command)]
        mask = (1 << self.p.data_bits) - 1
        words = self.monitors["data"].words
        found = [(word & mask, word >> self.p.data_bits & 1) for word in words]
        golden = [word[:2] for word in wanted[: len(found)]]
        compare(found, golden, lambda index, _: "{:#x} {} bytes".format(*wanted[index][2]))
        errors = [word >> self.p.data_bits + 1 for word in words]
        assert errors == [code >> 1 for code in self.responses()[: len(words)]], "errors beside other words"

    def golden(self, command: Command) -> list[tuple[int, int]]:
        """Words of a command."""
        return read(self.p, self.bytes_at, *command)


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.5])
async def every_length_at_every_edge(dut: Any, pause: float) -> None:
    bench = ReadBench(dut, dict.fromkeys(PARTS, pause))
    commands = at_the_edge(bench.p)
    await bench.run(commands)
    bench.check_status()
    assert (bench.sources["command"].stalls > 0) == (pause > 0), "no pause happened"
    assert all(bench.monitors[name].waits for name in ("ar", "data", "status")) or not pause, "no waits"


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = ReadBench(dut, {paused: 0.7})
    await bench.run(anywhere(bench.random, bench.p, 60))
    bench.check_status()
    if paused == "r":
        times = [cycle for cycle, _ in bench.channels["r"].moved]
        assert times[-1] - times[0] > 2 * len(times), "no pause happened"
    elif paused != "command":
        assert bench.monitors[paused].waits > 0, "no wait happened"


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def an_error_sticks_to_its_command(dut: Any, pause: float) -> None:
    bench = ReadBench(dut, dict.fromkeys(PARTS, pause), faults=0.2)
    await bench.see_every_status()


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
    most = min(bench.p.outstanding, bench.p.buffer) if waits_for == "r" else bench.p.outstanding
    await bench.limited("ar", commands, most)
    bench.resume()
    await bench.settle(commands)


@cocotb.test
@cocotb.parametrize(latency=[1, 2, 7, 60])
async def takes_golden_cycles(dut: Any, latency: int) -> None:
    """With slots and room to spare or without."""
    await ReadBench(dut, {}, fixed=latency).check_cycles("data", cycles)


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], stuck=[None, "data", "status", "r", "ar"])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float, stuck: str | None) -> None:
    bench = ReadBench(dut, dict.fromkeys(PARTS, pause) | ({stuck: 1.0} if stuck else {}))
    left = await bench.reset_amid(anywhere(bench.random, bench.p, 60))
    bench.resume()
    await bench.settle(left)
    bench.check_status()


case = partial(verilog_case, "axi/read", ReadParams)
CASES = [
    case("d128-b16", data_bits=128, bytes_bits=14, longest_burst=16, outstanding=8, buffer=128),
    case("d32-b4", data_bits=32, bytes_bits=13, longest_burst=4, outstanding=3, buffer=25, id_bits=4),
    case("d512-b64", address_bits=64, data_bits=512, bytes_bits=13, longest_burst=64, buffer=96),
    case("d64-b1", address_bits=16, data_bits=64, bytes_bits=8, longest_burst=1, outstanding=1, buffer=1),
    case("d32-b256", data_bits=32, bytes_bits=11, longest_burst=256, outstanding=2, buffer=700),
]
QUICK = {"icarus": ["d64-b1", "d128-b16"], "verilator": ["d32-b4"]}
LONG = {"icarus": ["d32-b4"]}
EXTREME = [
    case("usual"),
    case("least", data_bits=512, bytes_bits=8, longest_burst=1, outstanding=1, buffer=1),
    case("b256", address_bits=64, data_bits=32, longest_burst=256, outstanding=3, buffer=300),
]
MUTANTS = [Faults("d32-b4", 2), Faults("d32-b4", 3, slow=True)]
