"""From Python to Verilog, a fresh interpreter each time, nothing cached: 64x64 arrays, the 16x16 accelerator.

Seconds of one core, Yosys' included: what else the machine does counts little.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from benchmarks.result import Result

ARRAY = """
from golden.systolic.params import MatrixUnitParams
from hw.emit import verilog
from hw.systolic import array
print(len(verilog(array.definition(MatrixUnitParams(rows=64, cols=64, dataflow="{dataflow}")))))
"""
ACCELERATOR = """
from hw.accelerator import accelerator
from hw.emit import verilog
from systola import design_file
design = design_file.load("examples/accelerator16_int8.toml").accelerator
print(len(verilog(accelerator.definition(design))))
"""
ROOT = Path(__file__).parents[1]


def elaborate(code: str) -> tuple[float, int]:
    """Seconds of the processor, and bytes of Verilog, which `code` prints."""
    before = getrusage(RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, int(done.stdout)


def measured(what: str, code: str, seconds: float, kilobytes: float | None = None) -> Iterator[Result]:
    """Best of 3, and the size if it has a bar too."""
    took = [elaborate(code) for _ in range(3)]
    detail = "of one core, best of 3, imports included"
    yield Result(f"{what}, to Verilog", min(t for t, _ in took), seconds, "s", detail, True)
    if kilobytes:
        yield Result(f"{what}, Verilog", took[0][1] / 1000, kilobytes, "kB", "one file", True)


def measure() -> Iterator[Result]:
    """The bars: 5 s, 100 kB for an array, of which a submodule a PE takes 48.8 s and 9.2 MB in Amaranth."""
    for dataflow in ("weight", "output", "input"):
        yield from measured(f"64x64 {dataflow}-stationary array", ARRAY.format(dataflow=dataflow), 5, 100)
    yield from measured("16x16 accelerator", ACCELERATOR, 7)
