"""Mapping to a Liberty: areas by sums of our own, every style of library, names with the instance's path."""

import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from golden.check import BadValue
from golden.pe.multiplier import MultiplierParams
from hw.emit import verilog
from hw.pe import definition
from sim.tools import ToolMissing
from synth.asic import map_asic
from synth.assigns import for_sta
from synth.liberty import Liberty, default_liberty
from synth.process import SynthesisError

sys.path.insert(0, str(Path(__file__).parent))
from libraries import AREAS, STYLES

pytestmark = pytest.mark.rtl

PAIR = """
module leaf(input clk, input [3:0] a, input [3:0] b, output reg [3:0] y);
  always @(posedge clk) y <= a + b;
endmodule
module pair(input clk, input rst, input [3:0] a, output [3:0] y, output one, output same);
  wire [3:0] m;
  leaf first(.clk(clk), .a(a), .b(4'd3), .y(m));
  leaf second(.clk(clk), .a(m), .b(a), .y(y));
  assign one = 1'b1;
  assign same = rst;
endmodule
"""


def debian():
    try:
        return Liberty.read(default_liberty())
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def pe(tmp_path_factory):
    top = definition(MultiplierParams(registers=1))
    return map_asic(verilog(top), top.name, debian(), tmp_path_factory.mktemp("pe"), flatten=True)


def cells_in(path):
    """{cell: its kind} of a netlist, read by no code of ours."""
    found = re.findall(r"^  (\w+) (?:\\(\S+)|(\w+)) +\($", path.read_text(), re.M)
    return {escaped or plain: kind for kind, escaped, plain in found}


def test_a_pes_area_is_the_sum_of_its_cells(pe):
    counted = Counter(cells_in(pe.verilog).values())
    area = re.compile(r"cell \((\w+)\) \{\s*(?:cell_footprint[^;]*;\s*)?area : ([\d.]+)")
    areas = dict(area.findall(default_liberty().read_text()))
    assert {kind: count for kind, (count, _) in pe.by_kind.items()} == counted
    assert pe.area_um2 == pytest.approx(sum(float(areas[kind]) * count for kind, count in counted.items()))
    assert pe.gate_equivalents == pytest.approx(pe.area_um2 / float(areas["NAND2X1"]))
    assert not pe.memories


def test_a_pe_has_the_flip_flops_that_it_declares(pe):
    params = MultiplierParams(registers=1)
    product = params.weight.width + params.activation.width
    assert pe.by_kind["DFFPOSX1"][0] == product
    assert pe.sequential_um2 == pe.by_kind["DFFPOSX1"][1]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("flatten", [True, False], ids=["flat", "kept"])
def test_every_style_maps_with_usable_cells_alone(tmp_path, style, flatten):
    library = Liberty.read(STYLES[style](tmp_path))
    mapped = map_asic(PAIR, "pair", library, tmp_path / "out", flatten=flatten)
    assert set(mapped.by_kind) <= {"INV_X1", "BUF_X1", "NAND2_X1", "NOR2_X1", "DFF_X1", "TIE_X1"}
    assert mapped.by_kind["DFF_X1"] == (8, 8 * AREAS["DFF"])
    assert ("TIE_X1" in mapped.by_kind) == (style != "asap7")


def test_instances_add_up_and_cells_carry_their_path(tmp_path):
    mapped = map_asic(PAIR, "pair", debian(), tmp_path)
    paths = {one.path: one for one in mapped.by_instance}
    assert {path: one.module for path, one in paths.items()} == {
        "": "pair",
        "first": "leaf",
        "second": "leaf",
    }
    assert paths[""].total_um2 == pytest.approx(mapped.area_um2)
    assert sum(one.own_um2 for one in mapped.by_instance) == pytest.approx(mapped.area_um2)
    counted = defaultdict(int)
    for name in cells_in(mapped.verilog):
        counted[name.rpartition(".")[0]] += 1
    assert {path: one.cells for path, one in paths.items() if one.cells} == counted


def test_the_json_is_the_same_netlist(tmp_path):
    mapped = map_asic(PAIR, "pair", debian(), tmp_path)
    cells = json.loads(mapped.json.read_text())["modules"]["pair"]["cells"]
    assert {name: cell["type"] for name, cell in cells.items()} == cells_in(mapped.verilog)


def test_forbidden_cells_are_not_used(tmp_path, pe):
    xors = [kind for kind in pe.by_kind if kind.startswith("X")]
    assert xors
    mapped = map_asic(PAIR, "pair", debian(), tmp_path, dont_use=["X*"])
    assert not [kind for kind in mapped.by_kind if kind.startswith("X")]


def test_a_latch_is_refused(tmp_path):
    latch = "module t(input e, input d, output reg q); always @* if (e) q = d; endmodule"
    with pytest.raises(SynthesisError, match="latch"):
        map_asic(latch, "t", debian(), tmp_path)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"flags": "fast"}, "flags is 'fast'"),
        ({"period_ns": 0.0}, "period_ns is 0"),
        ({"aim": "both"}, "aim is 'both'"),
    ],
)
def test_bad_options_are_refused(tmp_path, option, said):
    with pytest.raises(BadValue, match=said):
        map_asic(PAIR, "pair", debian(), tmp_path, **option)


def test_assignments_are_parted_bit_by_bit(tmp_path):
    path = tmp_path / "netlist.v"
    path.write_text("""module m(a, w);
  input signed [1:0] a;
  output [5:0] w;
  assign x = y;
  assign { w[5:4], w[3], w[2:0] } = { a, z, 3'b010 };
  wire [1:0] \\m.i ;
  assign \\m.i  = { \\b.c , a[0] };
endmodule
""")
    for_sta(path)
    assert path.read_text().splitlines()[1:-1] == [
        "  input [1:0] a;", "  output [5:0] w;",
        "  assign x = y;", "  assign w[5] = a[1];", "  assign w[4] = a[0];", "  assign w[3] = z;",
        "  assign w[2] = 1'b0;", "  assign w[1] = 1'b1;", "  assign w[0] = 1'b0;",
        "  wire [1:0] \\m.i ;", "  assign \\m.i [1] = \\b.c ;", "  assign \\m.i [0] = a[0];",
    ]  # fmt: skip
