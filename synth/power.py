"""Power of a mapped netlist by OpenSTA from counted toggles, net by net; memories by their accesses.

What OpenSTA's `-activity` is: transitions per clock cycle; a net's switching power is 0.5 C V^2 of each. What
else was found by experiment on its version 2.0.17, which Debian has (tests/synth/test_power.py repeats it):

- `set_power_activity -pins` does not run (it calls a procedure that does not exist): the command beneath it,
  `set_power_pin_activity`, is called instead.
- What is annotated on a pin is lost where logic is reached from an input port without a flip-flop between.
  So the netlist is given to it with a flip-flop of no power in front of each input.
- A gate's internal energy needs the activity of its inputs, too: every pin of a net is annotated.
- Internal energy comes out twice: it adds a rise's and a fall's for each transition. `scale` measures that on
  a cell of known energies, whatever the version, and the figures are divided by it.

Nets are loaded by pins alone: no wires; the clock's net too, without a tree of buffers.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from golden import check
from sim import leftovers, quote
from synth import cell_models, process
from synth.activity import Activity
from synth.asic import MappedNetlist
from synth.folders import at_hand
from synth.gate_layout import CLOCK, Layout, bit
from synth.liberty import Liberty
from synth.macros import CLOCK_FF
from synth.timing import find_sta

GROUPS = ("total", "sequential", "combinational", "macro", "pad")  # OpenSTA's order, four figures each
SHIM = "systola_shim"
NUMBER = '(scalar) { values ("%s"); }'
ARCS = ("cell_rise", "cell_fall", "rise_transition", "fall_transition")
TIMES = "".join(f"{kind} {NUMBER % 0} " for kind in ARCS)
TOLERANCE = 0.01  # of a measured scale, around a whole number

PROCEDURES = """
proc every_pin {net act duty} {
  set pins [[sta::find_net $net] pin_iterator]
  while {[$pins has_next]} { sta::set_power_pin_activity [$pins next] $act $duty }
  $pins finish
}
if {[info commands ::sta::set_power_pin_activity] eq ""} {
  proc every_pin {net act duty} {
    set_power_activity -pins [get_pins -of_objects [get_nets $net]] -activity $act -duty $duty
  }
}
proc of_cell {name} { return [sta::instance_power [sta::find_instance $name] [sta::cmd_corner]] }
proc of_design {} { return [sta::design_power [sta::cmd_corner]] }
"""


@dataclass(frozen=True, slots=True)
class PowerPart:
    """mW: internal to cells, switching of what they drive, leakage."""

    internal: float
    switching: float
    leakage: float

    @property
    def total(self) -> float:
        return self.internal + self.switching + self.leakage


@dataclass(frozen=True, slots=True)
class Power:
    """mW at a clock of `period_ns`.

    groups       "sequential" (with the internal power of clock pins), "combinational", "macro"
    clock        of the clock's net: its pins' capacitance
    memories     accesses of the memory macros, by instance
    inputs       of the nets that the inputs drive: not in `total`, since it is the outside that drives them
    cells        of each cell, in the layout's order; empty unless asked for
    sources      where the figures come from
    """

    period_ns: float
    groups: dict[str, PowerPart]
    clock: float
    memories: dict[str, float]
    inputs: float
    cells: tuple[float, ...]
    sources: tuple[str, ...]

    @property
    def total(self) -> float:
        return sum(part.total for part in self.groups.values()) + self.clock + sum(self.memories.values())

    @property
    def leakage(self) -> float:
        return sum(part.leakage for part in self.groups.values())

    def energy_pj(self, operations: float) -> float:
        """pJ of an operation, where a cycle does so many on the mean."""
        if not operations > 0:
            raise check.fail("operations a cycle", operations, "over 0")
        return self.total * self.period_ns / operations

    def by_instance(self, layout: Layout, mapped: MappedNetlist) -> dict[str, float]:
        """mW of each place of the hierarchy with all that is in it, "" the whole; needs `cells`."""
        places = {instance.path for instance in mapped.by_instance}
        found = dict.fromkeys(sorted(places), 0.0)
        for name, power in zip(layout.cells, self.cells, strict=True):
            for path in above(name, places):
                found[path] += power
        for name, power in self.memories.items():
            for path in above(name, places):
                found[path] += power
        return found


def above(name: str, places: set[str]) -> list[str]:
    """The places that a cell named `a.b.c` is in."""
    parts = name.lstrip("\\").split(".")
    paths = [".".join(parts[:end]) for end in range(len(parts))]
    return [path for path in paths if path in places]


def power(
    mapped: MappedNetlist, found: Activity, folder: Path, period_ns: float, *, by_cell: bool = False
) -> Power:
    """The power of `mapped` with activity `found`, whose layout is that of mapped.json.

    folder   for OpenSTA's files
    by_cell  fill Power.cells, too
    raises   ToolMissing without OpenSTA, SynthesisError with its own message, BadValue
    """
    if not period_ns > 0:
        raise check.fail("period_ns", period_ns, "over 0")
    folder.mkdir(parents=True, exist_ok=True)
    liberty, layout = mapped.liberty, found.layout
    macros = [at_hand(mapped.macro_liberty, folder)] if mapped.macro_liberty else []
    shims = write_verilog(layout, mapped.top, folder / "power.v")
    (folder / "shim.lib").write_text(shim_library(liberty.voltage))
    write_activity(found, folder / "activity.tcl")
    names = [
        *(f"s{number}" for number in range(shims)),
        *(f"i{i}" for i in range(len(layout.cells)) if by_cell),
    ]
    libraries = [*liberty.plain(folder), *macros, "shim.lib"]
    lines = [*(f"read_liberty {quote.tcl(name)}" for name in libraries), "read_verilog power.v"]
    lines += [f"link_design {quote.tcl(mapped.top)}", PROCEDURES]
    lines += [f"create_clock -name {CLOCK} -period {period_ns / liberty.time_ns:.9g} [get_ports {CLOCK}]"]
    lines += ["source activity.tcl", 'set out [open "power.txt" w]', "puts $out [of_design]"]
    lines += [f"foreach name {{{' '.join(names)}}} {{ puts $out [of_cell $name] }}"]
    lines += ["close $out", "report_power"]
    rows = run("power", lines, folder)
    totals = [1000 * value for value in rows[0]]
    factor = scale()
    groups = {
        name: PowerPart(totals[at] / factor, totals[at + 1], totals[at + 2])
        for at, name in zip(range(4, 16, 4), GROUPS[1:4], strict=True)
    }
    inputs = 1000 * sum(row[1] for row in rows[1 : shims + 1])
    sequential = groups["sequential"]
    groups["sequential"] = PowerPart(sequential.internal, sequential.switching - inputs, sequential.leakage)
    memories = memory_power(mapped, found.accesses, period_ns)
    return Power(
        period_ns=period_ns,
        groups=groups,
        clock=clock_power(layout, liberty, len(mapped.memories)) / period_ns,
        memories=memories,
        inputs=inputs,
        cells=tuple(1000 * (row[0] / factor + row[1] + row[2]) for row in rows[shims + 1 :]),
        sources=("OpenSTA", found.source, *([mapped.memory_model.source] if mapped.memory_model else [])),
    )


def run(name: str, lines: list[str], folder: Path) -> list[list[float]]:
    """OpenSTA on a script that writes rows of watts to power.txt."""
    (folder / "power.txt").unlink(missing_ok=True)
    (folder / f"{name}.tcl").write_text("\n".join([*lines, ""]))
    log = process.run(name, [find_sta(), "-no_splash", "-exit", f"{name}.tcl"], folder, errors=("Error",))
    result = folder / "power.txt"
    failed = [line for line in log.read_text().splitlines() if line.startswith("Error")]
    if failed or not result.exists():
        raise process.SynthesisError(f"{name}: {failed[0] if failed else 'no figures'}; its log: {log}")
    return [[float(word) for word in line.split()[:20]] for line in result.read_text().splitlines()]


def write_verilog(layout: Layout, top: str, path: Path) -> int:
    """The netlist for OpenSTA: nets n5, cells i7, the port clk, flip-flops of no power for the inputs, s3.

    returns  how many of these there are
    """
    names = [f"n{net}" for net in range(layout.nets)]
    names[0], names[1] = "1'b0", "1'b1"
    clock = int(layout.ports[CLOCK][1][0]) if CLOCK in layout.ports else -1
    if clock >= 0:
        names[clock] = CLOCK
    net_of_bit = layout.net_of_bit.tolist()
    inputs = [nets for is_input, nets in layout.ports.values() if is_input]
    given = [net for nets in inputs for net in nets.tolist() if net != clock]
    with open(path, "w") as out:
        out.write(f"module {top}({CLOCK});\n  input {CLOCK};\n")
        out.writelines(f"  wire n{net};\n" for net in range(2, layout.nets) if net != clock)
        out.writelines(f"  {SHIM} s{at} (.C({CLOCK}), .Q({names[net]}));\n" for at, net in enumerate(given))
        for number, (kind, pins) in enumerate(zip(layout.kinds, layout.connections, strict=True)):
            nets = {pin: names[net_of_bit[bit(each[0])]] for pin, each in pins.items() if each}
            ties = ", ".join(f".{cell_models.identifier(pin)}({name})" for pin, name in nets.items())
            out.write(f"  {cell_models.identifier(kind)} i{number} ({ties});\n")
        out.write("endmodule\n")
    return len(given)


def write_activity(found: Activity, path: Path) -> None:
    """A line of Tcl for each net that anything drives, the clock's left out."""
    toggles, duty = found.toggles.tolist(), found.duty.tolist()
    with open(path, "w") as out:
        out.writelines(f"every_pin n{net} {toggles[net]:.6g} {duty[net]:.4g}\n" for net in found.nets())


def clock_power(layout: Layout, liberty: Liberty, macros: int) -> float:
    """pJ a cycle that charge the pins of the clock: C V^2."""
    count = Counter(layout.kinds)
    femtofarads = macros * CLOCK_FF
    for kind, number in count.items():
        cell = liberty.cells.get(kind)
        if cell and cell.storage:
            femtofarads += number * cell.pins[cell_models.clock(cell.storage)[0]].capacitance
    return femtofarads * liberty.voltage**2 / 1000


def memory_power(
    mapped: MappedNetlist, accesses: Mapping[str, Mapping[str, float]], period_ns: float
) -> dict[str, float]:
    """mW of each macro: pJ of an access, times accesses a cycle, over ns a cycle."""
    power = {}
    for memory in mapped.memories:
        if memory.cell and memory.figures:
            ports = accesses.get(memory.cell, {})
            reads = sum(count for port, count in ports.items() if port.startswith("r"))
            writes = sum(count for port, count in ports.items() if port.startswith("w"))
            energy_pj = reads * memory.figures.read_pj + writes * memory.figures.write_pj
            power[memory.cell] = energy_pj / period_ns
    return power


def shim_library(voltage: float) -> str:
    """A flip-flop that takes no power and no time."""
    return head("systola_shims", voltage) + flip_flop(SHIM, "0", "0") + "}\n"


def head(name: str, voltage: float) -> str:
    edges = ("rise", "fall")
    halves = "".join(f"{way}_threshold_pct_{edge} : 50; " for way in ("input", "output") for edge in edges)
    ends = [(end, edge) for end in ("lower 20", "upper 80") for edge in edges]
    slews = "".join(f"slew_{end[:5]}_threshold_pct_{edge} : {end[6:]}; " for end, edge in ends)
    return f"""library ({name}) {{
  delay_model : table_lookup; time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA";
  pulling_resistance_unit : "1kohm"; leakage_power_unit : "1nW"; capacitive_load_unit (1, pf);
  {halves}{slews}
  nom_process : 1; nom_voltage : {voltage:g}; nom_temperature : 25;
  operating_conditions (typical) {{ process : 1; voltage : {voltage:g}; temperature : 25; }}
  default_operating_conditions : typical;
"""


def energy(rise: str, fall: str, related: str = "") -> str:
    return f"internal_power () {{ {related} rise_power {NUMBER % rise} fall_power {NUMBER % fall} }}"


def flip_flop(name: str, rise: str, fall: str) -> str:
    related = 'related_pin : "C";'
    return f"""  cell ({name}) {{ area : 0;
    ff (IQ, IQN) {{ next_state : "IQ"; clocked_on : "C"; }}
    pin (C) {{ direction : input; capacitance : 0; clock : true; }}
    pin (Q) {{ direction : output; function : "IQ";
      timing () {{ {related} timing_type : rising_edge; {TIMES} }} {energy(rise, fall, related)} }} }}
"""


@cache
def scale() -> float:
    """How often this OpenSTA counts internal energy, measured: a flip-flop of 1 pJ a rise and 3 a fall.

    raises  SynthesisError if that is neither once nor twice, or if a toggle is not what it is here
    """
    with leftovers.temporary() as folder:
        inverter = f"""  cell (inverter) {{ area : 0; pin (A) {{ direction : input; capacitance : 1; }}
    pin (Y) {{ direction : output; function : "!A";
      timing () {{ related_pin : "A"; timing_sense : negative_unate; {TIMES} }} }} }}\n"""
        cells = flip_flop("known", "1", "3") + inverter
        (folder / "known.lib").write_text(head("known", 1.0) + cells + "}\n")
        lines = ["module known_top(clk);", "  input clk; wire n; wire y;", "  known f (.C(clk), .Q(n));"]
        (folder / "known.v").write_text("\n".join([*lines, "  inverter u (.A(n), .Y(y));", "endmodule", ""]))
        script = ["read_liberty known.lib", "read_verilog known.v", "link_design known_top", PROCEDURES]
        script += ["create_clock -name clk -period 10 [get_ports clk]", "every_pin n 1 0.5"]
        script += ["every_pin y 0 0.5", 'set out [open "power.txt" w]', "puts $out [of_cell f]", "close $out"]
        internal, switching = run("known", script, folder)[0][:2]
    once, charge = 2e-12 / 10e-9, 0.5e-12 / 10e-9  # W: the mean of 1 and 3 pJ, and 0.5 C V^2 of 1 pF at 1 V
    factor = internal / once
    if abs(switching / charge - 1) > TOLERANCE or min(abs(factor - whole) for whole in (1, 2)) > TOLERANCE:
        found = f"{internal:g} W and {switching:g} W"
        raise process.SynthesisError(
            f"OpenSTA: {found} of a cell of {once:g} and {charge:g}; it cannot be used"
        )
    return round(factor)
