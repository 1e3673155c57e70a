"""Bench of hw.accelerator.fetcher: a read port that is granted at random, against golden's words."""

from functools import partial
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.fetcher import QUEUE, cycles, fetch
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.scratchpad import READ_LATENCY
from golden.systolic.params import MatrixUnitParams
from sim.benches import Faults, parameters, verilog_case
from sim.benches.accelerator.read_port import ReadPort
from sim.benches.accelerator.walk import command_fields, random_walk
from sim.benches.stream import Bench, compare, pack_word, unpack_word

WALKS = 60


def arguments_of(lanes: int, dims: int, depth: int = QUEUE) -> dict[str, Any]:
    """The arguments of the block's definition."""
    unit = MatrixUnitParams(rows=lanes, cols=lanes)
    return {"p": AcceleratorParams(unit=unit), "dims": dims, "depth": depth}


class FetcherBench(Bench):
    """The block, a scratchpad that grants with probability 1 - `busy`, and golden."""

    def __init__(self, dut: Any, *, busy: float = 0.0, **stalls: float):
        super().__init__(dut, ["command"], ["o"], **stalls)
        given = arguments_of(**parameters())
        self.p, self.dims, self.depth = given["p"], given["dims"], given["depth"]
        self.fields = command_fields(self.dims, 16)
        shape = (self.p.words, self.p.lanes)
        self.scratch = np.random.default_rng(self.random.getrandbits(32)).integers(0, 256, shape, np.uint8)
        self.port = ReadPort(dut, "request", self.scratch, self.random_of("scratchpad"), "data")
        self.port.pause = busy

    async def start(self) -> None:
        await super().start()
        cocotb.start_soon(self.port.run())

    def send(self, count: int) -> None:
        walks = (random_walk(self.random, self.dims, 16, 40) for _ in range(count))
        self.sources["command"].send(pack_word(self.fields, walk) for walk in walks)

    def golden(self, command: int) -> list[tuple[int, int]]:
        """(word, ends) of each word of a command."""
        walk = unpack_word(self.fields, command)
        words, ends = fetch(self.p, self.scratch, walk["base"][0], walk["count"], walk["stride"])
        numbers = [int.from_bytes(word.tobytes(), "little") for word in words]
        return list(zip(numbers, ends.tolist(), strict=True))

    def check(self, accepted: list[int], delivered: list[int], *, cut: bool = False) -> None:
        """All of golden's words, or, `cut` by a reset, the first of them."""
        wanted = [(*word, command) for command in accepted for word in self.golden(command)]
        width = 8 * self.p.lanes
        found = [(word & (1 << width) - 1, word >> width) for word in delivered]
        golden = [word[:2] for word in wanted[: len(found) if cut else None]]
        compare(found, golden, lambda index, _: str(unpack_word(self.fields, wanted[index][2])))

    async def settle(self) -> None:
        """All that was sent, to its last word."""
        waiting = [*self.sources["command"].words, *self.monitors["command"].words]
        total = sum(len(self.golden(word)) for word in waiting)
        await self.moved("o", total, within=20 * total + 20 * WALKS)
        self.check(self.monitors["command"].words, self.monitors["o"].words)
        assert self.dut.idle.value == 1, "not idle after the last word"


@cocotb.test
@cocotb.parametrize(busy=[0.0, 0.5], stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def words_match_golden(dut: Any, busy: float, stall_in: float, stall_out: float) -> None:
    bench = FetcherBench(dut, busy=busy, stall_in=stall_in, stall_out=stall_out)
    bench.send(WALKS)
    counts = [unpack_word(bench.fields, word)["count"] for word in bench.sources["command"].words]
    await bench.start()
    await bench.settle()
    if busy == stall_in == stall_out == 0:
        took = bench.monitors["o"].moved[-1][0] - bench.monitors["command"].moved[0][0] + 1
        assert took == cycles(counts), f"took {took} cycles, golden {cycles(counts)}"
    assert (bench.sources["command"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    assert (bench.monitors["o"].waits > 0) == (stall_out > 0), "the waits asked for did not happen"


@cocotb.test
async def no_more_is_asked_for_than_there_is_room(dut: Any) -> None:
    bench = FetcherBench(dut, stall_out=1.0)
    walk = {"base": [5], "count": [50] + [1] * (bench.dims - 1), "stride": [1] * bench.dims}
    bench.sources["command"].send([pack_word(bench.fields, walk)])
    await bench.start()
    await bench.cycles(60)
    asked = len(bench.port.accepted)
    assert asked == bench.depth, f"{asked} words asked for, room for {bench.depth}"
    assert dut.idle.value == 0, "idle before the last word was asked for"
    bench.sinks["o"].stall = 0.0
    await bench.settle()


@cocotb.test
@cocotb.parametrize(words=[1, 2, 3, 4])
async def idle_once_the_words_are_in_the_queue(dut: Any, words: int) -> None:
    bench = FetcherBench(dut, stall_out=1.0)
    walk = {"base": [5], "count": [words] + [1] * (bench.dims - 1), "stride": [1] * bench.dims}
    bench.sources["command"].send([pack_word(bench.fields, walk)])
    await bench.start()
    idle = []
    for _ in range(words + 6):
        await ReadOnly()
        idle.append(int(dut.idle.value))
        await RisingEdge(dut.clk)
    # the command, its words asked for, the last one's latency
    assert idle == [1] + [0] * (words + READ_LATENCY) + [1] * (5 - READ_LATENCY), idle
    bench.sinks["o"].stall = 0.0
    await bench.settle()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    bench = FetcherBench(dut, stall_out=stall_out)
    bench.send(30)
    await bench.start()
    await bench.cycles(60)
    await bench.reset()
    accepted = [word for _, word in bench.monitors["command"].before_reset]
    delivered = [word for _, word in bench.monitors["o"].before_reset]
    bench.check(accepted, delivered, cut=True)
    assert sum(len(bench.golden(word)) for word in accepted) > len(delivered), "nothing was in flight"
    bench.sinks["o"].stall = 0.0
    await bench.settle()


case = partial(verilog_case, "accelerator/fetcher", arguments_of)
CASES = [
    case("4-4x4", lanes=4, dims=4),
    case("16-7x4", lanes=16, dims=7),
    case("16-1x8", lanes=16, dims=1, depth=8),
]
QUICK = {"icarus": ["16-1x8"], "verilator": ["4-4x4"]}
LONG = {"icarus": ["4-4x4"]}
EXTREME = [
    case("usual", lanes=16, dims=4),
    case("least", lanes=4, dims=1),
    case("deep", lanes=64, dims=7, depth=16),
]
MUTANTS = [Faults("4-4x4", 2), Faults("4-4x4", 3, slow=True)]
