"""Numbers and units of a Liberty file's groups."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from golden.check import fail

MOST = 1e12  # of any number


@dataclass
class LibertyGroup:
    """One `kind (arguments) { ... }`."""

    kind: str
    arguments: list[str]
    values: dict[str, str] = field(default_factory=dict)
    groups: "list[LibertyGroup]" = field(default_factory=list)

    def of(self, *kinds: str) -> "Iterator[LibertyGroup]":
        return (group for group in self.groups if group.kind in kinds)


def number(path: Path, where: str, value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        raise fail(f"{path}: {where}", repr(value), "a number") from None
    if not 0 <= found <= MOST:
        raise fail(f"{path}: {where}", repr(value), f"0 to {MOST:g}")
    return found


def time_unit(path: Path, group: LibertyGroup) -> float:
    """Nanoseconds in one `time_unit`."""
    match = re.fullmatch(r"([\d.]+)\s*([munpf]?)s", group.values.get("time_unit", "1ns").strip())
    if not match:
        return 1.0
    units = {"n": 1.0, "p": 1e-3, "u": 1e3, "f": 1e-6}
    return unit_value(path, "time_unit", match[1]) * units.get(match[2], 1e9)


def capacitance_unit(path: Path, group: LibertyGroup) -> float:
    """Femtofarads in one `capacitive_load_unit`."""
    count, _, unit = group.values.get("capacitive_load_unit", "1,pf").partition(",")
    return unit_value(path, "capacitive_load_unit", count) * (1.0 if unit.strip().lower() == "ff" else 1000.0)


def unit_value(path: Path, where: str, value: str) -> float:
    """The value of a unit: a number above 0."""
    found = number(path, where, value)
    if not found:
        raise fail(f"{path}: {where}", repr(value), f"over 0, to {MOST:g}")
    return found


def voltage(path: Path, group: LibertyGroup) -> float:
    """Volts: nom_voltage, else what the first operating condition says, else 0."""
    given = group.values.get("nom_voltage")
    if given is None:
        conditions = [one.values.get("voltage") for one in group.of("operating_conditions")]
        given = next((one for one in conditions if one), "0")
    return number(path, "voltage", given)
