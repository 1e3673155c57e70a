"""Verilator's speed on the generated 16x16 array, beside the same array by hand and in plain Amaranth.

One C++ loop, the same random operands and the same flags for all; their sums must have one checksum.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.executable import executable
from benchmarks.plain_amaranth import array_verilog
from benchmarks.result import Result
from golden.systolic.params import MatrixUnitParams
from hw.emit import verilog
from hw.systolic import array

SIZE, CYCLES, PERIOD, ROUNDS = 16, 400_000, 512, 5


def measure() -> Iterator[Result]:
    """Bars: 80 % of hand-written, 6 times plain Amaranth."""
    generated = array.definition(MatrixUnitParams(rows=SIZE, cols=SIZE))
    by_hand = (Path(__file__).parent / "hand_written_array.v").read_text()
    designs = {
        "generated": (verilog(generated), generated.name, False),
        "hand": (by_hand, "hand_array", True),
        "plain": (array_verilog(SIZE), "plain", True),
    }
    with TemporaryDirectory() as name:
        programs = {}
        for kind, (text, top, foreign) in designs.items():
            folder = Path(name, kind)
            folder.mkdir()
            programs[kind] = executable(folder, text, top, "array_loop.cpp", foreign=foreign)
        rounds = [{kind: speed(program) for kind, program in programs.items()} for _ in range(ROUNDS)]
    sums = {checksum for measured in rounds for _, checksum in measured.values()}
    assert len(sums) == 1, f"the arrays disagree: {sums}"
    fast = {kind: [measured[kind][0] for measured in rounds] for kind in programs}
    detail = "medians: " + ", ".join(f"{kind} {median(x) / 1e6:.2f} M cycles/s" for kind, x in fast.items())
    over = {kind: median(np.divide(fast["generated"], fast[kind])) for kind in ("hand", "plain")}
    yield Result("generated array, of the hand-written one's speed", 100 * over["hand"], 80, "%", detail)
    yield Result("generated array, over plain Amaranth's Verilog", over["plain"], 6, "times", detail)


def speed(program: Path) -> tuple[float, str]:
    """(cycles a second, checksum)."""
    command = [program, str(CYCLES), str(PERIOD), str(SIZE)]
    rate, checksum = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(rate), checksum
