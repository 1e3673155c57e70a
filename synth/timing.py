"""The critical path and the greatest clock of a mapped netlist, by OpenSTA.

What is assumed, and said in the result: an ideal clock; wires without delay; inputs that come at the edge and
outputs that are wanted at the next, with nothing outside. A block without a clock is timed from its inputs to
its outputs, as between registers that take no time.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from golden import check
from sim import quote
from sim.tools import ToolMissing, on_path
from synth import process
from synth.asic import MappedNetlist
from synth.folders import at_hand
from synth.liberty import Liberty

ASSUMED = ("ideal clock", "wires without delay", "inputs at the clock edge, outputs until the next")
DIGITS = 6
PORTS = 1 << 20  # characters in which a netlist has declared its ports
STEP = re.compile(r"^ *(-?[\d.]+)\s+(-?[\d.]+)\s+([v^])\s+(\S+)/(\S+) \((\S+)\)", re.M)
PORT = re.compile(r"^ *(-?[\d.]+)\s+(-?[\d.]+)\s+([v^])\s+(\S+) \((in|out)\)", re.M)
SLACK = re.compile(r"^ *(-?[\d.]+)\s+slack \(", re.M)
ENDS = re.compile(r"^(Startpoint|Endpoint): (\S+)", re.M)
SETUP = re.compile(r"^ *(-?[\d.]+)\s+-?[\d.]+\s+library setup time", re.M)


@dataclass(frozen=True, slots=True)
class PathPin:
    """One pin that the path leaves. cell: its kind ("in", "out": a port). edge: rise or fall. Times in ns."""

    instance: str
    pin: str
    cell: str
    edge: str
    delay_ns: float
    arrival_ns: float


@dataclass(frozen=True, slots=True)
class SlowestPath:
    """The slowest path. fmax_mhz: 1000 / (period - slack); None, as slack, where no path has an end.

    clocked  False: there is no clock, delay_ns of the slowest path from an input to an output is what counts
    """

    period_ns: float
    slack_ns: float | None
    fmax_mhz: float | None
    delay_ns: float | None
    start: str
    end: str
    path: tuple[PathPin, ...]
    setup_ns: float
    clocked: bool
    assumed: tuple[str, ...] = ASSUMED

    @property
    def met(self) -> bool:
        return self.slack_ns is None or self.slack_ns >= 0


def find_sta() -> str:
    """OpenSTA's program; ToolMissing without it."""
    found = on_path("sta", "-version")
    if found is None:
        raise ToolMissing("OpenSTA is missing; needed: sta on PATH (Debian: opensta)")
    return found.path


def critical_path(
    mapped: MappedNetlist, liberty: Liberty, folder: Path, period_ns: float, *, clock: str = "clk"
) -> SlowestPath:
    """Time `mapped` at `period_ns`; `folder` takes OpenSTA's script and log.

    raises  BadValue, ToolMissing, SynthesisError with OpenSTA's own message
    """
    if not period_ns > 0:
        raise check.fail("period_ns", period_ns, "over 0")
    program = find_sta()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with open(mapped.verilog) as netlist:
        ports = netlist.read(PORTS)
    clocked = bool(re.search(rf"^\s*input {re.escape(clock)}\s*;", ports, re.M))
    unit = liberty.time_ns
    lines = [*reading(mapped, liberty, folder), *constraints(clock if clocked else None, period_ns / unit)]
    lines.append(f"report_checks -path_delay max -format full -digits {DIGITS}")
    (folder / "timing.tcl").write_text("\n".join(lines) + "\n")
    log = process.run("timing", [program, "-exit", "timing.tcl"], folder, errors=("Error",))
    return parsed(log, unit, period_ns, clocked)


def reading(mapped: MappedNetlist, liberty: Liberty, folder: Path) -> list[str]:
    """Tcl that reads the libraries and links the netlist: what every run of OpenSTA begins with."""
    macros = [at_hand(mapped.macro_liberty, folder)] if mapped.macro_liberty else []
    read = [f"read_liberty {quote.tcl(name)}" for name in [*liberty.plain(folder), *macros]]
    netlist = at_hand(mapped.verilog, folder)
    return [*read, f"read_verilog {quote.tcl(netlist)}", f"link_design {quote.tcl(mapped.top)}"]


def constraints(clock: str | None, period: float) -> list[str]:
    """Tcl of the clock and of the ports; period in the library's unit."""
    at = f"[get_ports {quote.tcl(clock)}]" if clock else ""
    other = "if {[get_property $p full_name] ne $clock_port} { lappend inputs $p }"
    return [
        f"create_clock -name systola_clock -period {period:.9g} {at}",
        f"set clock_port {quote.tcl(clock or '')}",
        "set inputs {}",
        f"foreach p [all_inputs] {{ {other} }}",
        "if {[llength $inputs]} { set_input_delay 0 -clock systola_clock $inputs }",
        "set outputs [all_outputs]",
        "if {[llength $outputs]} { set_output_delay 0 -clock systola_clock $outputs }",
    ]


def parsed(log: Path, unit: float, period_ns: float, clocked: bool) -> SlowestPath:
    """The SlowestPath that OpenSTA's report tells."""
    text = log.read_text()
    failed = [line for line in text.splitlines() if line.startswith("Error")]
    if failed:
        raise process.SynthesisError(f"timing: {failed[0]}; its log: {log}")
    found = SLACK.search(text)
    if not found:
        return SlowestPath(period_ns, None, None, None, "", "", (), 0.0, clocked)
    slack = float(found[1]) * unit
    data = text[: text.index("data arrival time")]
    steps = sorted([*STEP.finditer(data), *PORT.finditer(data)], key=lambda step: step.start())
    path = tuple(step_of(step, unit) for step in steps)
    ends = dict(ENDS.findall(text))
    setup = SETUP.search(text)
    delay = period_ns - slack
    return SlowestPath(
        period_ns=period_ns,
        slack_ns=slack,
        fmax_mhz=1000 / delay if delay > 0 else None,
        delay_ns=delay,
        start=ends.get("Startpoint", ""),
        end=ends.get("Endpoint", ""),
        path=path,
        setup_ns=-float(setup[1]) * unit if setup else 0.0,
        clocked=clocked,
    )


def step_of(found: re.Match[str], unit: float) -> PathPin:
    parts = found.groups()
    pin = parts[4] if len(parts) == 6 else ""
    edge = "rise" if parts[2] == "^" else "fall"
    return PathPin(parts[3], pin, parts[-1], edge, float(parts[0]) * unit, float(parts[1]) * unit)
