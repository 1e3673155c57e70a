"""Small libraries in the styles of real ones: every cell has one constant delay, so that a path's is a sum.

A flip-flop has CLOCK_TO_Q from clock to output.
"""

import gzip
from pathlib import Path

INV, BUF, NAND2, NOR2, CLOCK_TO_Q, SETUP = 0.1, 0.2, 0.3, 0.5, 1.0, 0.25
AREAS = {"INV": 1.0, "BUF": 2.0, "NAND2": 2.5, "NOR2": 3.5, "DFF": 9.0, "TIE": 0.5}
THRESHOLDS = "".join(
    f"  {kind}_{edge} : {value} ;\n"
    for edge in ("rise", "fall")
    for kind, value in (
        ("slew_lower_threshold_pct", 30),
        ("slew_upper_threshold_pct", 70),
        ("input_threshold_pct", 50),
        ("output_threshold_pct", 50),
    )
)


class Style:
    """How one family of libraries writes things."""

    def __init__(self, quote: str, name: str, time: str, scale: float, load: str, cap: float, inverted: bool):
        self.quote, self.name, self.time, self.scale = quote, name, time, scale
        self.load, self.cap, self.inverted = load, cap, inverted

    def q(self, word: str) -> str:
        return f"{self.quote}{word}{self.quote}"

    def head(self, part: str = "") -> str:
        return (
            f"/* a header,\n over lines */\nlibrary ({self.q(self.name + part)}) {{\n"
            "  define(sim_opt,timing,string);\n  technology(cmos);\n  delay_model : table_lookup ;\n"
            f'  time_unit : "{self.time}" ;\n  voltage_unit : "1V" ;\n  current_unit : "1mA" ;\n'
            f'  pulling_resistance_unit : "1kohm" ;\n  leakage_power_unit : "1nW" ;\n  {self.load}\n'
            f"  nom_process : 1.0 ;\n  nom_temperature : 25 ;\n  nom_voltage : 1.10 ;\n{THRESHOLDS}"
            "  lu_table_template (t_2_2) {\n    variable_1 : input_net_transition;\n"
            '    variable_2 : total_output_net_capacitance;\n    index_1 ("0.0, 1000.0");\n'
            '    index_2 ("0.0, 1000.0");\n  }\n'
        )

    def delay(self, related: str, ns: float, sense: str, kind: str = "") -> str:
        value = f"{ns * self.scale:g}"
        table = f'values ("{value}, {value}", \\\n        "{value}, {value}");'
        rows = "".join(f"      cell_{edge} ({self.q('t_2_2')}) {{ {table} }}\n" for edge in ("rise", "fall"))
        rows += "".join(
            f'      {edge}_transition (scalar) {{ values ("{0.01 * self.scale:g}"); }}\n'
            for edge in ("rise", "fall")
        )
        head = f'      related_pin : "{related}";\n      timing_sense : {sense};\n'
        return f"    timing () {{\n{head}{kind}{rows}    }}\n"

    def pin(self, name: str, more: str = "") -> str:
        values = f"direction : {self.q('input')} ; capacitance : {self.cap:g} ;{more}"
        return f"  pin ({self.q(name)}) {{ {values} }}\n"

    def gate(self, name: str, area: float, function: str, inputs: str, ns: float, sense: str) -> str:
        pins = "".join(self.pin(one) for one in inputs)
        arcs = "".join(self.delay(one, ns, sense) for one in inputs)
        out = f'  pin ({self.q("Y")}) {{ direction : output; function : "{function}";\n{arcs}  }}\n'
        return f"cell ({self.q(name)}) {{\n  area : {area} ;\n{pins}{out}}}\n"

    def gates(self) -> str:
        bad, good = "negative_unate", "positive_unate"
        return (
            self.gate("INV_X1", AREAS["INV"], "!A", "A", INV, bad)
            + self.gate("BUF_X1", AREAS["BUF"], "A", "A", BUF, good)
            + self.gate("NAND2_X1", AREAS["NAND2"], "!(A & B)", "AB", NAND2, bad)
            + self.gate("NOR2_X1", AREAS["NOR2"], "(A + B)'", "AB", NOR2, bad)
        )

    def flop(self, name: str, data: str, more: str = "", pins: str = "") -> str:
        setup = "".join(
            f'{edge}_constraint (scalar) {{ values ("{SETUP * self.scale:g}"); }} '
            for edge in ("rise", "fall")
        )
        arc = f' timing () {{ related_pin : "CK"; timing_type : setup_rising; {setup}}}'
        out = self.delay("CK", CLOCK_TO_Q, "non_unate", "      timing_type : rising_edge;\n")
        return (
            f"cell ({self.q(name)}) {{\n  area : {AREAS['DFF']} ;\n{more}"
            f'  ff ({self.q("IQ")},{self.q("IQN")}) {{ next_state : "{data}"; clocked_on : "CK"; }}\n'
            f"{self.pin('CK', ' clock : true ;')}{self.pin('D', arc)}{pins}"
            f'  pin ({self.q("Q")}) {{ direction : output; function : "IQ";\n{out}  }}\n}}\n'
        )

    def flops(self) -> str:
        scan = self.pin("SI", " nextstate_type : scan_in;") + self.pin("SE", " nextstate_type : scan_enable;")
        enable = self.pin("DE")
        gate = (
            'cell (CLKGATE_X1) {\n  area : 1.5 ;\n  clock_gating_integrated_cell : "latch_posedge";\n'
            '  statetable ("CK E", "IQ") { table : "L L : - : L , \\\n   L H : - : H , H - : - : N "; }\n'
            f"{self.pin('CK', ' clock_gate_clock_pin : true;')}{self.pin('E')}"
            '  pin (GCK) { direction : output; state_function : "CK & IQ"; }\n}\n'
        )
        return (
            self.flop("DFF_X1", "!D" if self.inverted else "D")
            + self.flop("EDFF_X1", "(DE&D) | (IQ&!DE)", pins=enable)
            + self.flop("SDFF_X1", "((SE & SI) | (D & !SE))", pins=scan)
            + self.flop("DONT_X1", "D", '  dont_use : "true";\n').replace(
                f"area : {AREAS['DFF']}", "area : 0.1"
            )
            + gate
        )

    def ties(self) -> str:
        outputs = "".join(
            f'  pin ({self.q(name)}) {{ direction : output; function : "{value}"; }}\n'
            for name, value in (("HI", 1), ("LO", 0))
        )
        return f"cell ({self.q('TIE_X1')}) {{\n  area : {AREAS['TIE']} ;\n{outputs}}}\n"


NANGATE = Style("", "NangateLike", "1ns", 1.0, "capacitive_load_unit (1,ff);", 1.5, False)
SKY130 = Style('"', "sky130_like", "1ns", 1.0, 'capacitive_load_unit(1.0000000000, "pf");', 0.0015, False)
ASAP7 = Style("", "asap7_like", "1ps", 1000.0, "capacitive_load_unit (1,ff);", 1.5, True)


def nangate(folder: Path) -> list[Path]:
    """Nothing quoted, femtofarads, one file."""
    path = folder / "nangate.lib"
    path.write_text(NANGATE.head() + NANGATE.gates() + NANGATE.flops() + NANGATE.ties() + "}\n")
    return [path]


def sky130(folder: Path) -> list[Path]:
    """All quoted, picofarads, gzipped."""
    path = folder / "sky130.lib.gz"
    text = SKY130.head() + SKY130.flops() + SKY130.gates() + SKY130.ties() + "}\n"
    path.write_bytes(gzip.compress(text.encode()))
    return [path]


def asap7(folder: Path) -> list[Path]:
    """Picoseconds, two files, a flip-flop that keeps what is not D, and no tie cells."""
    first, second = folder / "simple.lib", folder / "sequential.lib"
    first.write_text(ASAP7.head("_SIMPLE") + ASAP7.gates() + "}\n")
    second.write_text(ASAP7.head("_SEQ") + ASAP7.flops() + "}\n")
    return [first, second]


STYLES = {"nangate": nangate, "sky130": sky130, "asap7": asap7}
