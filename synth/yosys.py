"""Yosys, native, as PyPI's pyosys brings it: one script, one process.

pyosys and not a Yosys of PATH: what a library of costs is keyed by must be one version for everybody.
"""

import sys
from collections.abc import Sequence
from importlib import metadata, util
from pathlib import Path

from sim.tools import ToolMissing
from synth import process

# as a library Yosys ends the process on an error: it gets one of its own
RUN = """import sys
from pyosys import libyosys
design = libyosys.Design()
for command in open(sys.argv[1]).read().splitlines():
    libyosys.run_pass(command, design)
"""


def version() -> str:
    """Yosys' version; ToolMissing without pyosys."""
    if not util.find_spec("pyosys"):
        raise ToolMissing("yosys is missing; needed: pip install pyosys")
    return metadata.version("pyosys")


def yosys(commands: Sequence[str], folder: Path, *, name: str = "yosys", timeout: float = 3600) -> Path:
    """Run `commands`, each one line, in `folder`; the path of the log.

    raises  SynthesisError with Yosys' own message, ToolMissing
    """
    version()
    script = folder / f"{name}.ys"
    script.write_text("".join(f"{command}\n" for command in commands))
    return process.run(name, [sys.executable, "-c", RUN, script.name], folder, timeout=timeout)
