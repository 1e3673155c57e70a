"""Bench of hw.systolic.matrix_unit: five streams in, `o` out; values, cycles, stalls and resets."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from golden.formats import parse
from golden.formats.rounding import Rounding
from golden.systolic.cycles import REQUANTISER, cycles, cycles_of, longest_stream, rows_needed
from golden.systolic.params import MatrixUnitParams
from golden.systolic.words import inputs
from sim.benches import Case, parameters
from sim.benches.pe.vectors import params_of as pe_of
from sim.benches.stream import Bench, compare
from sim.benches.systolic.coverage import STREAMS, Coverage
from sim.benches.systolic.jobs import (
    RESULTS,
    ProductJob,
    directed,
    extreme,
    long_job,
    random_job,
    short_job,
    tiles_of,
)
from sim.benches.systolic.replay import lanes, replay

STANDSTILL = 40  # cycles without a transfer on any stream: more than the way through the unit takes
STALLED_RUNS = 30  # of three products: by then every stream has stalled at 0.1
COVERAGE: list[Coverage] = []  # of this simulation


def params_of(given: dict[str, Any]) -> MatrixUnitParams:
    """MatrixUnitParams of a case's parameters."""
    out: Any = parse(given["out"])
    names = ("rows", "cols", "dataflow", "accumulator_rows", "rows_in_word", "max_shift", "scaled")
    return MatrixUnitParams(
        **{name: given[name] for name in names},
        pe=pe_of(given["kind"], given["pe"]),
        accumulator_registers=given["accumulator_registers"],
        multiplier_bits=given["multiplier_bits"],
        requantise_registers=given["requantise_registers"],
        rounding=Rounding(given["rounding"]),
        out=out,
    )


class MatrixUnitBench(Bench):
    """The unit's streams, jobs on them, and golden. stalls: probability by stream, 0 where not given."""

    def __init__(self, dut: Any, **stalls: float):
        given = parameters()
        self.p, self.roomy = params_of(given), given["roomy"]
        self.inputs = inputs(self.p)
        super().__init__(dut, self.inputs, ("o",))
        self.stall(**stalls)
        self.coverage = COVERAGE[0] if COVERAGE else Coverage(self.p.dataflow)
        COVERAGE[:] = [self.coverage]

    def stall(self, **stalls: float) -> None:
        """Probabilities from here on."""
        for name, end in (self.sources | self.sinks).items():
            end.stall = stalls.get(name, 0.0)

    async def begin(self, jobs: list[ProductJob]) -> None:
        """One cycle of reset, in which the words of `jobs` replace what was offered."""
        resetting = cocotb.start_soon(self.reset())
        await RisingEdge(self.dut.clk)
        each = [job.words() for job in jobs]
        for name, source in self.sources.items():
            source.words.clear()
            for words in each:
                source.send(words[name])
        await resetting

    async def finish(self, jobs: list[ProductJob]) -> None:
        """All of their output, and the right one; nothing is left over."""
        allowed = 40 * sum(cycles(job.schedule) for job in jobs) + 200
        await self.moved("o", sum(job.outputs for job in jobs), within=allowed)
        self.scoreboard(jobs)
        left = {name: len(source.words) for name, source in self.sources.items() if source.words}
        assert not left, f"words were left at the inputs: {left}"

    async def run(self, jobs: list[ProductJob]) -> int:
        """Reset, all of `jobs`, scoreboard; cycles from the first word accepted to the last delivered."""
        await self.begin(jobs)
        await self.finish(jobs)
        first = min(self.monitors[name].moved[0][0] for name in self.inputs if self.monitors[name].moved)
        return self.monitors["o"].moved[-1][0] - first + 1

    async def until_moved(self, name: str, count: int, *, within: int = 2000) -> None:
        """Wait for the first `count` words of a stream."""
        for _ in range(within):
            if len(self.monitors[name].moved) >= count:
                return
            await RisingEdge(self.dut.clk)
        raise AssertionError(f"{name}: fewer than {count} words in {within} cycles")

    def transfers(self) -> int:
        """Transfers of all streams since the last reset."""
        return sum(len(monitor.moved) for monitor in self.monitors.values())

    def scoreboard(self, jobs: list[ProductJob]) -> None:
        """Golden on the words that the unit accepted, and the products that the jobs are."""
        delivered = self.monitors["o"].words
        names = [f"its word {index}, {job}" for job in jobs for index in range(job.outputs)]
        golden = replay(self.p, {name: self.monitors[name].words for name in self.inputs})
        compare(lanes(self.p, delivered), golden, lambda index, lane: names[index])
        for job in jobs:
            mine, delivered = delivered[: job.outputs], delivered[job.outputs :]
            found, wanted = job.product(mine), job.golden()
            codes = [self.p.pe.accumulator.encode(values) for values in (found, wanted)]  # NaN is NaN
            wrong = np.argwhere(codes[0] != codes[1])
            for place in map(tuple, wrong[:1]):
                raise AssertionError(f"{job}: {place} is {found[place]}, golden {wanted[place]}")
            self.coverage.job(job)

    def check_cycles(self, jobs: list[ProductJob], took: int) -> None:
        """Golden's count, exactly; no less where tiles may have to wait for accumulator rows."""
        golden = cycles_of(self.p, np.concatenate([job.schedule.counts() for job in jobs]))
        right = took == golden if self.roomy else took >= golden
        assert right, f"{jobs[0]}: took {took} cycles, golden {golden}"
        self.coverage.hit("unstalled, accumulator rows", "free at once" if took == golden else "waited for")
        if took == golden:
            self.coverage.follow(jobs)


@cocotb.test
async def values_and_cycles_match_golden(dut: Any) -> None:
    bench = MatrixUnitBench(dut)
    await bench.start()
    jobs = [*directed(bench.random, bench.p), *(random_job(bench.random, bench.p) for _ in range(4))]
    for group in [[job] for job in jobs] + [jobs]:
        bench.check_cycles(group, await bench.run(group))
    assert not any(source.stalls for source in bench.sources.values()), "a source stalled unasked"
    assert bench.monitors["o"].waits == 0, "o waited unasked"


@cocotb.test
async def the_longest_stream_is_the_longest_that_never_waits(dut: Any) -> None:
    bench = MatrixUnitBench(dut)
    if not bench.roomy or bench.p.dataflow == "output":  # of which every case has just the rows that it needs
        return
    await bench.start()
    longest = longest_stream(bench.p)
    for stream in (longest, longest + 1):
        job = tiles_of(bench.random, bench.p, stream)
        took, golden = await bench.run([job]), cycles(job.schedule)
        assert (took > golden) == (stream > longest), f"{job}: took {took} cycles, golden {golden}"


@cocotb.test
async def sums_reach_the_bound_of_the_accumulator(dut: Any) -> None:
    bench = MatrixUnitBench(dut)
    await bench.start()
    for values in ("least", "largest", "alternating"):
        await bench.run([extreme(bench.random, bench.p, values)])


@cocotb.test
@cocotb.parametrize(stream=[*STREAMS, "everything"], probability=[0.1, 0.5])
async def stalls_change_no_value(dut: Any, stream: str, probability: float) -> None:
    streams: tuple[str, ...] = STREAMS if stream == "everything" else (stream,)
    bench = MatrixUnitBench(dut, **dict.fromkeys(streams, probability))
    streams = tuple(name for name in streams if name in bench.monitors)
    if not streams:
        return
    await bench.start()
    happened: set[str] = set()
    for _ in range(STALLED_RUNS):  # at 0.1 a stream of few words may get through a run without one
        jobs = [random_job(bench.random, bench.p, result) for result in ("codes", "sums", "codes with relu")]
        took = await bench.run(jobs)
        counts = np.concatenate([job.schedule.counts() for job in jobs])
        assert took >= cycles_of(bench.p, counts), "too quick"
        happened |= {name for name, source in bench.sources.items() if source.stalls}
        happened |= {"o"} if bench.monitors["o"].waits else set()
        if happened >= set(streams):
            break
    assert happened == set(streams), f"stalled: {sorted(happened)}, asked for {sorted(streams)}"
    if probability == 0.5:
        bench.coverage.hit("stalled", stream)


@cocotb.test
async def a_blocked_output_stops_the_inputs_and_loses_nothing(dut: Any) -> None:
    bench = MatrixUnitBench(dut, o=1.0)
    await bench.start()
    job = long_job(bench.random, bench.p)
    await bench.begin([job])
    before = -1
    for _ in range(40 * bench.p.accumulator_rows):
        if bench.transfers() == before:
            break
        before = bench.transfers()
        await bench.cycles(STANDSTILL)
    assert bench.transfers() == before, "inputs are taken for ever, though nothing leaves"
    assert not bench.monitors["o"].moved, "a word moved though o was never ready"
    assert bench.sources["command"].words and bench.sources["left"].words, "the inputs were not stopped"
    vectors, p = len(bench.monitors["left"].moved), bench.p
    rows = vectors // job.schedule.gemm.k * p.rows if p.dataflow == "output" else vectors
    # behind the accumulator memory; each holds a row
    stages = 1 + p.accumulator_registers + p.scaled * (REQUANTISER + p.requantise_registers)
    assert rows <= p.accumulator_rows + stages, f"{rows} rows went in, more than the unit holds"
    bench.stall()
    await bench.finish([job])
    bench.coverage.hit("o blocked", "until all stands still")


@cocotb.test
async def tiles_behind_a_slow_output_keep_their_own_parameters(dut: Any) -> None:
    bench = MatrixUnitBench(dut, o=0.8)
    await bench.start()
    await bench.run([short_job(bench.random, bench.p, RESULTS[index % 3]) for index in range(12)])


@cocotb.test
@cocotb.parametrize(phase=["loading", "streaming", "draining"])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, phase: str) -> None:
    bench = MatrixUnitBench(dut)
    await bench.start()
    monitors, seen = bench.monitors, dict.fromkeys(bench.monitors, 0)
    watched = {"loading": "top", "streaming": "left", "draining": "o"}[phase]
    for after in (1, 2, bench.p.rows, bench.p.rows + 1):
        fresh = [random_job(bench.random, bench.p, "codes with relu")]
        bench.stall(**bench.random.choice([{}, {"o": 0.5}, {"left": 0.5, "top": 0.3}]))
        await bench.begin([long_job(bench.random, bench.p)])
        await bench.until_moved(watched, after)
        if after == bench.p.rows:
            bench.stall(o=1.0)  # what is on its way piles up before the reset comes
            await bench.cycles(bench.random.randrange(2 * bench.p.rows + 10))
        await bench.begin(fresh)
        accepted, delivered = {}, []
        for name in monitors:
            old = [word for _, word in monitors[name].before_reset]
            accepted[name], seen[name] = old[seen[name] :], len(old)
        delivered = accepted.pop("o")
        golden = replay(bench.p, accepted)
        compare(lanes(bench.p, delivered), golden[: len(delivered)], lambda index, lane: "before the reset")
        bench.stall()
        await bench.finish(fresh)
        for name in monitors:
            seen[name] = len(monitors[name].before_reset)
    bench.coverage.hit("reset while", phase)


def case(
    name: str,
    dataflow: str,
    rows: int,
    cols: int,
    weight: str,
    activation: str,
    *,
    kind: str = "multiplier",
    registers: int = 0,
    pe: dict[str, Any] | None = None,
    accumulator_registers: int = 0,
    requantise_registers: int = 0,
    group: int = 24,
    accumulator_rows: int | None = None,
    rows_in_word: int = 1,
    multiplier_bits: int = 12,
    rounding: str = "half_up",
    out: str = "int8",
    scaled: bool = True,
    roomy: bool = True,
) -> Case:
    """The unit of these parameters.

    kind, pe          the PE's, and what it has beside formats, registers and group; a weight of "" is a word
    accumulator_rows  if not given, enough for the bench's jobs; output-stationary, just enough for any
    roomy             no tile ever waits for accumulator rows, so cycles are golden's
    """
    formats = {"weight": weight, "activation": activation} if weight else {"activation": activation}
    given = {
        "dataflow": dataflow, "rows": rows, "cols": cols, "kind": kind,
        "pe": formats | {"registers": registers, "group": group} | (pe or {}),
        "accumulator_registers": accumulator_registers, "accumulator_rows": accumulator_rows,
        "requantise_registers": requantise_registers, "multiplier_bits": multiplier_bits, "max_shift": 47,
        "rows_in_word": rows_in_word, "rounding": rounding, "out": out, "scaled": scaled, "roomy": roomy,
    }  # fmt: skip
    if accumulator_rows is None:
        given["accumulator_rows"] = 96
    if accumulator_rows is None and dataflow == "output":
        given["accumulator_rows"] = rows_needed(params_of(given), rows)  # no count needs more

    def build() -> tuple[str, str]:
        from hw.emit import verilog  # the simulator's process, which imports this module, needs no Amaranth
        from hw.systolic.matrix_unit import definition

        unit = definition(params_of(given))
        return verilog(unit), unit.name

    return Case(f"{dataflow}-{name}", build, given)


EVEN, AWAY = Rounding.HALF_EVEN.value, Rounding.HALF_AWAY.value
LOGIC: dict[str, Any] = {"logic": True}
LEAN: dict[str, Any] = {"structure": "separate", "rounding": "truncate", "subnormals": False}


def cases_of(dataflow: str) -> list[Case]:
    """The cases that CI runs of a dataflow; the last one has so few accumulator rows that tiles wait for
    them."""
    scarce = 6 if dataflow == "output" else 7
    return [
        case("4x4-int8-int8", dataflow, 4, 4, "int8", "int8"),
        case("3x5-int4-int8-r1", dataflow, 3, 5, "int4", "int8", registers=1, rounding=EVEN, out="int4"),
        case("5x2-int8-uint8-r2", dataflow, 5, 2, "int8", "uint8", registers=2, rounding=AWAY, out="uint8"),
        case("1x1-int5-int9-r3", dataflow, 1, 1, "int5", "int9", registers=3, out="int5"),
        case("8x1-int16-int16", dataflow, 8, 1, "int16", "int16", group=16, multiplier_bits=16, out="int16"),
        case("4x3-scarce", dataflow, 4, 3, "int4", "int4", accumulator_rows=scarce, roomy=False),
    ]


CASES = [each for dataflow in ("weight", "output", "input") for each in cases_of(dataflow)]
CASES += [case("4x4-sums", dataflow, 4, 4, "int8", "int8", scaled=False) for dataflow in ("weight", "output")]
CASES += [  # with registers for a faster clock
    case("4x3-a1-q6", "weight", 4, 3, "int8", "int8", registers=3, pe=LOGIC, accumulator_registers=1,
         requantise_registers=6),
    case("1x3-a1-q2", "weight", 1, 3, "int8", "int8", accumulator_registers=1, requantise_registers=2,
         rounding=EVEN),
    case("3x4-a1-q4", "output", 3, 4, "int8", "uint8", registers=3, pe=LOGIC, accumulator_registers=1,
         requantise_registers=4, rounding=AWAY),
    case("2x4-a1-q3", "input", 2, 4, "int4", "int8", registers=1, pe=LOGIC, accumulator_registers=1,
         requantise_registers=3),
    case("4x3-a1-scarce", "weight", 4, 3, "int4", "int4", accumulator_rows=7, roomy=False,
         accumulator_registers=1, requantise_registers=1),
    case("1x1-a1-sums", "output", 1, 1, "int8", "int8", scaled=False, accumulator_registers=1),
    case("3x2-a1-sums", "weight", 3, 2, "int8", "int8", scaled=False, accumulator_registers=1),
]  # fmt: skip
CASES += [  # several rows of weights in a word
    case("4x3-int4-w2", "weight", 4, 3, "int4", "int8", registers=1, rows_in_word=2),
    case("6x2-int2-w6-sums", "weight", 6, 2, "int2", "int8", scaled=False, rows_in_word=6),
    case("6x3-w3", "input", 6, 3, "int8", "int4", rows_in_word=3, accumulator_registers=1),
]  # fmt: skip
CASES += [  # of PEs beside the multiplier
    case("3x4-fp16", "weight", 3, 4, "fp16", "fp16", kind="float_multiply_add", scaled=False),
    case("4x3-bf16-r1", "output", 4, 3, "bf16", "bf16", kind="float_multiply_add", registers=1,
         pe=LEAN | {"accumulator": "bf16"}, scaled=False),
    case("3x3-uint4-fp16-r2", "input", 3, 3, "uint4", "fp16", kind="mixpe_float", registers=2, scaled=False),
    case("3x2-fp16-a1", "weight", 3, 2, "fp16", "fp16", kind="float_multiply_add", registers=1,
         pe={"accumulator": "fp16"}, scaled=False, accumulator_registers=1),
    case("3x2-mixpe", "weight", 3, 2, "uint4", "int8", kind="mixpe", registers=1, scaled=False),
    case("2x3-aligned", "output", 2, 3, "int4", "int14", kind="aligned", registers=2, scaled=False),
    case("2x3-dequantise", "input", 2, 3, "", "int8", kind="dequantise"),
]  # fmt: skip
SLOW = [
    case("16x16-int8-int8", "weight", 16, 16, "int8", "int8", accumulator_rows=160, group=64),
    case("16x16-int8-int8", "output", 16, 16, "int8", "int8", group=64),
    case("16x16-int8-int8", "input", 16, 16, "int8", "int8", accumulator_rows=160, group=64),
    case("1x6-int8-int8-r2", "weight", 1, 6, "int8", "int8", registers=2),
    case("1x6-int8-int8-r2", "output", 1, 6, "int8", "int8", registers=2),
    case("7x3-int16-int8-r3", "input", 7, 3, "int16", "int8", registers=3, rounding=EVEN),
]
