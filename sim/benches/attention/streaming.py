"""Bench of hw.attention.streaming: jobs of any window and length; values, cycles, stalls, resets."""

from functools import partial
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from golden.attention import streaming as golden
from golden.attention.arithmetic import Arithmetic
from golden.attention.masks import LONGEST, UNLIMITED, Mask
from golden.attention.scores import Scaling
from golden.attention.streaming_job import SHORT, Attention
from golden.attention.streaming_words import flags
from golden.formats import FP16, Int, parse
from sim.benches import names, parameters, verilog_case
from sim.benches.stream import Bench, compare, unpack_word

ENGINE = ("interleave", "registers", "mantissa_bits", "places", "behind")
RESETS = 12
MOST_KEYS = 14
INFINITE = 0x7C00  # FP16's code


def params_of(**given: Any) -> golden.Params:
    """Parameters of a case: of the engine, and of its arithmetic, formats as text, score as its width."""
    engine = {name: given.pop(name) for name in ENGINE if name in given}
    formats: dict[str, Any] = {name: parse(given.pop(name)) for name in ("query", "key", "value")}
    if "score" in given:
        formats["score"] = Int(given.pop("score"))
    return golden.Params(arithmetic=Arithmetic(keys=LONGEST, **formats, **given), **engine)


class StreamingJob:
    """A random job: any number of rows and keys, windows that leave rows empty; some scores are clipped."""

    def __init__(self, p: golden.Params, rng: np.random.Generator):
        self.p = p
        queries = int(rng.integers(1, 3 * p.interleave + 2))
        most = 2 if rng.random() < 1 / 3 else MOST_KEYS  # few keys: rows come out as fast as they can
        keys = int(rng.integers(1, most + 1))
        self.shape = Attention(
            mask=Mask(
                queries=queries,
                keys=keys,
                left=int(rng.choice([UNLIMITED, 0, 1, 2, 5])),
                right=int(rng.choice([UNLIMITED, 0, 1, 3])),
                position=None if rng.random() < 1 / 2 else int(rng.integers(-4, keys + 4)),
                valid=None if rng.random() < 1 / 2 else int(rng.integers(0, keys + 1)),
            ),
            scaling=Scaling(multiplier=int(rng.integers(1 << 15, 1 << 16)), shift=self.shift(rng)),
            heads=int(rng.integers(1, 4)),
        )
        a = p.arithmetic
        counts = (self.shape.rows, keys, keys)
        formats = (a.query, a.key, a.value)
        self.operands = golden.Operands(
            *(elements(f, rng, (n, a.head_dim)) for f, n in zip(formats, counts, strict=True))
        )
        if a.floating and rng.random() < 1 / 4:  # values and results that are subnormal
            tiny = FP16.quantise(np.ldexp(self.operands.v, -int(rng.integers(14, 26))))
            self.operands = self.operands._replace(v=tiny)

    def shift(self, rng: np.random.Generator) -> int:
        """For scores of a few octaves, or of so many that they are clipped."""
        if self.p.arithmetic.floating:
            return int(rng.integers(18, 24))
        bits = self.p.arithmetic.query.width + self.p.arithmetic.key.width
        return bits - 2 + int(rng.integers(-3, 8))

    def words(self) -> dict[str, list[int]]:
        """Packed words of each input stream."""
        packed = golden.pack(self.p, self.shape, self.operands)
        return {name: [int.from_bytes(row, "little") for row in each] for name, each in packed.items()}

    def results(self) -> list[int]:
        """Packed words of `o`."""
        packed = golden.delivered(self.p, self.shape, self.operands)
        return [int.from_bytes(row, "little") for row in packed]

    def describe(self, row: int) -> str:
        mask = self.shape.mask
        return f"row {row} of {self.shape.shape}, left {mask.left}, right {mask.right}, position {mask.first}"


def elements(fmt: Any, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Of a format: normal ones, and often those at its ends."""
    if isinstance(fmt, Int):
        ends, found = np.array([fmt.min, fmt.max, 0]), rng.integers(fmt.min, fmt.max + 1, shape)
        return np.where(rng.random(shape) < 1 / 5, rng.choice(ends, shape), found)
    ends = np.array([FP16.max, -FP16.max, 2.0**-24, -(2.0**-24), 0.0, -0.0])
    found = FP16.quantise(np.ldexp(rng.standard_normal(shape), rng.integers(-6, 4, shape)))
    return np.where(rng.random(shape) < 1 / 12, rng.choice(ends, shape), found)


class StreamingBench(Bench):
    """The engine's streams, and jobs on them."""

    def __init__(self, dut: Any, **stalls: float):
        self.p = params_of(**parameters())
        super().__init__(dut, golden.inputs(self.p), ("o",))
        for name, end in (self.sources | self.sinks).items():
            end.stall = stalls.get(name, 0.0)
        self.rng = np.random.default_rng(self.random.getrandbits(32))

    def jobs(self, count: int) -> list[StreamingJob]:
        return [StreamingJob(self.p, self.rng) for _ in range(count)]

    async def begin(self, jobs: list[StreamingJob]) -> None:
        """One cycle of reset, in which the words of `jobs` replace what was offered."""
        resetting = cocotb.start_soon(self.reset())
        await RisingEdge(self.dut.clk)
        for source in self.sources.values():
            source.words.clear()
        for job in jobs:
            for name, packed in job.words().items():
                self.sources[name].send(packed)
        await resetting

    async def finish(self, jobs: list[StreamingJob]) -> int:
        """All of their output, and the right one; cycles from the first command to the last word."""
        most = sum(golden.cycles(self.p, job.shape) for job in jobs)
        await self.moved("o", sum(job.shape.rows for job in jobs), within=60 * most + 200)
        left = {name: len(source.words) for name, source in self.sources.items() if source.words}
        assert not left, f"words were left at the inputs: {left}"
        self.scoreboard(jobs)
        return self.monitors["o"].moved[-1][0] - self.monitors["command"].moved[0][0] + 1

    def scoreboard(self, jobs: list[StreamingJob]) -> None:
        """What was delivered since the last reset: all of the jobs' words, or the first of them."""
        wanted = [(word, job, row) for job in jobs for row, word in enumerate(job.results())]
        found = self.monitors["o"].words
        assert len(found) <= len(wanted), f"{len(found) - len(wanted)} words too many"
        golden_lanes = [self.lanes(word) for word, _, _ in wanted[: len(found)]]
        compare(
            [self.lanes(word) for word in found], golden_lanes,
            lambda index, _: wanted[index][1].describe(wanted[index][2]),
        )  # fmt: skip

    def lanes(self, word: int) -> list[int]:
        """Codes of a word of `o`: elements, then flags."""
        fields = unpack_word(golden.fields(self.p)["o"], word)
        return [*fields["elements"], *(fields[name][0] for name in flags(self.p))]


@cocotb.test
async def values_and_cycles_match_golden(dut: Any) -> None:
    bench = StreamingBench(dut)
    await bench.start()
    enough = bench.p.places >= SHORT and bench.p.behind is None
    for _ in range(12):
        (job,) = jobs = bench.jobs(1)
        await bench.begin(jobs)
        took, wanted = await bench.finish(jobs), golden.cycles(bench.p, job.shape)
        assert took == wanted if enough else took >= wanted, f"{job.describe(0)}: {took}, golden {wanted}"
    assert not any(source.stalls for source in bench.sources.values()), "a source stalled unasked"


@cocotb.test
@cocotb.parametrize(stalled=["command", "q", "k", "v", "o", "all"], stall=[0.1, 0.7])
async def stalls_change_no_value(dut: Any, stalled: str, stall: float) -> None:
    """Of jobs one behind the other."""
    bench = StreamingBench(dut)
    ends = list(bench.sources | bench.sinks) if stalled == "all" else [stalled]
    for name in ends:
        (bench.sources | bench.sinks)[name].stall = stall
    await bench.start()
    jobs = bench.jobs(8)
    await bench.begin(jobs)
    await bench.finish(jobs)
    stalls = [bench.sources[name].stalls for name in ends if name in bench.sources]
    stalls += [bench.monitors["o"].waits] if "o" in ends else []
    assert any(stalls) or stall < 0.5, f"the stalls asked for did not happen: {stalls}"


@cocotb.test
async def a_scale_is_that_of_its_job(dut: Any) -> None:
    """Short jobs whose groups are whole, behind a slow output: turns of the next stand behind the last."""
    bench = StreamingBench(dut, o=0.8)
    await bench.start()
    jobs = [job for job in bench.jobs(300) if job.shape.rows % bench.p.interleave == 0]
    short = [job for job in jobs if 2 <= job.shape.mask.keys <= 4][:20]
    await bench.begin(short)
    await bench.finish(short)


@cocotb.test
async def flags_are_those_of_all_keys_of_a_row(dut: Any) -> None:
    """Keys that come late: between two of a row nothing stands in the FIFOs."""
    bench = StreamingBench(dut, k=0.85)
    await bench.start()
    jobs = [job for job in bench.jobs(200) if job.shape.mask.keys >= 3 and job.shape.rows <= 12][:24]
    await bench.begin(jobs)
    await bench.finish(jobs)


@cocotb.test
async def a_reset_leaves_nothing_behind(dut: Any) -> None:
    """In whatever cycle it comes; what was delivered before it was right, too."""
    bench = StreamingBench(dut, o=0.3, k=0.2)
    await bench.start()
    for _ in range(RESETS):
        jobs = bench.jobs(3)
        await bench.begin(jobs)
        most = sum(golden.cycles(bench.p, job.shape) for job in jobs)
        await bench.cycles(bench.random.randrange(2, most))
        bench.scoreboard(jobs)
    jobs = bench.jobs(2)
    await bench.begin(jobs)
    await bench.finish(jobs)


@cocotb.test
async def what_is_no_number_raises_invalid_in_the_rows_that_it_counts_in(dut: Any) -> None:
    """Of FP16: golden refuses it; the engine says so."""
    bench = StreamingBench(dut)
    a = bench.p.arithmetic
    await bench.start()
    for stream in ("q", "k", "v") if a.floating else ():
        rows, keys = 3, 4
        mask = Mask(queries=rows, keys=keys, position=0, right=0)
        job = StreamingJob(bench.p, bench.rng)
        job.shape = Attention(mask=mask, scaling=Scaling(multiplier=1, shift=20))
        job.operands = golden.Operands(*(np.ones((n, a.head_dim)) for n in (rows, keys, keys)))
        await bench.begin([])
        for name, packed in job.words().items():
            if name == stream:
                packed = [
                    word & ~0xFFFF | INFINITE if index == 1 else word for index, word in enumerate(packed)
                ]
            bench.sources[name].send(packed)
        await bench.moved("o", rows, within=500)
        layout = golden.fields(bench.p)["o"]
        found = [unpack_word(layout, word)["invalid"][0] for word in bench.monitors["o"].words]
        second = [0, 1, 0] if stream == "q" or bench.p.interleave == 1 else [0, 1, 1]
        assert found == second, f"{stream}: invalid is {found}, not {second}"


case = partial(verilog_case, "attention/streaming", params_of)
INT8 = {"query": "int8", "key": "int8", "value": "int8"}
FP16_THROUGHOUT = {"query": "fp16", "key": "fp16", "value": "fp16", "score": 20, "fraction": 12, "degree": 2}
# sums as wide as results: a fault in their rounding shows
NARROW = {"mantissa_bits": 11, "weight_bits": 11}
CASES = [
    case("int8-c2-r2", head_dim=2, interleave=2, registers=2, **INT8),
    case("int8-c1-r3", head_dim=1, interleave=1, registers=3, **INT8),
    case("int8-c3-r1", head_dim=3, interleave=3, registers=1, **INT8),
    case("int4-c4-r5-one-place", head_dim=2, interleave=4, registers=5, places=1, behind=1,
         query="int4", key="int4", value="int8"),
    case("fp16-c4-r4-m11", head_dim=2, interleave=4, registers=4, **FP16_THROUGHOUT, **NARROW),
]  # fmt: skip
QUICK = {"verilator": names(CASES)}
EXTREME = [
    case("int8-16", head_dim=16, **INT8),
    case("fp16-4", head_dim=4, weight_bits=23, **FP16_THROUGHOUT),
]
MUTANTS = ()  # tests/attention/test_streaming_rtl.py: control and datapath apart
