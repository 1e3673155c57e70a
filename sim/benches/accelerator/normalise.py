"""Bench of hw.accelerator.normalise: commands at `start`, groups twice at `a`, results at `out`."""

from typing import Any

import cocotb
import numpy as np

from golden.accelerator.commands import Opcode
from golden.accelerator.normalise import EPSILON, LONGEST, X, cycles, normalise
from sim.benches import Faults
from sim.benches.accelerator.engines import EngineBench, EngineJob, cases_of, shape_of

JOBS = 40


class NormaliseBench(EngineBench):
    """Groups of elements, and golden."""

    opcode = Opcode.NORMALISE

    def __init__(self, dut: Any, **stalls: float):
        super().__init__(dut, ["out"], **stalls)

    def job(self, **fixed: int) -> EngineJob:
        draw = self.random
        command = {
            "count0": draw.choice((1, 2, 3, draw.randint(1, 9))),
            "count1": draw.choice((1, 2, 3)),
            "count2": draw.choice((1, 1, 2)),
            "columns": draw.choice((0, 0, 1)),
            "rms": draw.choice((0, 1)),
            "epsilon": draw.choice((0, 1, draw.randint(0, 1000), draw.randint(0, EPSILON.max), EPSILON.max)),
            "fraction": draw.choice((12, 11, draw.randint(0, 15))),
        } | fixed
        most = command["count0"] * (1 if command["columns"] else self.p.lanes)
        least = max(1, most - 2 * self.p.lanes)
        command |= {"length": draw.choice((most, draw.randint(least, most), most + 5))} | fixed
        return EngineJob(command, self.elements((*shape_of(command), self.p.lanes)))

    def elements(self, shape: tuple[int, ...]) -> np.ndarray:
        """Constant, small, at the format's ends, with a huge outlier, or anything."""
        rng = self.rng
        middle = rng.integers(X.min, X.max + 1, (*shape[:2], 1, 1)) * rng.integers(0, 2, (*shape[:2], 1, 1))
        kind = self.random.choice(("constant", "ends", "near", "near", "outlier", "any"))
        if kind == "ends":
            x = rng.choice([X.min, X.max], shape)
        elif kind == "any":
            x = rng.integers(X.min, X.max + 1, shape)
        else:
            x = middle + rng.normal(0, self.random.choice((1, 30, 3000)), shape) * (kind != "constant")
        if kind == "outlier":
            x[:, :, 0, 0] = self.random.choice((X.min, X.max))
        return np.asarray(np.clip(np.rint(x), X.min, X.max), np.int64)

    def golden(self, job: EngineJob) -> dict[str, list[list[int]]]:
        results = normalise(self.p, job.command, job.elements)
        return {"out": results.reshape(-1, self.p.lanes).tolist()}

    def widths(self) -> dict[str, tuple[int, int]]:
        return {"out": (X.width, self.p.lanes)}


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def results_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = NormaliseBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.run([bench.job() for _ in range(JOBS)])
    bench.check_stalls()


@cocotb.test
@cocotb.parametrize(count0=[1, 2, 9], columns=[0, 1])
async def a_command_takes_golden_cycles(dut: Any, count0: int, columns: int) -> None:
    bench = NormaliseBench(dut)
    job = bench.job(count0=count0, count1=2, count2=2, columns=columns)
    await bench.run([job])
    took = bench.monitors["out"].moved[-1][0] - bench.monitors["a"].moved[0][0] + 1
    assert took == cycles(bench.p, job.command), f"took {took}, golden {cycles(bench.p, job.command)}"


@cocotb.test
@cocotb.parametrize(greatest=["total", "under"], columns=[0, 1])
async def the_longest_group_does_not_overflow(dut: Any, greatest: str, columns: int) -> None:
    """All but the last at the least element, or half at either end, which gives the largest D."""
    bench = NormaliseBench(dut)
    count0 = LONGEST // (1 if columns else bench.p.lanes)
    command = {"count0": count0, "count1": 1, "count2": 1, "length": LONGEST, "columns": columns}
    job = bench.job(**command, rms=0, epsilon=EPSILON.max, fraction=4)
    job.elements[:] = X.min
    job.elements[:, :, -1 if greatest == "total" else count0 // 2 :] = X.max
    await bench.run([job])


@cocotb.test
@cocotb.parametrize(columns=[0, 1])
async def a_stalled_output_stops_all(dut: Any, columns: int) -> None:
    bench = NormaliseBench(dut, stall_out=1.0)
    jobs = [bench.job(count0=1, count1=3, columns=columns) for _ in range(3)]
    for job in jobs:
        bench.send(job)
    await bench.start()
    await bench.cycles(150)
    assert not bench.monitors["out"].moved
    assert len(bench.monitors["start"].moved) == 1, "a command was taken while one is under way"
    bench.sinks["out"].stall = 0.3
    await bench.finish(jobs)


@cocotb.test
@cocotb.parametrize(after=[4, 8, 12, 16, 20, 24, 40], columns=[0, 1])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, after: int, columns: int) -> None:
    bench = NormaliseBench(dut, stall_out=0.3 * (after % 8 == 0))
    await bench.start()
    await bench.tear(bench.job(count0=3, count1=5, count2=2, columns=columns), after)
    await bench.go_on([bench.job() for _ in range(4)])


CASES = cases_of("accelerator/normalise", 4, 8, 16, 64)
QUICK = {"verilator": ["x4"]}
LONG = {"icarus": ["x4"], "verilator": ["x16"]}
EXTREME = cases_of("accelerator/normalise", 4, 32)
MUTANTS = [Faults("x4", 2, seed=6), Faults("x4", 3, seed=6, slow=True)]
