"""One parameter changed, to the first simulated result: a design that the cache has never seen, 16x16."""

import subprocess
import sys
from collections.abc import Iterator
from time import perf_counter, time_ns

from benchmarks.result import Result

FIRST_RESULT = """
import numpy as np
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import MatrixUnitParams
from golden.blocks import Job
from golden.systolic.operands import Operands
from sim.device import Rtl
unit = MatrixUnitParams(accumulator_rows={rows})
a = np.ones((1, 16, 16), np.int64)
schedule = Schedule(unit, Gemm(m=16, n=16, k=16), Tiling(stream=16))
product = Rtl().run(Job(name="first", p=unit, shape=schedule, operands=Operands(a, a)))
assert (product.values == 16).all()
"""


def measure() -> Iterator[Result]:
    """The cache is warm: Verilator's run-time is built, this design is not."""
    first_result(1024)
    rows = 1030 + time_ns() // 1_000_000_000 % 900_000 % 60_000
    yield Result(
        "change a parameter, to the first simulated result", first_result(rows), 15, "s",
        f"a fresh interpreter, accumulator memory of {rows} rows instead of 1024", True,
    )  # fmt: skip


def first_result(rows: int) -> float:
    """Seconds until the product is there."""
    began = perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_RESULT.format(rows=rows)], check=True)
    return perf_counter() - began
