"""Verilator's command line, in one place: flags, waived warnings, and what its messages say."""

from collections.abc import Sequence
from pathlib import Path

from sim import leftovers, process
from sim.tools import find_verilator

# Every other warning is fatal.
WAIVED = {
    "WIDTH": "Amaranth sized it, and hw.fit refuses to lose bits",
    "UNUSEDSIGNAL": "a part of a vector that an instance leaves open, or the reset of a data register",
    "DECLFILENAME": "one file holds all modules of a design",
}
WARNINGS = ["-Wall", *(f"-Wno-{name}" for name in WAIVED)]
SPEED = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert"]
# A function of many thousand lines costs the compiler 20 times as long (tree-pre, alias walks) and runs
# no faster than the same in pieces of 400 statements.
PIECES = ["--output-split-cfuncs", "400"]
# What is large and repeats is better called than copied: a 16x16 unit builds in half the time, a 64x64 array
# in a sixth, and runs 1.2 and 2 times as fast. Not in a bench: with such modules Verilator's VPI crashes.
APART = """`verilator_config
no_inline -module "*_column_*"
"""
PREFIX = "Vdut"  # one name for all designs: the driver includes Vdut.h


class VerilogError(RuntimeError):
    """A tool did not accept Verilog; str() is what it said."""


def run_verilator(arguments: list[str], folder: Path) -> None:
    """Run it in `folder`; raises VerilogError with its words, ToolMissing if there is none."""
    tool = find_verilator()
    command = [tool.path, "--quiet", *arguments]
    status, said = process.said(command, folder, tool.env())
    if status:
        raise VerilogError(said.strip() or f"verilator ended with status {status}")


def verilate(folder: Path, top: str, options: Sequence[str], *, prefix: str = PREFIX) -> None:
    """C++ of folder/design.v, in folder/cpp; its class is called `prefix`."""
    (folder / "cpp").mkdir(exist_ok=True)
    output = ["--cc", "--prefix", prefix, "--Mdir", "cpp", "--top-module", top]
    run_verilator([*output, *WARNINGS, *options, "design.v"], folder)


def verilate_to_run(folder: Path, top: str, options: Sequence[str]) -> None:
    """The same for a model that is to be quick."""
    (folder / "design.vlt").write_text(APART)
    verilate(folder, top, [*SPEED, *PIECES, *options, "design.vlt"])
    (folder / "design.vlt").unlink()


def verilate_lint(verilog: str, top: str) -> None:
    """Raise VerilogError if Verilator warns of anything but what is waived."""
    with leftovers.temporary() as folder:
        (folder / "design.v").write_text(verilog)
        run_verilator(["--lint-only", *WARNINGS, "--top-module", top, "design.v"], folder)
