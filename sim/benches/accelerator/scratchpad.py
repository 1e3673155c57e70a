"""Bench of hw.accelerator.scratchpad: all its clients at once, at random, against golden."""

from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from golden.accelerator.params import AcceleratorParams
from golden.accelerator.scratchpad import READ_LATENCY, banks, granted, readers, writers
from golden.systolic.params import MatrixUnitParams
from sim.benches import Faults, parameters, seed, verilog_case
from sim.benches.accelerator import extremes
from sim.benches.stream import high, settled

CYCLES = 1000
READERS, WRITERS = tuple(readers(AcceleratorParams())), tuple(writers(AcceleratorParams()))


def params_of(lanes: int, n: int, bank_words: int) -> AcceleratorParams:
    """The parameters of a case."""
    return AcceleratorParams(unit=MatrixUnitParams(rows=lanes, cols=lanes), banks=n, bank_words=bank_words)


class ScratchpadBench:
    """Clients that keep a request until it is accepted, a list of words, and what each reader is to see.

    rate  probability that a client without a request makes one
    near  probability that it wants one of a few words that all want
    """

    def __init__(self, dut: Any, rate: float, near: float):
        self.dut, self.rate, self.near = dut, rate, near
        self.p = params_of(**parameters())
        self.random = Random(f"{seed()} {rate} {near}")
        self.width = 8 * self.p.lanes
        self.words = [self.random.getrandbits(self.width) for _ in range(self.p.words)]
        self.wanted: dict[str, int] = {}  # address by client
        self.given: dict[str, int] = {}  # word by writer
        self.due: list[dict[str, int]] = [{} for _ in range(READ_LATENCY)]
        self.accepted = dict.fromkeys((*READERS, *WRITERS), 0)
        self.waited = dict.fromkeys((*READERS, *WRITERS), 0)

    async def start(self) -> None:
        """Clock, one cycle of reset, and every word written by each writer in turn."""
        Clock(self.dut.clk, 10, unit="ns").start()
        for name in (*READERS, *WRITERS):
            getattr(self.dut, f"{name}_valid").value = 0
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        for address, word in enumerate(self.words):
            self.wanted, self.given = {"load" if address % 2 else "vector": address}, {}
            self.given = dict.fromkeys(self.wanted, word)
            await self.step()
        self.wanted = {}

    def want(self) -> None:
        """New requests. An address may go beyond the memory's words; then it wraps."""
        for name in (*READERS, *WRITERS):
            if name not in self.wanted and self.random.random() < self.rate:
                close = self.random.random() < self.near
                self.wanted[name] = self.random.randrange(4) if close else self.random.getrandbits(16)
                if name in WRITERS:
                    self.given[name] = self.random.getrandbits(self.width)

    async def step(self) -> None:
        """One cycle: offer, compare, and follow."""
        dut = self.dut
        for name in (*READERS, *WRITERS):
            asks = name in self.wanted
            getattr(dut, f"{name}_valid").value = int(asks)
            getattr(dut, f"{name}_address").value = self.wanted.get(name, self.random.getrandbits(16))
            if name in WRITERS:
                getattr(dut, f"{name}_data").value = self.given.get(name, 0)
        await ReadOnly()
        for name, word in self.due.pop(0).items():
            data = settled(getattr(dut, f"{name}_data"))
            assert data == word, f"{name} reads {data:#x}, golden {word:#x}"
        new = {}
        for order in (READERS, WRITERS):
            wanted = {name: self.wanted[name] for name in order if name in self.wanted}
            golden = granted(self.p, order, wanted)
            found = {name for name in wanted if high(getattr(dut, f"{name}_ready"))}
            assert found == golden, f"of {wanted}, accepted {sorted(found)}, golden {sorted(golden)}"
            for name in wanted:
                (self.accepted if name in golden else self.waited)[name] += 1
            if order is READERS:
                new = {name: self.words[wanted[name] % self.p.words] for name in golden}
            else:
                for name in golden:
                    self.words[wanted[name] % self.p.words] = self.given.pop(name)
            for name in golden:
                del self.wanted[name]
        self.due.append(new)
        await RisingEdge(dut.clk)


@cocotb.test
@cocotb.parametrize(rate=[0.1, 0.6, 1.0], near=[0.0, 0.5])
async def words_and_grants_match_golden(dut: Any, rate: float, near: float) -> None:
    bench = ScratchpadBench(dut, rate, near)
    await bench.start()
    for _ in range(CYCLES):
        bench.want()
        await bench.step()
    last = WRITERS[-1]
    assert bench.waited[last] and bench.waited["index"], "nobody had to wait"
    assert not bench.waited[READERS[0]] and not bench.waited[WRITERS[0]], "the first had to wait"
    if rate < 0.5:  # else those of the first crowd out the last
        assert min(bench.accepted.values()) > 5, "a client was never accepted"


@cocotb.test
async def other_banks_never_wait(dut: Any) -> None:
    """Every client has a bank of its own, as far as there are banks, and is accepted in each cycle."""
    bench = ScratchpadBench(dut, 1.0, 0.0)
    p = bench.p
    await bench.start()
    for _ in range(300):
        for order in (READERS, WRITERS):
            for bank, name in enumerate(order[: p.banks]):
                bench.wanted[name] = bank * p.bank_words + bench.random.randrange(p.bank_words)
                if name in WRITERS:
                    bench.given[name] = bench.random.getrandbits(bench.width)
                assert banks(p, np.array(bench.wanted[name])) == bank
        await bench.step()
        assert not bench.wanted, f"{sorted(bench.wanted)} had to wait"


@cocotb.test
async def a_reset_changes_no_word(dut: Any) -> None:
    bench = ScratchpadBench(dut, 0.7, 0.2)
    await bench.start()
    for _ in range(3):
        for _ in range(100):
            bench.want()
            await bench.step()
        bench.wanted, bench.given = {}, {}
        dut.rst.value = 1
        await bench.step()
        dut.rst.value = 0
        bench.due = [{} for _ in range(READ_LATENCY)]


case = partial(verilog_case, "accelerator/scratchpad", params_of)
CASES = [
    case(f"{n}x{bank_words}x{lanes}", lanes=lanes, n=n, bank_words=bank_words)
    for n, bank_words, lanes in ((4, 64, 4), (8, 64, 16), (16, 64, 4), (2, 128, 8))
]
QUICK = {"icarus": ["2x128x8"], "verilator": ["4x64x4"]}
LONG = {"icarus": ["4x64x4"]}
EXTREME = [replace(each, slow=each.name != "least") for each in extremes("accelerator/scratchpad")]
MUTANTS = [Faults("4x64x4", 2), Faults("4x64x4", 3, slow=True)]
