"""Bench of hw.tile.tile: four streams in, `o` out; values, cycles, stalls and resets, with any PE."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from golden.division import ceil_div
from golden.formats import FP16, Float, Int
from golden.pe import tiled
from golden.pe.weights import PeWeights
from golden.tile import cycles as tile_cycles
from golden.tile import words
from golden.tile.params import TileParams
from golden.tile.sums import grouped_product
from sim.benches import Case, names, parameters
from sim.benches.pe.vectors import params_of as pe_params_of
from sim.benches.stream import Bench

RESETS = 20


def params_of(given: dict[str, Any]) -> TileParams:
    """TileParams of a case's parameters."""
    return TileParams(rows=given["rows"], cols=given["cols"], pe=pe_params_of(given["kind"], given["params"]))


class TileJob:
    """A random product of `shape` [M, N], K of `groups` groups; corners of codes and scales among it."""

    def __init__(
        self, p: TileParams, rng: np.random.Generator, groups: int, shape: tuple[int, int] | None = None
    ):
        self.p, self.groups = p, groups
        some = (int(rng.integers(1, 2 * most + 1)) for most in (p.rows, p.cols))
        self.m, self.n = shape or some
        k = groups * p.group
        self.activations = values(p.pe.activation, rng, (self.m, k), symmetric=tiled.lanes(p.pe) > 1)
        codes = values(p.pe.weight, rng, (k, self.n))
        self.extremes(rng, codes)
        width, selectors, zeros = tiled.scale_bits(p.pe), tiled.selector_bits(p.pe), tiled.zero_bits(p.pe)
        each = (groups, self.n)
        self.weights = PeWeights(
            codes=codes,
            scales=rng.integers(1, 1 << width, each).astype(float) if width < 16 else scales(rng, each),
            zeros=rng.integers(-1 << zeros - 1, 1 << zeros - 1, each) if zeros else None,
            selectors=rng.integers(0, 1 << selectors, each) if selectors else None,
        )
        self.blocks = ceil_div(self.m, p.rows) * ceil_div(self.n, p.cols)
        if groups > 1 and rng.random() < 1 / 2:
            self.oppose(rng)

    def extremes(self, rng: np.random.Generator, codes: np.ndarray) -> None:
        """Small sums, where one pair of a group counts, and with integers the largest, all of them alike."""
        group, fmt = self.p.group, self.p.pe.activation
        few, full = (rng.random((self.m, self.groups)) < chance for chance in (1 / 4, 1 / 8))
        first = np.arange(len(codes)) % group == 0
        self.activations[np.repeat(few, group, 1)] = 0
        self.activations += np.repeat(few, group, 1) & first
        if isinstance(fmt, Int):
            self.activations[np.repeat(full, group, 1)] = fmt.max
            codes[np.repeat(rng.random((self.groups, self.n)) < 1 / 8, group, 0)] = self.p.pe.weight.max

    def oppose(self, rng: np.random.Generator) -> None:
        """The last group takes away what the first gave, all but one code of each sum; between the two stands
        one of up to 2^-24 of them: so many digits of the totals cancel."""
        w, group, fmt = self.weights, self.p.group, self.p.pe.activation
        if tiled.scale_bits(self.p.pe) == 16:
            w.scales[0] = FP16.quantise(np.ldexp(1 + rng.random(self.n), rng.integers(0, 14, self.n)))
            w.scales[1] = FP16.quantise(w.scales[0] * 2.0 ** -rng.integers(0, 25, self.n))
        opposite = -self.activations[:, :group]
        self.activations[:, -group:] = (
            np.clip(opposite, fmt.min, fmt.max) if isinstance(fmt, Int) else opposite
        )
        same = group - (self.groups == 2)  # of two groups nothing stands between
        w.codes[-group:][:same] = w.codes[:same]
        for each in (w.scales, w.zeros, w.selectors):
            if each is not None:
                each[-1] = each[0]

    def golden(self) -> np.ndarray:
        """float64 [M, N]."""
        return grouped_product(self.p, self.activations, self.weights)

    def words(self) -> dict[str, list[int]]:
        """Packed words of each input stream."""
        packed = words.pack_streams(self.p, self.activations, self.weights)
        return {name: [int.from_bytes(row, "little") for row in each] for name, each in packed.items()}


def values(
    fmt: Any, rng: np.random.Generator, shape: tuple[int, ...], *, symmetric: bool = False
) -> np.ndarray:
    """Of a format, corners often; symmetric: not the most negative integer, which a table has no room for."""
    if isinstance(fmt, Float):
        spread = np.ldexp(rng.normal(size=shape), rng.integers(-12, 6, shape))
        return np.where(rng.random(shape) < 1 / 8, 0.0, fmt.quantise(spread))
    least = fmt.min + (symmetric and isinstance(fmt, Int) and fmt.signed)
    corners = np.array([least, fmt.max, 0])
    found = rng.integers(least, fmt.max + 1, shape)
    return np.where(rng.random(shape) < 1 / 4, rng.choice(corners, shape), found)


def scales(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of fp16: some zero, some subnormal, the largest too."""
    corners = np.array([0.0, FP16.max, 2.0**-24, 1.0, -1.5])
    found = FP16.quantise(np.ldexp(rng.normal(size=shape), rng.integers(-14, 4, shape)))
    found = np.where(rng.random(shape) < 1 / 8, rng.integers(1, 64, shape) * 2.0**-24, found)
    return np.where(rng.random(shape) < 1 / 4, rng.choice(corners, shape), found)


class TileBench(Bench):
    """The tile's streams, and jobs on them."""

    def __init__(self, dut: Any, **stalls: float):
        self.p = params_of(parameters())
        super().__init__(dut, words.INPUTS, ("o",))
        for name, end in (self.sources | self.sinks).items():
            end.stall = stalls.get(name, 0.0)
        self.rng = np.random.default_rng(self.random.getrandbits(32))

    def jobs(self, count: int) -> list[TileJob]:
        return [TileJob(self.p, self.rng, int(self.rng.integers(1, 4))) for _ in range(count)]

    async def begin(self, jobs: list[TileJob]) -> None:
        """One cycle of reset, in which the words of `jobs` replace what was offered."""
        resetting = cocotb.start_soon(self.reset())
        await RisingEdge(self.dut.clk)
        for source in self.sources.values():
            source.words.clear()
        for job in jobs:
            for name, packed in job.words().items():
                self.sources[name].send(packed)
        await resetting

    async def finish(self, jobs: list[TileJob]) -> int:
        """All of their output, and the right one; cycles from the first command to the last word."""
        groups = sum(job.blocks * job.groups for job in jobs)
        most = 40 * tile_cycles.cycles(self.p, groups) + 200
        await self.moved("o", sum(job.blocks for job in jobs) * self.p.rows, within=most)
        left = {name: len(source.words) for name, source in self.sources.items() if source.words}
        assert not left, f"words were left at the inputs: {left}"
        self.scoreboard(jobs)
        return self.monitors["o"].moved[-1][0] - self.monitors["command"].moved[0][0] + 1

    def scoreboard(self, jobs: list[TileJob]) -> None:
        """What was delivered since the last reset."""
        delivered = self.monitors["o"].words
        for job in jobs:
            mine, delivered = delivered[: job.blocks * self.p.rows], delivered[job.blocks * self.p.rows :]
            self.compare(job, mine)
        assert not delivered, f"{len(delivered)} words too many"

    def compare(self, job: TileJob, found: list[int]) -> None:
        """The words of a job's results, as many as there are, against golden."""
        packed = np.zeros((job.blocks * self.p.rows, 4 * self.p.cols), np.uint8)
        for row, word in zip(packed, found, strict=False):
            row[:] = np.frombuffer(word.to_bytes(len(row), "little"), np.uint8)
        got = words.unpack_outputs(self.p, packed, job.m, job.n)
        packed[:], packed[: len(found)] = 0, 1
        there = words.unpack_outputs(self.p, packed, job.m, job.n) != 0
        golden = job.golden()
        wrong = (got != golden) & ~(np.isnan(got) & np.isnan(golden))
        for place in map(tuple, np.argwhere(wrong & there)[:1]):
            shape = f"{job.m}x{job.groups * self.p.group}x{job.n}"
            raise AssertionError(f"{shape}: {place} is {got[place]}, golden {golden[place]}")


@cocotb.test
async def values_and_cycles_match_golden(dut: Any) -> None:
    bench = TileBench(dut)
    await bench.start()
    for _ in range(3):
        jobs = bench.jobs(3)
        await bench.begin(jobs)
        took = await bench.finish(jobs)
        golden = tile_cycles.cycles(bench.p, sum(job.blocks * job.groups for job in jobs))
        assert took == golden, f"took {took} cycles, golden {golden}"
    assert not any(source.stalls for source in bench.sources.values()), "a source stalled unasked"


@cocotb.test
@cocotb.parametrize(stalled=["command", "left", "top", "scale", "o", "all"], stall=[0.1, 0.7])
async def stalls_change_no_value(dut: Any, stalled: str, stall: float) -> None:
    names = (*words.INPUTS, "o") if stalled == "all" else (stalled,)
    bench = TileBench(dut, **dict.fromkeys(names, stall))
    await bench.start()
    jobs = bench.jobs(3)
    await bench.begin(jobs)
    await bench.finish(jobs)
    ends = [bench.sources[name].stalls for name in names if name in words.INPUTS]
    ends += [bench.monitors["o"].waits] if "o" in names else []
    assert all(ends) or stall < 0.5, f"the stalls asked for did not happen: {ends}"


@cocotb.test
async def a_reset_leaves_nothing_behind(dut: Any) -> None:
    """In whatever cycle it comes; what was delivered before it was right, too."""
    bench = TileBench(dut, o=0.5, left=0.2)
    await bench.start()
    for _ in range(RESETS):
        jobs = bench.jobs(2)
        await bench.begin(jobs)
        await bench.cycles(bench.random.randrange(2, tile_cycles.cycles(bench.p, 3)))
        bench.scoreboard(jobs)
    jobs = bench.jobs(2)
    await bench.begin(jobs)
    await bench.finish(jobs)


def case(name: str, rows: int, cols: int, kind: str, **params: Any) -> Case:
    """The tile with a PE of these parameters; formats as text."""
    given = {"rows": rows, "cols": cols, "kind": kind, "params": params}

    def build() -> tuple[str, str]:
        from hw.emit import verilog  # the simulator's process, which imports this module, needs no Amaranth
        from hw.tile.tile import definition

        block = definition(params_of(given))
        return verilog(block), block.name

    return Case(name, build, given)


CASES = [
    case("multiplier", 3, 4, "multiplier", group=8),
    case("mixpe-registers", 4, 3, "mixpe", weight="uint4", group=4, registers=2),
    case("lut2-int8", 2, 8, "lut", weight="uint2", group=16),
    case("lut1-int8-short", 6, 2, "lut", weight="uint1", group=4),
    case("lut4-full", 2, 4, "lut", weight="uint4", group=8, table="full"),
    case("lut3-online", 1, 1, "lut", weight="uint3", group=12, remap="online", registers=0),
    case("lut2-fp16", 2, 3, "lut", weight="uint2", activation="fp16", group=8),
    case("bitmod-fp4", 3, 2, "bitmod", weight="bitmod_fp4", group=8),
    case("bitmod-int6", 2, 2, "bitmod", weight="int6", group=24),
]
QUICK = {"verilator": names(CASES)}
LONG = {"icarus": names(CASES)}
EXTREME = [case("2x2", 2, 2, "multiplier")]
MUTANTS = ()  # tests/tile/test_tile_rtl.py, some of which are none
