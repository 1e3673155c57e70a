"""Bench of hw.accelerator.walk: random nests of loops, one behind the other."""

from functools import partial
from random import Random
from typing import Any

import cocotb

from golden.accelerator.walk import COUNT_BITS, addresses, cycles, ends
from sim.benches import Faults, parameters, verilog_case
from sim.benches.stream import Bench, Layout, compare, pack_word, unpack_word

WALKS = 60


def command_fields(dims: int, bits: int) -> Layout:
    """A command, from bit 0."""
    return [("base", bits, 1), ("count", COUNT_BITS, dims), ("stride", bits, dims)]


def random_walk(random: Random, dims: int, bits: int, longest: int) -> dict[str, list[int]]:
    """base, count, stride; at most `longest` addresses. Many counts are 1, strides of either sign or 0."""
    counts, size = [1] * dims, 1
    for i in random.sample(range(dims), dims):
        counts[i] = random.choice((1, 2, random.randint(1, max(1, longest // size))))
        if size * counts[i] > longest:
            counts[i] = 1
        size *= counts[i]
    small = (0, 1, -1, random.randint(-9, 9))
    strides = [random.choice((*small, random.getrandbits(bits))) for _ in range(dims)]
    return {"base": [random.getrandbits(bits)], "count": counts, "stride": strides}


class WalkBench(Bench):
    """The block and golden."""

    def __init__(self, dut: Any, **stalls: float):
        super().__init__(dut, ["command"], ["o"], **stalls)
        self.dims, self.bits = parameters()["dims"], parameters()["bits"]
        self.fields = command_fields(self.dims, self.bits)
        self.longest = 40

    def send(self, count: int) -> None:
        walks = (random_walk(self.random, self.dims, self.bits, self.longest) for _ in range(count))
        self.sources["command"].send(pack_word(self.fields, walk) for walk in walks)

    def golden(self, command: int) -> list[tuple[int, int]]:
        """(address, ends) of each word of a command."""
        walk = unpack_word(self.fields, command)
        found = addresses(walk["base"][0], walk["count"], walk["stride"], self.bits)
        return list(zip(found.tolist(), ends(walk["count"]).tolist(), strict=True))

    def counts(self) -> list[list[int]]:
        """The counts of each command sent, accepted or not."""
        port = self.monitors["command"]
        words = [*port.words, *self.sources["command"].words]
        return [unpack_word(self.fields, word)["count"] for word in words]

    def check(self, accepted: list[int], delivered: list[int], *, cut: bool = False) -> None:
        """All of golden's words, or, `cut` by a reset, the first of them."""
        wanted = [(*word, command) for command in accepted for word in self.golden(command)]
        found = [(word & (1 << self.bits) - 1, word >> self.bits) for word in delivered]
        golden = [word[:2] for word in wanted[: len(found) if cut else None]]
        compare(found, golden, lambda index, _: str(unpack_word(self.fields, wanted[index][2])))

    async def settle(self) -> None:
        """All that was sent, to its last word."""
        total = sum(len(self.golden(word)) for word in self.sources["command"].words)
        total += sum(len(self.golden(word)) for word in self.monitors["command"].words)
        await self.moved("o", total, within=12 * total + 20 * WALKS)
        self.check(self.monitors["command"].words, self.monitors["o"].words)


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5, 0.9], stall_out=[0.0, 0.5])
async def addresses_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = WalkBench(dut, stall_in=stall_in, stall_out=stall_out)
    bench.send(WALKS)
    counts = bench.counts()
    await bench.start()
    await bench.settle()
    if stall_in == stall_out == 0:
        took = bench.monitors["o"].moved[-1][0] - bench.monitors["command"].moved[0][0] + 1
        assert took == cycles(counts), f"took {took} cycles, golden {cycles(counts)}"
    assert (bench.sources["command"].stalls > 0) == (stall_in > 0), "the stalls asked for did not happen"
    assert (bench.monitors["o"].waits > 0) == (stall_out > 0), "the waits asked for did not happen"


@cocotb.test
async def long_loops_end(dut: Any) -> None:
    """Each loop in turn goes further than 8 bits count."""
    bench = WalkBench(dut)
    for loop in range(bench.dims):
        walk = random_walk(bench.random, bench.dims, bench.bits, 1)
        walk["count"][loop] = 515
        bench.sources["command"].send([pack_word(bench.fields, walk)])
    bench.send(2)
    await bench.start()
    await bench.settle()


@cocotb.test
async def the_longest_loop_ends(dut: Any) -> None:
    bench = WalkBench(dut)
    if bench.dims == 1:
        walk = {"base": [3], "count": [(1 << COUNT_BITS) - 1], "stride": [-3]}
        bench.sources["command"].send([pack_word(bench.fields, walk)])
        await bench.start()
        await bench.settle()


@cocotb.test
async def a_command_waits_for_the_last_address_of_the_one_before(dut: Any) -> None:
    bench = WalkBench(dut, stall_out=1.0)
    bench.send(3)
    await bench.start()
    await bench.moved("command", 1, within=50)
    bench.sinks["o"].stall = 0.0
    await bench.settle()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    bench = WalkBench(dut, stall_out=stall_out)
    bench.send(30)
    await bench.start()
    await bench.cycles(60)
    await bench.reset()
    command, o = bench.monitors["command"].before_reset, bench.monitors["o"].before_reset
    accepted = [word for _, word in command]
    bench.check(accepted, [word for _, word in o], cut=True)
    assert sum(len(bench.golden(word)) for word in accepted) > len(o), "nothing was in flight"
    bench.sinks["o"].stall = 0.0
    await bench.settle()


case = partial(verilog_case, "accelerator/walk", dict)
CASES = [case(f"{dims}x{bits}", dims=dims, bits=bits) for dims, bits in ((4, 16), (3, 32), (1, 16), (7, 16))]
QUICK = {"icarus": ["3x32"], "verilator": ["4x16"]}
EXTREME = [case("usual", dims=4), case("memory", dims=3, bits=32), case("one", dims=1, bits=16)]
MUTANTS = [Faults("3x32", 2), Faults("3x32", 3, slow=True)]
