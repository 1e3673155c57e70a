"""Verilog, kept: to elaborate an accelerator takes seconds, and depends on parameters and sources alone."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import golden
import hw
from hw.yosys import versions
from sim import cache as kept

ROOMS = (golden, hw)
FILE = "block.v"


@cache
def sources() -> str:
    """Hash of every source file that Verilog is made from."""
    digest = hashlib.sha256()
    for room in ROOMS:
        folder = Path(str(room.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{room.__name__}/{path.relative_to(folder)}".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def kept_verilog(name: str, parameters: object, make: Callable[[], str]) -> str:
    """What `make` gives, from the cache where it is there. parameters: a dataclass that repr tells whole."""
    key = kept.key("verilog", name, repr(parameters), sources(), versions())

    def build(folder: Path) -> None:
        (folder / FILE).write_text(make(), encoding="utf-8")

    return (kept.kept("verilog", key, build) / FILE).read_text(encoding="utf-8")
