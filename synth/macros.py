"""The files that make a memory a macro: for Yosys, for OpenSTA, for a simulation.

A macro has ports of one bit, since OpenSTA takes no concatenation on an instance's port: `clk`; of each write
port `w0_en_0`, `w0_addr_0`, `w0_data_0`; of each read port `r0_en` (if clocked), `r0_addr_0`, `r0_data_0`.
"""

from collections.abc import Iterator

from synth.memories import Figures, Shape

CLOCK_FF = 20.0  # fF, of a macro's clock; a model's, as are its inputs'
INPUT_FF = 5.0
COMMA = ",\n  "


def ports(shape: Shape) -> Iterator[tuple[str, str, int]]:
    """(port, "input" or "output", width; 0 for a port without an index) in the order of the module."""
    yield "clk", "input", 0
    for w in range(shape.writes):
        yield f"w{w}_en", "input", shape.enables
        yield f"w{w}_addr", "input", shape.address_bits
        yield f"w{w}_data", "input", shape.width
    for r in range(shape.reads + shape.asynchronous):
        if r < shape.reads:
            yield f"r{r}_en", "input", 0
        yield f"r{r}_addr", "input", shape.address_bits
        yield f"r{r}_data", "output", shape.width


def pins(name: str, width: int) -> list[str]:
    return [f"{name}_{bit}" for bit in range(width)] if width else [name]


def library(shapes: list[Shape]) -> str:
    """What Yosys' memory_libmap may choose from: each macro a style that one memory asks for by name."""
    return "".join(entry(shape) for shape in shapes)


def entry(shape: Shape) -> str:
    byte = f"  byte {shape.byte};\n" if shape.enables > 1 else ""
    write = 'clock posedge "C"; ' + "wrtrans all old; "
    ports = "".join(f'  port sw "W{w}" {{ {write}}}\n' for w in range(shape.writes))
    ports += "".join(f'  port sr "R{r}" {{ clock posedge "C"; rden; }}\n' for r in range(shape.reads))
    ports += "".join(f'  port ar "R{shape.reads + r}" {{ }}\n' for r in range(shape.asynchronous))
    head = f'  style "{shape.name}";\n  cost 1;\n  abits {shape.address_bits};\n  width {shape.width};\n'
    return f"ram block $__{shape.name} {{\n{head}{byte}  init none;\n{ports}}}\n"


def techmap(shape: Shape) -> str:
    """Verilog that turns what memory_libmap places into the macro with its ports of one bit."""
    declared, ties = ["input CLK_C"], [".clk(CLK_C)"]
    for w in range(shape.writes):
        for name, port in (("en", "WR_EN"), ("addr", "ADDR"), ("data", "WR_DATA")):
            width = {"en": shape.enables, "addr": shape.address_bits, "data": shape.width}[name]
            declared.append(f"input [{width - 1}:0] PORT_W{w}_{port}")
            ties += [f".w{w}_{name}_{bit}(PORT_W{w}_{port}[{bit}])" for bit in range(width)]
        declared.append(f"input PORT_W{w}_CLK")
    for r in range(shape.reads + shape.asynchronous):
        if r < shape.reads:
            declared += [f"input PORT_R{r}_RD_EN", f"input PORT_R{r}_CLK"]
            ties.append(f".r{r}_en(PORT_R{r}_RD_EN)")
        declared.append(f"input [{shape.address_bits - 1}:0] PORT_R{r}_ADDR")
        declared.append(f"output [{shape.width - 1}:0] PORT_R{r}_RD_DATA")
        ties += [f".r{r}_addr_{bit}(PORT_R{r}_ADDR[{bit}])" for bit in range(shape.address_bits)]
        ties += [f".r{r}_data_{bit}(PORT_R{r}_RD_DATA[{bit}])" for bit in range(shape.width)]
    body = ",\n    ".join(ties)
    parameters = "#(parameter INIT = 0, parameter OPTION = 0)"
    return (
        f"module \\$__{shape.name} {parameters} (\n  {COMMA.join(declared)});\n"
        f"  {shape.name} _TECHMAP_REPLACE_ (\n    {body});\nendmodule\n"
    )


def header(shape: Shape) -> str:
    """The module's head, up to its `;`."""
    declared = (f"{way} {pin}" for name, way, width in ports(shape) for pin in pins(name, width))
    return f"module {shape.name} (\n  {COMMA.join(declared)});\n"


def stub(shape: Shape) -> str:
    """The macro as Yosys reads it: its ports alone."""
    return f"(* blackbox *)\n{header(shape)}endmodule\n"


def behaviour(shape: Shape) -> str:
    """The macro for a simulation: a read in the cycle of its word's write gives the old word."""
    lines = [f"  reg [{shape.width - 1}:0] words [0:{shape.words - 1}];"]
    clocked = []
    for name, way, width in ports(shape):
        if name == "clk" or not width:
            continue
        vector = ", ".join(reversed(pins(name, width)))
        if way == "input":
            lines.append(f"  wire [{width - 1}:0] {name} = {{{vector}}};")
        else:
            kind = "reg" if int(name[1 : name.index("_")]) < shape.reads else "wire"
            lines.append(f"  {kind} [{width - 1}:0] {name};\n  assign {{{vector}}} = {name};")
    for r in range(shape.reads):
        clocked.append(f"    if (r{r}_en) r{r}_data <= words[r{r}_addr];")
    for w in range(shape.writes):
        for lane in range(shape.enables):
            part = f"[{lane * shape.byte} +: {shape.byte}]"
            where = f"words[w{w}_addr]{part if shape.enables > 1 else ''}"
            data = f"w{w}_data{part if shape.enables > 1 else ''}"
            clocked.append(f"    if (w{w}_en[{lane}]) {where} <= {data};")
    for r in range(shape.reads, shape.reads + shape.asynchronous):
        lines.append(f"  assign r{r}_data = words[r{r}_addr];")
    always = "  always @(posedge clk) begin\n" + "\n".join(clocked) + "\n  end\n"
    return header(shape) + "\n".join(lines) + "\n" + always + "endmodule\n"


def liberty(macros: dict[Shape, Figures], voltage: float) -> str:
    """A Liberty file of the macros: area, capacitances, clock to data, setup. Units: ns, fF, V."""
    cells = "".join(liberty_cell(shape, figures) for shape, figures in macros.items())
    return f"""library (memory_macros) {{
  delay_model : table_lookup;
  time_unit : "1ns";
  voltage_unit : "1V";
  current_unit : "1mA";
  pulling_resistance_unit : "1kohm";
  leakage_power_unit : "1nW";
  capacitive_load_unit (1, ff);
  slew_lower_threshold_pct_rise : 20;
  slew_upper_threshold_pct_rise : 80;
  slew_lower_threshold_pct_fall : 20;
  slew_upper_threshold_pct_fall : 80;
  input_threshold_pct_rise : 50;
  input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50;
  output_threshold_pct_fall : 50;
  nom_process : 1;
  nom_voltage : {voltage:g};
  nom_temperature : 25;
  operating_conditions (typical) {{ process : 1; voltage : {voltage:g}; temperature : 25; }}
  default_operating_conditions : typical;
{cells}}}
"""


def liberty_cell(shape: Shape, figures: Figures) -> str:
    text = f"  cell ({shape.name}) {{\n    area : {figures.area_um2:.4f};\n"
    for name, way, width in ports(shape):
        for pin in pins(name, width):
            text += f"    pin ({pin}) {{ direction : {way}; "
            text += output(shape, name, pin, figures) if way == "output" else entering(name, figures)
            text += " }\n"
    return text + "  }\n"


def entering(name: str, figures: Figures) -> str:
    if name == "clk":
        return f"capacitance : {CLOCK_FF:g}; clock : true;"
    setup = constant("constraint", figures.setup_ns)
    hold = constant("constraint", 0.0)
    arcs = f'timing () {{ related_pin : "clk"; timing_type : setup_rising; {setup} }} '
    arcs += f'timing () {{ related_pin : "clk"; timing_type : hold_rising; {hold} }}'
    return f"capacitance : {INPUT_FF:g}; " + arcs


def output(shape: Shape, name: str, pin: str, figures: Figures) -> str:
    edges = f'cell_rise (scalar) {{ values ("{figures.access_ns:.4f}"); }} '
    edges += f'cell_fall (scalar) {{ values ("{figures.access_ns:.4f}"); }} '
    slew = figures.setup_ns / 2
    edges += f'rise_transition (scalar) {{ values ("{slew:.4f}"); }} '
    edges += f'fall_transition (scalar) {{ values ("{slew:.4f}"); }}'
    port = name.removesuffix("_data")
    if int(port[1:]) < shape.reads:
        return f'timing () {{ related_pin : "clk"; timing_type : rising_edge; {edges} }}'
    related = " ".join(pins(f"{port}_addr", shape.address_bits))
    return f'timing () {{ related_pin : "{related}"; timing_sense : non_unate; {edges} }}'


def constant(kind: str, value: float) -> str:
    return "".join(f'{edge}_{kind} (scalar) {{ values ("{value:.4f}"); }} ' for edge in ("rise", "fall"))
