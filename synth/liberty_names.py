"""Characters that names of a Liberty file may hold: they go into scripts of Yosys, ABC and OpenSTA, and into
Verilog."""

import re
from pathlib import Path

from golden.check import fail
from synth.liberty_units import LibertyGroup

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_$.\-]*")
PIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_$.\-]*(\[\d+(:\d+)?\])?")
STATE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TITLE = re.compile(r"[ -~]{1,200}")  # of a library: it is only printed
LETTERS = "letters, digits and _ $ . -"


def named(path: Path, group: LibertyGroup, what: str, form: re.Pattern[str]) -> str:
    """The name that a group begins with; BadValue if no tool could be told it."""
    return fit(path, f"{what} name", group.arguments[0] if group.arguments else "", form)


def fit(path: Path, what: str, name: str, form: re.Pattern[str]) -> str:
    """`name` if it has this form, else BadValue."""
    if not form.fullmatch(name):
        raise fail(f"{path}: {what}", repr(name), LETTERS)
    return name
