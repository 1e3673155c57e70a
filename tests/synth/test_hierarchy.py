"""Parts of a design: what crosses their borders, and that together they are the design."""

import re

import pytest

from golden.check import BadValue
from synth import hierarchy
from synth.borders import Part
from synth.yosys import yosys

pytestmark = pytest.mark.rtl

ADDER = """
module adder(input clk, input [7:0] a, input [7:0] b, output reg [7:0] y, output reg carry);
  always @(posedge clk) {carry, y} <= a + b;
endmodule
"""
PAIR = (
    ADDER
    + """
module pair(input clk, input [7:0] a, input [7:0] b, output [7:0] y, output c);
  wire [7:0] between;
  adder one(.clk(clk), .a(a), .b(8'h0f), .y(between), .carry(c));
  adder two(.clk(clk), .a(between), .b(b), .y(y), .carry());
endmodule
"""
)
SIGNS = """
module product(input clk, input signed [3:0] a, input signed [3:0] b, output reg signed [31:0] y);
  always @(posedge clk) y <= a * b;
endmodule
module sum(input clk, input signed [31:0] a, input signed [31:0] b, output reg signed [31:0] y);
  always @(posedge clk) y <= a + b;
endmodule
module chain(input clk, input [3:0] a, input [3:0] b, output [31:0] y);
  wire [31:0] first, second;
  product p(.clk(clk), .a(a), .b(b), .y(first));
  product q(.clk(clk), .a(b), .b(b), .y(second));
  sum s(.clk(clk), .a(first), .b(second), .y(y));
endmodule
"""
NEST = """
module leaf(input [3:0] a, output [3:0] y); assign y = a + 4'd3;
endmodule
module cell_of(input clk, input [3:0] a, output reg [3:0] y);
  wire [3:0] t;
  leaf inner(.a(a), .y(t));
  always @(posedge clk) y <= t;
endmodule
module column(input clk, input [3:0] a, output [3:0] y);
  wire [3:0] t;
  cell_of one(.clk(clk), .a(a), .y(t));
  cell_of two(.clk(clk), .a(t), .y(y));
endmodule
"""


def modules(found):
    return [part.module for part in found]


def test_a_constant_and_an_unread_output_make_parts_of_their_own():
    found = hierarchy.explore(PAIR, "pair")
    one, two = (part for part in found if part.module == "adder")
    assert one == Part("adder", ties=(("b", ("1",) * 4 + ("0",) * 4),))
    assert two == Part("adder", opens=(("carry", (".",)),))


def test_what_is_tied_is_not_in_a_parts_logic():
    found = hierarchy.explore(PAIR, "pair")
    one, two = (own.verilog for part, own in found.items() if part.module == "adder")
    assert not re.search(r"\bb\[", one) and "carry <=" not in two


def test_places_of_a_part_are_counted():
    found = hierarchy.explore(NEST, "column")
    assert hierarchy.counts(found, Part("column")) == {Part("column"): 1, Part("cell_of"): 2}


def test_a_leaf_of_what_repeats_belongs_to_it():
    assert modules(hierarchy.explore(NEST, "column")) == ["column", "cell_of"]
    found = hierarchy.explore(NEST, "cell_of")
    assert modules(found) == ["cell_of", "leaf"]


def test_a_sums_sign_bits_are_known_to_who_takes_them():
    found = hierarchy.explore(SIGNS, "chain")
    part, own = next((part, own) for part, own in found.items() if part.module == "sum")
    a = dict(part.ties)["a"]
    assert a[8:] == ("a[7]",) * 24 and a[:8] == ("-",) * 8
    # eight bits and eight bits are nine: the other 23 registers are one of them
    assert re.search(r"reg \[\d+:0\] y", own.verilog) is None or "y[31:9]" not in own.verilog
    assert next(p for p in found if p.module == "product").opens == (("y", ("-",) * 8 + (".",) * 24),)


def test_own_logic_has_no_children():
    found = hierarchy.explore(NEST, "column")
    assert all(own.verilog.count("endmodule") == 1 and "cell_of " not in own.verilog.split(";", 1)[1]
               for own in found.values())  # fmt: skip


@pytest.mark.parametrize(("text", "top"), [(PAIR, "pair"), (NEST, "column"), (SIGNS, "chain")])
def test_parts_have_the_registers_of_the_whole(text, top, tmp_path):
    def registers(verilog, module):
        (tmp_path / "a.v").write_text(verilog)
        yosys(["read_verilog a.v", f"synth -flatten -noabc -top {module}", "tee -o s.txt stat"], tmp_path)
        lines = (tmp_path / "s.txt").read_text().splitlines()
        return sum(int(line.split()[0]) for line in lines if "DFF" in line)

    found = hierarchy.explore(text, top)
    many = hierarchy.counts(found, Part(top))
    parts = sum(many[part] * registers(own.verilog, part.module) for part, own in found.items())
    assert parts == registers(hierarchy.flat(text, top), top) > 0


def test_an_unknown_top_is_named():
    with pytest.raises(BadValue, match=r"top module is 'triple'; allowed: adder, pair"):
        hierarchy.explore(PAIR, "triple")
