"""The compiled driver beside a bare C++ loop and a cocotb loop, on one Verilated 16x16 matrix unit."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmarks import product
from benchmarks.executable import executable
from benchmarks.result import Result
from golden.systolic import words
from golden.systolic.cycles import cycles
from sim.device import block_verilog, compile_block, padded
from sim.runner import run_bench

ROUNDS = 5


def measure() -> Iterator[Result]:
    """Bars: 90 % of bare C++, 20 times cocotb. The rounds alternate, so that a slow moment hits both."""
    schedule = product.schedule(16)
    model = compile_block(schedule.unit)
    packed = {
        name: padded(each, model.stride(name))
        for name, each in words.pack_streams(schedule, *product.operands()).items()
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        for stream in ("left", "top", "command", "drain"):
            packed[stream].tofile(folder / stream)
        bare = executable(folder, block_verilog(schedule.unit), schedule.unit.name, "bare_loop.cpp")
        driven, alone = [], []
        for _ in range(ROUNDS):
            driven.append(drive(model, packed, schedule))
            alone.append(loop(bare, folder, cycles(schedule)))
        slow = cocotb_speed(schedule, packed, folder / "cocotb")
    speed, bound = median(driven), median(alone)
    yield Result(
        "compiled driver, of a bare C++ loop", 100 * median(np.divide(driven, alone)), 90, "%",
        f"medians of {ROUNDS}: {speed / 1e6:.2f} M and {bound / 1e6:.2f} M cycles/s",
    )  # fmt: skip
    yield Result("compiled driver, over cocotb", speed / slow, 20, "times", f"cocotb: {slow:,.0f} cycles/s")


def drive(model, packed: dict[str, np.ndarray], schedule) -> float:
    """Cycles a second of the driver."""
    began = perf_counter()
    result = model.run(packed, {"o": int(schedule.tile_rows().sum())})
    return result.cycles / (perf_counter() - began)


def loop(program: Path, folder: Path, count: int) -> float:
    """Cycles a second of the bare loop."""
    files = [str(folder / name) for name in ("left", "top", "command", "drain")]
    command = [program, str(count), *files]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def cocotb_speed(schedule, packed: dict[str, np.ndarray], file: Path) -> float:
    """Cycles a second of the cocotb loop."""
    numbers = {
        name: [int.from_bytes(word.tobytes(), "little") for word in packed[name][:256]]
        for name in ("left", "top")
    }
    one = {name: int.from_bytes(packed[name][0].tobytes(), "little") for name in ("command", "drain")}
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)  # for the simulator's process
    result = run_bench(
        block_verilog(schedule.unit), schedule.unit.name, "benchmarks.cocotb_loop",
        parameters={**numbers, **one, "file": str(file)},
    )  # fmt: skip
    assert result.passed, result.messages
    return float(file.read_text())
