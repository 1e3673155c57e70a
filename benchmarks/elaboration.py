"""From Python to Verilog of a 64x64 array, a fresh interpreter each time."""

import subprocess
import sys
from collections.abc import Iterator
from time import perf_counter

from benchmarks.result import Result

ELABORATE = """
from golden.systolic.params import MatrixUnitParams
from hw.emit import verilog
from hw.systolic import array
print(len(verilog(array.definition(MatrixUnitParams(rows=64, cols=64, dataflow="{dataflow}")))))
"""


def elaborate(dataflow: str) -> tuple[float, int]:
    """Seconds, and bytes of Verilog."""
    began = perf_counter()
    command = [sys.executable, "-c", ELABORATE.format(dataflow=dataflow)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return perf_counter() - began, int(done.stdout)


def measure() -> Iterator[Result]:
    """The bars: 5 s, 100 kB. A submodule a PE takes 48.8 s and 9.2 MB in Amaranth."""
    for dataflow in ("weight", "output", "input"):
        took = [elaborate(dataflow) for _ in range(3)]
        what = f"64x64 {dataflow}-stationary array"
        yield Result(
            f"{what}, to Verilog", min(t for t, _ in took), 5, "s", "best of 3, imports included", True
        )
        yield Result(f"{what}, Verilog", took[0][1] / 1000, 100, "kB", "one file", True)
