"""A Verilated design and a C++ loop as a program, built with the flags that the driver's models get."""

import shutil
from pathlib import Path

from sim import build, declared
from sim.verilate import SPEED, run_verilator, verilate_to_run

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
        verilate_to_run(folder, top, [])
    cpp = folder / "cpp"
    (cpp / "ports.h").write_text(header)
    names = [*build.write_units(cpp), loop]
    for source in (NATIVE / loop, declared.NATIVE / beside):
        shutil.copy(source, cpp / source.name)
    flags = [*build.SHARED, *build.defines(False)]
    to_compile = ["-O3", *flags, *build.include_flags()]
    build.compile_all(names, [*build.read_first(build.EXTEND, to_compile), *to_compile, "-I."], cpp)
    build.link(cpp, names, flags, ["-o", "program"])
    return cpp / "program"
