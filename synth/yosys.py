"""Yosys, native, as PyPI's pyosys brings it: one script, one process.

pyosys and not a Yosys of PATH: what a library of costs is keyed by must be one version for everybody.
"""

import re
from collections.abc import Sequence
from importlib import metadata, util
from pathlib import Path

from golden.check import fail
from hw.yosys import native
from sim.tools import ToolMissing
from synth import process

# Yosys writes the folder that it works in into commands for ABC and for a shell: in double quotes
UNFIT = re.compile(r"""["'`;$\\\x00-\x1f\x7f]""")
# their temporary files go with the folder, also where they are killed; a relative name has no blanks in it
ENVIRONMENT = {"TMPDIR": "."}


def version() -> str:
    """Yosys' version; ToolMissing without pyosys."""
    if not util.find_spec("pyosys"):
        raise ToolMissing("yosys is missing; needed: pip install pyosys")
    return metadata.version("pyosys")


def is_fit(folder: Path) -> bool:
    """Whether Yosys can work in a folder."""
    return not UNFIT.search(str(folder.resolve()))


def yosys(commands: Sequence[str], folder: Path, *, name: str = "yosys", timeout: float = 3600) -> Path:
    """Run `commands`, each one line, in `folder`; the path of the log.

    raises  SynthesisError with Yosys' own message, ToolMissing, BadValue for a folder that it cannot work in
    """
    version()
    if not is_fit(folder):
        allowed = "a path without quotes, ; $ and \\ (SYSTOLA_CACHE or TMPDIR sets it)"
        raise fail("folder for Yosys", repr(str(folder.resolve())), allowed)
    script = folder / f"{name}.ys"
    script.write_text("".join(f"{command}\n" for command in commands), encoding="utf-8")
    return process.run(name, native(f"script {script.name}"), folder, env=ENVIRONMENT, timeout=timeout)
