"""A design between registers, for parts with fewer pins than it has ports.

Every input bit comes from a shift register behind one pin; every output bit goes into a register and on
by XOR into a shift register before one pin, so that nothing can be left out. Hence each path of a port
begins or ends at a register next to the design: as it would in the middle of a larger one. The inputs shift
by XOR, too: a design's own delay of an input would be the same as the next bit of a plain shift register, and
merged with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from synth.netlist import Module, Port

TOP = "harness"
DESIGN = "design"  # the instance's name
SUPPLIED = ("clk", "rst")
REGISTERS = ("inputs", "outputs", "folded", "rst_q")


@dataclass(frozen=True, slots=True)
class Harness:
    """verilog: of the module TOP alone; inputs, outputs: which bit of which port each register serves."""

    verilog: str
    inputs: list[str]
    outputs: list[str]


def wrap(top: str, ports: dict[str, Port]) -> Harness:
    """The harness of module `top` with these ports; `clk` and `rst`, if it has them, stay what they are."""
    ins = {name: len(port.bits) for name, port in ports.items()
           if port.direction == "input" and name not in SUPPLIED}  # fmt: skip
    outs = {name: len(port.bits) for name, port in ports.items() if port.direction == "output"}
    width_in, width_out = max(1, sum(ins.values())), max(1, sum(outs.values()))
    ties = [f".{name}({'clk' if name == 'clk' else 'rst_q'})" for name in SUPPLIED if name in ports]
    ties += _slices(ins, "inputs") + _slices(outs, "driven")
    verilog = f"""
module {TOP}(input clk, input rst, input shift_in, output shift_out);
  (* keep *) reg rst_q;
  (* keep *) reg [{width_in - 1}:0] inputs;
  wire [{width_out - 1}:0] driven;
  (* keep *) reg [{width_out - 1}:0] outputs, folded;
  always @(posedge clk) begin
    rst_q <= rst;
    inputs <= {{inputs, shift_in}} ^ inputs;
    outputs <= driven;
    folded <= {{folded, 1'b0}} ^ outputs;
  end
  assign shift_out = folded[{width_out - 1}];
  {top} {DESIGN}({", ".join(ties)});
endmodule
"""
    return Harness(verilog, _bits(ins), _bits(outs))


def _slices(widths: dict[str, int], vector: str) -> list[str]:
    ties, start = [], 0
    for name, width in widths.items():
        ties.append(f".{name}({vector}[{start + width - 1}:{start}])")
        start += width
    return ties


def _bits(widths: dict[str, int]) -> list[str]:
    return [f"{name}[{i}]" if width > 1 else name for name, width in widths.items() for i in range(width)]


def own_cells(mapped: Module, harness: Harness) -> dict[str, str]:
    """The harness' cells in a mapped and flattened TOP: {cell: "port left[3]", or "harness"}.

    They are what drives its registers' nets, whose names Yosys is told to keep, and what feeds only the
    shifting ones.
    """
    drivers = _drivers(mapped)
    found: dict[str, str] = {}
    for name in REGISTERS:
        ports = {"inputs": harness.inputs, "outputs": harness.outputs}.get(name, [])
        for index, bit in enumerate(mapped.nets.get(name, [])):
            if bit in drivers:
                found[drivers[bit]] = f"port {ports[index]}" if index < len(ports) else "harness"
    shifting = [bit for name in ("inputs", "folded") for bit in mapped.nets.get(name, [])]
    for cell in dict.fromkeys(cell for bit in shifting for cell in _driving(bit, drivers)):
        for bit in _inputs(mapped, cell):
            before = drivers.get(bit)
            if before is not None:
                found.setdefault(before, "harness")
    return found


def _drivers(mapped: Module) -> dict[int | str, str]:
    return {
        bit: cell.name
        for cell in mapped.cells.values()
        for port in cell.outputs
        for bit in cell.connections.get(port, ())
    }


def _driving(bit: int | str, drivers: dict[int | str, str]) -> Iterable[str]:
    return [drivers[bit]] if bit in drivers else []


def _inputs(mapped: Module, cell: str) -> Iterable[int | str]:
    """Data inputs: a clock or a constant has no driver that the harness adds."""
    it = mapped.cells[cell]
    return [bit for port, bits in it.connections.items() if port not in it.outputs for bit in bits]
