"""Whether tools other than Verilator read a design: Icarus and Yosys."""

import subprocess
import tempfile
from pathlib import Path

from amaranth._toolchain.yosys import YosysError, find_yosys

from sim.tools import ToolMissing, on_path
from sim.verilate import VerilogError


def icarus_accepts(verilog: str) -> None:
    """Raise VerilogError if Icarus refuses the design or warns; ToolMissing if there is no Icarus."""
    icarus = on_path("iverilog", "-V")
    if icarus is None:
        raise ToolMissing("iverilog is missing; needed: Icarus Verilog on PATH (Debian: iverilog)")
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "design.v")
        source.write_text(verilog)
        command = [icarus.path, "-g2005", "-Wall", "-Wno-timescale", "-t", "null", source.name]
        done = subprocess.run(command, cwd=name, capture_output=True, text=True)
    if done.returncode or done.stderr:
        raise VerilogError(done.stderr.strip() or f"iverilog ended with status {done.returncode}")


def yosys_accepts(verilog: str, top: str) -> None:
    """Raise VerilogError if Yosys refuses the design, or `check -assert` finds a loop or an open wire."""
    yosys = find_yosys(lambda version: version >= (0, 40))
    commands = f"hierarchy -check -top {top}\nproc\nopt_clean\ncheck -assert\n"
    try:
        yosys.run(["-q", "-"], f"read_verilog <<end_of_design\n{verilog}\nend_of_design\n{commands}")
    except YosysError as error:
        raise VerilogError(str(error)) from error
