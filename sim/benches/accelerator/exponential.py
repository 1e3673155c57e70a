"""Bench of hw.accelerator.exponential: commands at `start`, rows twice at `a`, codes at `out`, r at `r`."""

from typing import Any

import cocotb
import numpy as np

from golden.accelerator.commands import Opcode
from golden.accelerator.exponential import SCORE, cycles, exponential, latency
from golden.division import ceil_div
from sim.benches import Faults
from sim.benches.accelerator.engines import EngineBench, EngineJob, cases_of, shape_of

JOBS = 40


class ExponentialBench(EngineBench):
    """Rows of scores, and golden."""

    opcode = Opcode.EXPONENTIAL

    def __init__(self, dut: Any, **stalls: float):
        super().__init__(dut, ["out", "r"], **stalls)

    def job(self, **fixed: int) -> EngineJob:
        draw, rng = self.random, self.rng
        command = {
            "count0": draw.choice((1, 1, 2, 3, draw.randint(1, 9))),
            "count1": draw.choice((1, 2, 5)),
            "count2": draw.choice((1, 1, 3)),
        } | fixed
        most = command["count0"] * self.p.lanes
        command |= {
            "length": draw.choice((most, draw.randint(0, most), draw.randint(1, most), 1, 65535)),
            "length_step": draw.choice((0, 0, 1, draw.randint(-9, 9), -32768, 32767)),
        } | fixed  # fmt: skip
        shape = (*shape_of(command), self.p.lanes)
        kind = draw.choice(("flat", "ends", "near", "near", "near", "any"))
        middle = rng.integers(SCORE.min, SCORE.max + 1, (*shape[:2], 1, 1))
        scores: np.ndarray = np.broadcast_to(middle, shape)
        if kind == "ends":
            scores = rng.choice([SCORE.min, SCORE.max, SCORE.max - 1], shape)
        elif kind == "near":
            scores = middle + rng.normal(0, draw.choice((100, 500, 2000)), shape)
        elif kind == "any":
            scores = rng.integers(SCORE.min, SCORE.max + 1, shape)
        return EngineJob(command, np.clip(np.rint(scores), SCORE.min, SCORE.max).astype(np.int64))

    def golden(self, job: EngineJob) -> dict[str, list[list[int]]]:
        lanes = self.p.lanes
        rows = job.elements.reshape(*job.elements.shape[:2], -1)
        codes, r = exponential(self.p, job.command, rows)
        return {"out": codes.reshape(-1, lanes).tolist(), "r": r.reshape(-1, 1).tolist()}

    def widths(self) -> dict[str, tuple[int, int]]:
        return {"out": (8, self.p.lanes), "r": (16, 1)}


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def codes_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = ExponentialBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.run([bench.job() for _ in range(JOBS)])
    bench.check_stalls()


@cocotb.test
@cocotb.parametrize(count0=[1, 2, 8], count1=[1, 4])
async def a_command_takes_golden_cycles(dut: Any, count0: int, count1: int) -> None:
    bench = ExponentialBench(dut)
    job = bench.job(count0=count0, count1=count1, count2=2)
    await bench.run([job])
    first = bench.monitors["a"].moved[0][0]
    took = bench.monitors["r"].moved[-1][0] - first + 1
    assert took == cycles(bench.p, job.command), f"took {took}, golden {cycles(bench.p, job.command)}"
    codes = bench.monitors["out"].moved[-1][0] - bench.monitors["a"].moved[-1][0]
    assert codes == latency(bench.p), f"codes after {codes}, golden {latency(bench.p)}"


@cocotb.test
async def every_distance_below_the_greatest_gives_its_code(dut: Any) -> None:
    """Distances 0 to 2^11 + some: beyond, codes are 0."""
    bench = ExponentialBench(dut)
    lanes = bench.p.lanes
    job = bench.job(count0=8, count1=ceil_div(2200, 8 * lanes), count2=1, length=8 * lanes, length_step=0)
    job.elements[:] = (1000 - np.arange(job.elements.size)).reshape(job.elements.shape)
    job.elements[:, :, 0, 0] = 1000
    await bench.run([job])


@cocotb.test
async def r_is_right_for_many_small_sums(dut: Any) -> None:
    bench = ExponentialBench(dut)
    job = bench.job(count0=1, count1=200, count2=1, length=3, length_step=0)
    for row in range(200):
        job.elements[0, row, 0, :3] = 5000 - np.array([0, 9 * row, 17 * row])
    await bench.run([job])


@cocotb.test
async def a_long_row_of_greatest_scores_does_not_overflow(dut: Any) -> None:
    bench = ExponentialBench(dut)
    job = bench.job(count0=(1 << 14) // bench.p.lanes, count1=1, count2=1, length=1 << 14, length_step=0)
    job.elements[:] = job.elements.max()
    await bench.run([job])


@cocotb.test
@cocotb.parametrize(held=["out", "r"])
async def a_stream_that_waits_holds_back_nothing_for_ever(dut: Any, held: str) -> None:
    """While one output is never ready the other delivers what stands before it; then all comes, once."""
    bench = ExponentialBench(dut)
    bench.sinks[held].stall = 1.0
    jobs = [bench.job(count0=12, count1=3, count2=1), *(bench.job(count0=1 + at % 2) for at in range(4))]
    for job in jobs:
        bench.send(job)
    await bench.start()
    await bench.cycles(150)
    assert not bench.monitors[held].moved
    if held == "r":
        assert len(bench.monitors["out"].moved) >= 24, "codes wait for the r of an earlier row"
    bench.sinks[held].stall = 0.3
    await bench.finish(jobs)


@cocotb.test
@cocotb.parametrize(after=[4, 7, 12, 16, 19, 25, 40], stall_out=[0.0, 0.5])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, after: int, stall_out: float) -> None:
    bench = ExponentialBench(dut, stall_out=stall_out)
    await bench.start()
    await bench.tear(bench.job(count0=3, count1=5, count2=2), after)
    await bench.go_on([bench.job() for _ in range(5)])


@cocotb.test
async def nothing_is_taken_before_a_command(dut: Any) -> None:
    bench = ExponentialBench(dut)
    job = bench.job()
    words = bench.packed(job.elements)
    bench.sources["a"].send(words)
    await bench.start()
    await bench.cycles(20)
    assert not bench.monitors["a"].moved
    bench.sources["a"].words.clear()
    bench.send(job)
    await bench.finish([job])


CASES = cases_of("accelerator/exponential", 4, 8, 16, 64)
QUICK = {"verilator": ["x16"], "icarus": ["x4"]}
EXTREME = cases_of("accelerator/exponential", 4, 32)
# since Yosys writes the table as lines, most faults are in its last bits, which round to the same codes: open
MUTANTS = [Faults("x4", 1, seed=8), Faults("x4", 1, seed=4), Faults("x4", 1, seed=9, slow=True)]
