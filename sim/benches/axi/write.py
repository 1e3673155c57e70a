"""Bench of hw.axi.write: cocotbext-axi's AxiRam answers, and for cycles a memory of fixed latency."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import cocotb
from cocotbext.axi import AxiRamWrite, AxiWriteBus

from golden.axi.write import WriteParams, cycles, write
from sim.benches import Faults, parameters, verilog_case
from sim.benches.axi.memory import FixedWrite
from sim.benches.axi.parts import (
    ADDRESS,
    MEMORY,
    PAGE,
    Command,
    MasterBench,
    answer,
    anywhere,
    at_the_edge,
    faults,
)
from sim.benches.stream import compare

CHANNELS = {"aw": ADDRESS, "w": ("data", "strb", "last"), "b": ("id", "resp")}
PARTS = ("command", "data", "status", "aw", "w", "b")


class WriteBench(MasterBench):
    """The block, its memory, and golden."""

    p: WriteParams
    answers, each_beat = "b", False

    def __init__(self, dut: Any, pauses: Mapping[str, float], **more: Any):
        p = WriteParams(**parameters())
        super().__init__(dut, p, ["command", "data"], ["status"], CHANNELS, pauses, **more)

    def attach(self) -> None:
        if self.fixed is not None:
            cocotb.start_soon(FixedWrite(self.dut, self.fixed).run())
            return
        bus = AxiWriteBus.from_prefix(self.dut, "m_axi")
        self.ram = AxiRamWrite(bus, self.dut.clk, self.dut.rst, size=MEMORY)
        self.ram.write(0, self.memory)
        answer(self.ram.b_channel, "bresp", faults(self.random_of("faults"), self.faults))
        for name in ("aw", "w", "b"):
            self.connect(name, getattr(self.ram, f"{name}_channel"))

    def send(self, commands: list[Command]) -> None:
        """Queue commands and exactly their words."""
        super().send(commands)
        self.sources["data"].send(self.random_words(sum(map(self.words_of, commands))))

    def give_words_for(self, commands: list[Command]) -> None:
        """After a reset: as many words as the commands left need, the one on offer among them."""
        words, count = self.sources["data"].words, sum(map(self.words_of, commands))
        words.extend(self.random_words(count - len(words)))
        while len(words) > count:
            words.pop()

    async def settle(self, commands: list[Command]) -> None:
        """Wait for what `commands` give, and check all of it: AW, W, memory; B never waits."""
        words = sum(map(self.words_of, commands))
        await self.arrived("status", len(commands))
        await self.arrived("w", words)
        self.check_addresses("aw", self.accepted())
        self.check_words()
        if self.fixed is None:
            self.check_memory(self.memory, self.accepted(), self.monitors["data"].words)
        assert self.channels["b"].waits == 0, "B waited"

    def check_words(self) -> None:
        """W held golden's beats, of the words that the stream gave."""
        given, golden = list(self.monitors["data"].words), []
        for command in self.accepted():
            golden += [(*beat, command) for beat in write(self.p, *command, given)]
            del given[: self.words_of(command)]
        found = [tuple(beat[field] for field in CHANNELS["w"]) for beat in self.channels["w"].fields]
        wanted = [beat[:3] for beat in golden]
        compare(found, wanted, lambda index, _: "{:#x} {} bytes".format(*golden[index][3]))


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.1, 0.5])
async def every_length_at_every_edge(dut: Any, pause: float) -> None:
    bench = WriteBench(dut, dict.fromkeys(PARTS, pause))
    await bench.run(at_the_edge(bench.p))
    bench.check_status()
    for name in ("command", "data"):
        assert (bench.sources[name].stalls > 0) == (pause > 0), f"no pause of {name} happened"
    assert all(bench.monitors[name].waits for name in ("aw", "w", "status")) or not pause, "no waits"


@cocotb.test
@cocotb.parametrize(paused=PARTS)
async def one_slow_side_changes_nothing(dut: Any, paused: str) -> None:
    bench = WriteBench(dut, {paused: 0.7})
    await bench.run(anywhere(bench.random, bench.p, 60))
    bench.check_status()
    if paused in ("aw", "w", "status"):
        assert bench.monitors[paused].waits > 0, "no wait happened"
    elif paused in bench.sources:
        assert bench.sources[paused].stalls > 0, "no pause happened"


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5])
async def an_error_sticks_to_its_command(dut: Any, pause: float) -> None:
    bench = WriteBench(dut, dict.fromkeys(PARTS, pause), faults=0.3)
    await bench.see_every_status()


@cocotb.test
@cocotb.parametrize(waits_for=["b", "status", "data"])
async def as_many_bursts_as_outstanding(dut: Any, waits_for: str) -> None:
    bench = WriteBench(dut, {waits_for: 1.0})
    commands = [(index * bench.p.word_bytes, 1) for index in range(bench.p.outstanding + 2)]
    await bench.limited("aw", commands, bench.p.outstanding)
    await bench.check_still("w", 0 if waits_for == "data" else bench.p.outstanding, 1)
    bench.resume()
    await bench.settle(commands)


@cocotb.test
async def an_address_that_nobody_takes_leaves_its_words_free(dut: Any) -> None:
    """WVALID must not wait for AWREADY (A3.3.1)."""
    bench = WriteBench(dut, {"aw": 1.0})
    commands = [(PAGE, bench.p.word_bytes)]
    bench.send(commands)
    await bench.start()
    await bench.check_still("w", 1, 20)
    bench.resume()
    await bench.settle(commands)


@cocotb.test
@cocotb.parametrize(latency=[1, 2, 7, 60])
async def takes_golden_cycles(dut: Any, latency: int) -> None:
    """With slots to spare or without."""
    await WriteBench(dut, {}, fixed=latency).check_cycles("status", cycles)


@cocotb.test
@cocotb.parametrize(pause=[0.0, 0.5], stuck=[None, "data", "status", "aw", "w", "b"])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, pause: float, stuck: str | None) -> None:
    bench = WriteBench(dut, dict.fromkeys(PARTS, pause) | ({stuck: 1.0} if stuck else {}))
    left = await bench.reset_amid(anywhere(bench.random, bench.p, 60))
    bench.ram.write(0, bench.memory)
    bench.give_words_for(left)
    bench.resume()
    await bench.settle(left)
    bench.check_status()


case = partial(verilog_case, "axi/write", WriteParams)
CASES = [
    case("d128-b16", data_bits=128, bytes_bits=14, longest_burst=16, outstanding=8),
    case("d32-b4", data_bits=32, bytes_bits=13, longest_burst=4, outstanding=3, id_bits=4),
    case("d512-b64", address_bits=64, data_bits=512, bytes_bits=13, longest_burst=64, outstanding=4),
    case("d64-b1", address_bits=16, data_bits=64, bytes_bits=8, longest_burst=1, outstanding=1),
    case("d32-b256", data_bits=32, bytes_bits=11, longest_burst=256, outstanding=2),
]
QUICK = {"icarus": ["d64-b1", "d128-b16"], "verilator": ["d32-b4"]}
LONG = {"icarus": ["d32-b4"]}
EXTREME = [
    case("usual"),
    case("least", data_bits=512, bytes_bits=8, longest_burst=1, outstanding=1),
    case("b256", address_bits=64, data_bits=32, longest_burst=256, outstanding=3),
]
MUTANTS = [Faults("d32-b4", 2), Faults("d32-b4", 3, slow=True)]
