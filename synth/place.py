"""Placed and routed by nextpnr, for ECP5 and iCE40: the clock that a design reaches, and what limits it.

The design stands in a harness (synth.harness) whose registers are left out of what it uses.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from golden import check
from golden.check import BadValue
from sim.tools import ToolMissing
from synth import harness, process
from synth.fpga import FpgaOptions, mapped, reading
from synth.fpga_targets import KNOWN, resources
from synth.netlist import Module, Netlist
from synth.yosys import yosys

DEVICES = {"ecp5": ("25k", "45k", "85k"), "ice40": ("hx8k", "up5k")}
DSP_BLOCKS = {"hx8k": 0, "up5k": 8, "25k": 28, "45k": 72, "85k": 156}
PACKAGES = {"hx8k": "ct256", "up5k": "sg48", "25k": "CABGA381", "45k": "CABGA381", "85k": "CABGA756"}
SPEEDS = (6, 7, 8)  # of ECP5; 8 is the fastest
# nextpnr's words for what a design uses
RESOURCES = {
    "TRELLIS_COMB": "luts", "TRELLIS_FF": "ffs", "MULT18X18D": "multipliers", "DP16KD": "memories",
    "ICESTORM_LC": "logic_cells", "ICESTORM_DSP": "multipliers", "ICESTORM_RAM": "memories",
    "ICESTORM_SPRAM": "large_memories",
}  # fmt: skip
KINDS = {"luts": "lut", "ffs": "register", "carries": "carry", "multipliers": "multiplier",
         "memories": "memory", "lut_rams": "lut ram"}  # fmt: skip
USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", re.MULTILINE)
MULTIPLIERS = re.compile(r"^Info:\s+(MULT18X18D|ICESTORM_DSP):", re.MULTILINE)
NONE = re.compile(r"no BELs remaining to implement cell type '(\w+)'")
# where the name that Yosys derives from a net's begins
DERIVED = re.compile(r"_(TRELLIS_|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D|DP16KD|PDPW16KD|SB_)|\$")


class DoesNotFit(BadValue):
    """The part has too little of something."""


@dataclass(frozen=True, slots=True)
class PathDelay:
    """kind: "register", "lut", "carry", "multiplier", "memory", "lut ram", "net" or "setup"; delay: ns;
    name: of the design's net that is nearest."""

    kind: str
    delay_ns: float
    name: str


@dataclass(frozen=True, slots=True)
class BestSeed:
    """The best of the seeds.

    critical_path  from the register at `start` to that at `end`; "port left[3]": a port of the design
    used           (used, available) by kind, without the harness
    harness        what the harness takes: ffs and luts
    seeds          MHz that each seed reached
    """

    fmax_mhz: float
    critical_path: list[PathDelay]
    start: str
    end: str
    used: dict[str, tuple[int, int]]
    harness: dict[str, int]
    seeds: dict[int, float]
    lut_multipliers: int = 0


def nextpnr(target: str) -> list[str]:
    """The command of PyPI's nextpnr for `target`; ToolMissing without it."""
    package = f"yowasp_nextpnr_{target}"
    if not util.find_spec(package):
        raise ToolMissing(f"nextpnr-{target} is missing; needed: pip install {package.replace('_', '-')}")
    run = f"import sys, {package} as package; sys.exit(package.run_nextpnr_{target}(sys.argv[1:]))"
    return [sys.executable, "-c", run]


def version(target: str) -> str:
    """nextpnr's version; ToolMissing without it."""
    nextpnr(target)
    return metadata.version(f"yowasp-nextpnr-{target}")


def place(
    verilog: str,
    top: str,
    target: str,
    folder: Path,
    *,
    device: str,
    package: str | None = None,
    speed: int = 6,
    mhz: float = 150,
    seeds: Sequence[int] = (1,),
    options: FpgaOptions = FpgaOptions(),  # noqa: B008 (frozen)
    timeout: float = 3600,
) -> BestSeed:
    """Synthesise, place and route `top`; logs, scripts and reports stay in `folder`.

    target   "ecp5" or "ice40": there is no place and route for other parts
    device   one of DEVICES; package: nextpnr's name; speed: grade, of ECP5 only
    mhz      the clock that nextpnr works towards; a design that misses it is no failure
    timeout  seconds for one seed
    raises   DoesNotFit, other BadValues, SynthesisError with nextpnr's own words, ToolMissing
    """
    check.one_of("target", target, DEVICES)
    check.one_of("device", device, DEVICES[target])
    check.in_range("speed", speed, SPEEDS[0], SPEEDS[-1], "grades of ECP5")
    if not seeds:
        raise check.fail("seeds", "empty", "one or more")
    command = nextpnr(target)
    folder.mkdir(parents=True, exist_ok=True)
    wrapped = harness.wrap(top, ports_of(verilog, top, folder).ports)
    json_file, in_luts = mapped(verilog + wrapped.verilog, harness.TOP, target, folder, options=options)
    design = Netlist.read(json_file, harness.TOP).modules[harness.TOP]
    own = harness.own_cells(design, wrapped)
    command += [f"--{device}", "--package", package or PACKAGES[device], "--freq", f"{mhz:g}"]
    command += ["--json", json_file.name, "--timing-allow-fail"]
    command += ["--speed", str(speed), "--lpf-allow-unconstrained"] if target == "ecp5" else []
    part, needed = f"{target} {device}", resources(target, design.own()).multipliers
    reports = {seed: _run(command, folder, part, needed, seed, timeout) for seed in seeds}
    reached = {seed: min(each["achieved"] for each in r["fmax"].values()) for seed, r in reports.items()}
    best = max(reached, key=lambda seed: reached[seed])
    taken = {"ffs": 0, "luts": 0}
    for cell in own:
        kind = kind_of(design, cell, target)
        taken["ffs"] += kind == "register"
        taken["luts"] += kind == "lut"
    steps, start, end = critical_path(reports[best], design, own, target)
    used = _used(reports[best]["utilization"], taken)
    return BestSeed(reached[best], steps, start, end, used, taken, reached, len(in_luts))


def ports_of(verilog: str, top: str, folder: Path) -> Module:
    """Module `top` of a Verilog text."""
    (folder / "design.v").write_text(verilog)
    yosys([*reading(top), "write_json ports.json"], folder, name="ports")
    return Netlist.read(folder / "ports.json", top).modules[top]


def _run(
    command: Sequence[str], folder: Path, part: str, needed: int, seed: int, timeout: float
) -> dict[str, Any]:
    """nextpnr's report."""
    name = f"nextpnr_{seed}"
    run = [*command, "--seed", str(seed), "--report", f"{name}.json"]
    try:
        process.run(name, run, folder, timeout=timeout, errors=("ERROR", "terminate"))
    except process.SynthesisError:
        raise_if_too_large((folder / f"{name}.log").read_text(errors="replace"), part, needed)
        raise
    report: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return report


def raise_if_too_large(log: str, part: str, needed: int) -> None:
    """Raise DoesNotFit if nextpnr's log tells of more than the part has.

    needed  DSP blocks of the design: of a part without any nextpnr does not count them
    """
    if any(RESOURCES.get(kind) == "multipliers" for kind in NONE.findall(log)) and not MULTIPLIERS.search(
        log
    ):
        raise DoesNotFit(f"{part}: multipliers needed are {needed}; allowed: 0 to 0 (what the part has)")
    for kind, used, available in USED.findall(log):
        if int(used) > int(available):
            what = f"{RESOURCES.get(kind, kind)} needed are {used}"
            raise DoesNotFit(f"{part}: {what}; allowed: 0 to {available} (what the part has)")


def _used(found: dict[str, dict[str, int]], taken: dict[str, int]) -> dict[str, tuple[int, int]]:
    less = {"ffs": taken["ffs"], "luts": taken["luts"], "logic_cells": taken["ffs"]}
    return {
        word: (found[kind]["used"] - less.get(word, 0), found[kind]["available"])
        for kind, word in RESOURCES.items()
        if kind in found
    }


def critical_path(
    report: dict[str, Any], design: Module, own: dict[str, str], target: str
) -> tuple[list[PathDelay], str, str]:
    """(steps, where it starts, where it ends) of the slowest path from register to register."""
    inner = [path for path in report["critical_paths"] if path["from"] == path["to"] != "<async>"]
    if not inner:
        return [], "", ""
    path = max(inner, key=lambda each: sum(part["delay"] for part in each["path"]))["path"]
    steps = [_step(part, design, own, target) for part in path]
    ends = [part["cell"] for part in (path[0]["from"], path[-1]["to"])]
    start, end = (own.get(plain(cell, design), readable(cell)) for cell in ends)
    return joined(steps), start, end


def _step(part: dict[str, Any], design: Module, own: dict[str, str], target: str) -> PathDelay:
    if part["type"] == "routing":
        return PathDelay("net", part["delay"], readable(part["net"]))
    cell = part["from"]["cell"]
    kind = "setup" if part["type"] == "setup" else kind_of(design, cell, target)
    return PathDelay(kind, part["delay"], own.get(plain(cell, design), readable(cell)))


def joined(steps: Sequence[PathDelay]) -> list[PathDelay]:
    """With each carry chain as one step."""
    out: list[PathDelay] = []
    for index, step in enumerate(steps):
        inside = step.kind == "net" and out and out[-1].kind == "carry" and index + 1 < len(steps)
        chained = inside and steps[index + 1].kind == "carry"
        if chained or (step.kind == "carry" and out and out[-1].kind == "carry"):
            out[-1] = PathDelay("carry", out[-1].delay_ns + step.delay_ns, out[-1].name)
        else:
            out.append(step)
    return out


def plain(cell: str, design: Module) -> str:
    """The cell of the netlist that a cell of nextpnr was made of."""
    for suffix in ("", "_DFFLC", "_LC"):
        if suffix and cell.endswith(suffix) and cell.removesuffix(suffix) in design.cells:
            return cell.removesuffix(suffix)
    before = re.split(r"\$(?:CCU2|nextpnr|widefn|DPRAM)", cell)[0]
    return before if before in design.cells else cell


def kind_of(design: Module, cell: str, target: str) -> str:
    """The kind of a cell, as a reader of a path calls it; a multiplexer of LUTs is one of them."""
    found = design.cells.get(plain(cell, design))
    kinds = KNOWN[target].kinds.items()
    words = [word for word, pattern in kinds if found and re.fullmatch(pattern, found.type)]
    return KINDS[words[0]] if words else "lut"


def readable(name: str) -> str:
    """The design's own name that a derived one begins with: `column_3.cell_0.acc_out`."""
    inner = name.removeprefix(f"{harness.DESIGN}.")
    return DERIVED.split(inner)[0].strip("._") or inner[:40]
