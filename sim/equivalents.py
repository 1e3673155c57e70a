"""Faults that change nothing of what a block promises: equivalents.toml has them, each with the reason."""

import re
import tomllib
from pathlib import Path

from sim.mutate import Mutant

EQUIVALENT = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["equivalent"]


def reason(block: str, module: str, mutant: Mutant) -> str:
    """Why a survivor is none, or ""."""
    found = {"block": block, "module": module, "fault": str(mutant)}
    for each in EQUIVALENT:
        if all(re.search(each[key], text) for key, text in found.items()):
            return str(each["why"])
    return ""
