"""Is a fault one at all? A proof by Yosys that a faulty module does what the sound one does, in every state.

Registers of the same name are taken to hold the same; then every output and every register's next value is
shown equal, whatever the inputs and the state. So a fault that matters only in states that are never reached
is not proven, and nothing is said of it.

Source: Yosys' equiv_make, equiv_simple and equiv_induct, as pyosys brings them.
"""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from hw.yosys import native

PREPARE = ("proc", "flatten", "memory -nomap", "opt -full", "memory_map", "opt -full")


def script(module: str) -> list[str]:
    """Commands: both files' `module` made comparable, and the proof."""
    made = []
    for which in ("gold", "gate"):
        made += [f"read_verilog -sv {which}.v", f"hierarchy -top {module}", *PREPARE]
        made += [f"rename {module} {which}", f"design -stash {which}"]
    made += [f"design -copy-from {which} -as {which} {which}" for which in ("gold", "gate")]
    return [*made, "equiv_make gold gate equal", "hierarchy -top equal", "clean", "equiv_simple -undef",
            "equiv_induct -undef", "equiv_status -assert"]  # fmt: skip


def proven_equal(sound: str, faulty: str, module: str, *, timeout: float = 60) -> bool:
    """Whether `module` of both Verilog texts is proven the same; False if not within `timeout` seconds."""
    with tempfile.TemporaryDirectory(prefix="systola-") as name:
        folder = Path(name)
        for which, text in (("gold", sound), ("gate", faulty)):
            (folder / f"{which}.v").write_text(text)
        (folder / "equal.ys").write_text("".join(f"{command}\n" for command in script(module)))
        with open(folder / "log.txt", "w") as log:
            process = subprocess.Popen(
                native("script equal.ys"), cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
            try:
                return process.wait(timeout) == 0
            except subprocess.TimeoutExpired:
                return False
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
