"""Without a Liberty: gate equivalents and depth of circuits small enough to count by hand."""

import pytest

from golden.check import BadValue
from golden.pe.multiplier import MultiplierParams
from hw.emit import verilog
from hw.pe import definition
from synth.flow import synthesise
from synth.gates import EQUIVALENTS, NAME, count_gates
from synth.result import Subject

pytestmark = pytest.mark.rtl

NAND = "module t(input a, input b, output y); assign y = ~(a & b); endmodule"
CHAIN = "module t(input [7:0] a, input clk, output reg q); always @(posedge clk) q <= ^a; endmodule"
MEMORY = """module t(input clk, input we, input [5:0] a, input [31:0] d, output reg [31:0] q);
  reg [31:0] words [63:0];
  always @(posedge clk) begin if (we) words[a] <= d; q <= words[a]; end
endmodule"""


def test_a_nand_is_one(tmp_path):
    counted = count_gates(NAND, "t", tmp_path)
    assert (counted.equivalents, counted.depth, counted.by_kind) == (1.0, 1, {"$_NAND_": 1})
    assert counted.named == NAME and "technology-independent" in NAME


def test_the_parity_of_eight_bits(tmp_path):
    counted = count_gates(CHAIN, "t", tmp_path)
    assert counted.sequential == EQUIVALENTS["$_DFF_P_"]
    assert counted.equivalents == 7 * EQUIVALENTS["$_XOR_"] + EQUIVALENTS["$_DFF_P_"]
    assert 3 <= counted.depth <= 7


def test_a_memory_is_bits_and_no_flip_flops(tmp_path):
    counted = count_gates(MEMORY, "t", tmp_path)
    assert counted.memory_bits == 64 * 32
    assert counted.equivalents < 64


def test_a_booth_multiplier_differs_from_the_default(tmp_path):
    top = definition(MultiplierParams(registers=0))
    counts = {
        flags: count_gates(verilog(top), top.name, tmp_path / flags, flags=flags) for flags in ("", "booth")
    }
    assert counts["booth"].equivalents < counts[""].equivalents
    assert counts[""].sequential == 0


def test_the_depth_is_of_the_whole_and_not_of_its_deepest_part(tmp_path, monkeypatch):
    """Two parities of four bits, one behind the other: two gates each at least."""
    monkeypatch.setenv("SYSTOLA_CACHE", str(tmp_path))
    leaf = "module parity(input [3:0] a, output y); assign y = ^a;\nendmodule\n"
    top = (
        "module two(input [6:0] a, output y); wire m; parity one(.a(a[3:0]), .y(m));"
        " parity other(.a({a[6:4], m}), .y(y));\nendmodule\n"
    )
    alone = count_gates(leaf, "parity", tmp_path / "leaf").depth
    found = synthesise(Subject("two", leaf + top), "gates").figures["logic depth"]
    assert found.value == 2 * alone > 0
    assert "of the whole, each module mapped once" in found.source


def test_an_unknown_way_is_refused(tmp_path):
    with pytest.raises(BadValue, match="flags is 'wallace'"):
        count_gates(NAND, "t", tmp_path, flags="wallace")
