"""A Verilated design and a C++ loop as a program, built with the flags that the driver's models get."""

import shutil
from pathlib import Path

from sim import build
from sim.tools import find_compiler
from sim.verilate import SPEED, run_verilator, verilate

NATIVE = Path(__file__).parent / "native"


def executable(
    folder: Path, verilog: str, top: str, loop: str, *, foreign: bool = False, beside: str = build.DRIVER,
    header: str = "",
) -> Path:  # fmt: skip
    """The program of benchmarks/native/`loop` on `verilog`, in `folder`.

    foreign  Verilog that is not ours: any warning of Verilator's is let pass
    beside   a driver of sim/native that the loop may include; header: its ports.h
    """
    (folder / "design.v").write_text(verilog)
    if foreign:
        output = ["--cc", "--prefix", "Vdut", "--Mdir", "cpp", "--top-module", top, "-Wno-fatal", "-Wno-lint"]
        run_verilator([*output, *SPEED, "--output-split-cfuncs", "400", "design.v"], folder)
    else:
        verilate(folder, top, [])
    cpp = folder / "cpp"
    (cpp / "ports.h").write_text(header)
    names = [name for name in build.write_units(cpp, beside) if name != beside]
    shutil.copy(NATIVE / loop, cpp / loop)
    flags = [*build.COMMON, *build.defines(False), "-I.", *build.include_flags(), "-include", "extend.h"]
    build.compile_all([*names, loop], ["-O3", *flags], cpp)
    objects = [f"{Path(name).stem}.o" for name in [*names, loop]]
    runtime = build.runtime_objects((cpp / "Vdut_classes.mk").read_text(), False)
    build.run([find_compiler().path, "-o", "program", *objects, *runtime, "-pthread"], cpp)
    return cpp / "program"
