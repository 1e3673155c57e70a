"""What a design takes of each FPGA target, and that what was mapped computes what the Verilog says."""

import shutil
import subprocess
from functools import reduce
from operator import add

import pytest

from golden.check import BadValue
from synth.fpga import FpgaOptions, natural, synthesise_fpga
from synth.fpga_targets import KNOWN, Resources, resources
from synth.yosys import yosys

# two cells of a chain of sums: as a systolic column has them, signed and wider than a product
VERILOG = """
module cell_(input clk, input signed [7:0] a, input signed [7:0] b, input signed [19:0] i,
             output reg signed [19:0] o);
  reg signed [7:0] aq, bq; reg signed [15:0] product;
  always @(posedge clk) begin aq <= a; bq <= b; product <= aq * bq; o <= i + product; end
endmodule
module top(input clk, input signed [7:0] a, input signed [7:0] b, output signed [19:0] y);
  wire signed [19:0] sum_0, sum_1;
  cell_ first(clk, a, b, 20'd0, sum_0);
  cell_ second(clk, b, b, sum_0, sum_1);
  cell_ third(clk, a, a, sum_1, y);
endmodule
"""
TEST = """
module test; reg clk = 0; reg [7:0] a = 0, b = 0; integer k = 0; wire [19:0] y, z;
  top dut(.clk(clk), .a(a), .b(b), .y(y)); meant ref_(.clk(clk), .a(a), .b(b), .y(z));
  always #1 clk = ~clk;
  always @(negedge clk) begin
    if (k > 20 && y !== z) begin $display("differ at %0d: %h %h", k, y, z); $finish; end
    if (k == 500) begin $display("equal"); $finish; end
    k = k + 1; a = $random; b = $random;
  end
endmodule
"""
OPTIONS = {
    "dsp": FpgaOptions(),
    "luts": FpgaOptions(multipliers="luts"),
    "two": FpgaOptions(most_multipliers=2),
}


def simulated(netlist, target, folder):
    """What a test bench says of a mapped netlist beside its source."""
    if not shutil.which("iverilog"):
        pytest.skip("icarus is missing")
    models = [f"read_verilog -defer -overwrite {model}" for model in KNOWN[target].models]
    read = [f"read_json {netlist.name}", "delete =A:blackbox", "delete =A:whitebox", *models]
    flat = ["hierarchy -top top", "proc", "flatten -wb", "opt_clean"]
    yosys([*read, *flat, "write_verilog -noattr mapped.v"], folder, name="models")
    (folder / "test.v").write_text(TEST + VERILOG.replace("module top", "module meant"))
    sources = ["test.v", "mapped.v"]
    subprocess.run(["iverilog", "-g2012", "-s", "test", "-o", "test", *sources], cwd=folder, check=True)
    return subprocess.run(["./test"], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.rtl
@pytest.mark.parametrize("target", ["ecp5", "ice40"])
@pytest.mark.parametrize("option", ["dsp", "luts", "two"])
def test_multipliers_are_where_they_were_asked_for(tmp_path, target, option):
    result = synthesise_fpga(VERILOG, "top", target, tmp_path, options=OPTIONS[option])
    wanted = {"dsp": 3, "luts": 0, "two": 2}[option]
    assert (result.total.multipliers, result.lut_multipliers) == (wanted, 1 if option == "two" else 0)
    inside = {each.path: each.own.multipliers for each in result.by_instance}
    assert (sum(inside.values()), inside["third"]) == (wanted, 1 if option == "dsp" else 0)
    if target == "ice40" or option == "luts":  # Yosys has no model of ECP5's multiplier
        assert simulated(result.netlist, target, tmp_path) == "equal"


@pytest.mark.rtl
def test_xilinx_counts_by_the_same_words(tmp_path):
    result = synthesise_fpga(VERILOG, "top", "xc7", tmp_path)
    assert result.total.multipliers == 3
    assert all(not kind.startswith("$") for kind in result.cells)
    assert [each.path for each in result.by_instance] == ["", "first", "second", "third"]


@pytest.mark.rtl
def test_registers_of_instances_come_to_the_total_where_nothing_is_shared(tmp_path):
    text = """
    module bit_(input clk, input d, output reg q); always @(posedge clk) q <= ~d; endmodule
    module top(input clk, input d, output q); wire m; bit_ one(clk, d, m); bit_ two(clk, m, q); endmodule"""
    result = synthesise_fpga(text, "top", "ecp5", tmp_path)
    assert result.total.ffs == reduce(add, (each.own for each in result.by_instance), Resources()).ffs == 2


def test_a_carry_cell_of_ecp5_holds_two_luts():
    cells = {"LUT4": 3, "CCU2C": 2, "TRELLIS_FF": 5, "DP16KD": 1, "TRELLIS_DPR16X4": 4, "PFUMX": 9}
    found = resources("ecp5", cells)
    assert found == Resources(luts=7, ffs=5, carries=2, memories={"DP16KD": 1}, lut_rams=4)


def test_names_are_in_the_order_of_their_numbers():
    assert sorted(["c_10.x", "c_9.x", "c_2.y"], key=natural) == ["c_2.y", "c_9.x", "c_10.x"]


def test_an_unknown_target_is_refused(tmp_path):
    with pytest.raises(BadValue, match="target is 'ecp6'; allowed: ecp5, ice40, xc7"):
        synthesise_fpga(VERILOG, "top", "ecp6", tmp_path)


def test_a_negative_limit_is_refused():
    with pytest.raises(BadValue, match="most_multipliers is -1; allowed: 0 to"):
        FpgaOptions(most_multipliers=-1)
