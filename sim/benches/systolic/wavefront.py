"""Bench of golden.systolic.wavefront: in which cycle each vector and each load is where golden draws it."""

from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from golden.systolic import words
from golden.systolic.gemm import Tiling
from golden.systolic.wavefront import loads, vectors
from sim.benches import Case, names
from sim.benches.systolic.jobs import ProductJob, from_bytes, gemm_of, job_of
from sim.benches.systolic.matrix_unit import MatrixUnitBench, case

INSIDE = True  # the array's registers are looked at


class ArrayMonitor:
    """Records the values in each column's registers, a list of columns each cycle, from the first word taken
    on."""

    def __init__(self, bench: MatrixUnitBench):
        self.bench = bench
        moving = "activation_out" if bench.p.dataflow == "output" else "moving_out"
        names = (moving,) if bench.p.dataflow == "output" else (moving, "take")
        array = bench.dut.array
        self.columns = [
            [getattr(getattr(array, f"column_{c}"), name) for name in names] for c in range(bench.p.cols)
        ]
        self.seen: list[list[list[Any]]] = []

    async def run(self) -> None:
        while True:
            await ReadOnly()
            if self.bench.dut.rst.value == 1:
                self.seen.clear()
            elif self.seen or any(self.bench.monitors[name].port.moves for name in self.bench.inputs):
                self.seen.append([[handle.value for handle in column] for column in self.columns])
            await RisingEdge(self.bench.dut.clk)


def lane(word: int, index: int, width: int) -> int:
    return word >> index * width & (1 << width) - 1


def check_vectors(job: ProductJob, seen: list[list[list[Any]]]) -> None:
    """Vector v, which entered in cycle t, stands in row r of column c in cycle t + 1 + r + c."""
    p = job.schedule.unit
    left = from_bytes(words.pack_streams(job.schedule, job.activations, job.weights, None)["left"])
    for cycle, word in zip(vectors(job.schedule), left, strict=True):
        for r in range(p.rows):
            wanted = lane(word, p.rows - 1 - r if p.dataflow == "output" else r, p.left.width)
            for c in range(p.cols):
                found = lane(seen[cycle + 1 + r + c][c][0].to_unsigned(), r, p.left.width)
                assert found == wanted, f"{job}: cycle {cycle + 1 + r + c}, row {r}, column {c}"


def check_loads(job: ProductJob, seen: list[list[list[Any]]]) -> None:
    """Rows take a word in the cycles that golden draws, and in no other."""
    p = job.schedule.unit
    wanted = {
        (cycle + 1 + c, c): (1 << word + 1) - 1
        for tile in loads(job.schedule).tolist()
        for word, cycle in enumerate(tile)
        for c in range(p.cols)
    }
    for cycle, columns in enumerate(seen):
        for c, column in enumerate(columns):
            found = column[1].to_unsigned()
            assert found == wanted.get((cycle, c), 0), f"{job}: cycle {cycle}, column {c} takes {found:b}"


@cocotb.test
async def the_wavefront_is_where_golden_draws_it(dut: Any) -> None:
    bench = MatrixUnitBench(dut)
    array = ArrayMonitor(bench)
    await bench.start()
    watching = cocotb.start_soon(array.run())
    for stream in (1, bench.p.rows, 2 * bench.p.rows + 1):
        gemm = gemm_of(bench.p, 2 * bench.p.rows + 1, bench.p.cols + 1, 9, 2)
        job = job_of(bench.random, bench.p, gemm, Tiling(stream=stream), "sums")
        await bench.run([job])
        check_vectors(job, array.seen)
        if bench.p.dataflow != "output":
            check_loads(job, array.seen)
    watching.cancel()


CASES: list[Case] = [
    case("4x3", "weight", 4, 3, "int8", "int8"),
    case("3x4", "output", 3, 4, "int8", "int8"),
    case("2x5-r1", "input", 2, 5, "int4", "int8", registers=1),
]
QUICK = {"icarus": names(CASES)}
EXTREME = ()  # the matrix unit's own
MUTANTS = ()
