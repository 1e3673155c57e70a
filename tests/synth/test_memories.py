"""Memories become macros of just their shape, which do what the RTL did; the model's figures by hand."""

import math
import shutil
import subprocess

import pytest

from golden.check import BadValue
from sim.tools import ToolMissing
from synth.asic import map_asic
from synth.liberty import Liberty, default_liberty
from synth.memories import CELL_UM2, MemoryModel, Shape, node_of
from synth.timing import critical_path, find_sta

SOURCE = """module t(input clk, input rst, input we, input [5:0] wa, input [15:0] d, input re, input [5:0] ra,
         output [15:0] q, output [3:0] low);
  reg [15:0] words [33:0];
  reg [15:0] other [63:0];
  reg [3:0] few [3:0];
  reg [15:0] q0, q1;
  reg [3:0] q2;
  always @(posedge clk) if (we) begin words[wa] <= d; few[wa[1:0]] <= d[3:0]; end
  always @(posedge clk) begin
    if (we && wa[0]) other[wa][7:0] <= d[7:0];
    if (we && wa[1]) other[wa][15:8] <= d[15:8];
  end
  always @(posedge clk) begin
    if (re) begin
      q0 <= words[ra];
      if (we && wa == ra) q0 <= d;  // the new word: not what a macro gives
      q1 <= other[ra];              // the old word
      q2 <= few[ra[1:0]];
    end
  end
  assign q = q0 ^ q1;
  assign low = q2;
endmodule
"""
ONE = """module t(input clk, input we, input [5:0] a, input [31:0] d, output reg [31:0] q);
  reg [31:0] words [63:0];
  always @(posedge clk) begin if (we) words[a] <= d; q <= words[a]; end
endmodule"""
BENCH = """module bench;
  reg clk = 0, we = 0, re = 0; reg [5:0] wa = 0, ra = 0; reg [15:0] d = 0;
  wire [15:0] q, q_; wire [3:0] low, low_;
  t_rtl rtl(clk, 1'b0, we, wa, d, re, ra, q, low);
  t mapped(.clk(clk), .rst(1'b0), .we(we), .wa(wa), .d(d), .re(re), .ra(ra), .q(q_), .low(low_));
  integer i, compared = 0, bad = 0;
  initial begin
    for (i = 0; i < 6000; i = i + 1) begin
      we = $random; re = $random; d = $random; wa = $unsigned($random) % 34; ra = $unsigned($random) % 34;
      #1 clk = 1; #1 clk = 0;
      if (^{q, low} !== 1'bx) begin compared = compared + 1; if (q !== q_ || low !== low_) bad = bad + 1; end
    end
    $display("compared %0d bad %0d", compared, bad);
  end
endmodule
"""


@pytest.fixture(scope="module")
def library():
    try:
        return Liberty.read(default_liberty())
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def mapped(library, tmp_path_factory):
    return map_asic(SOURCE, "t", library, tmp_path_factory.mktemp("memory"), flatten=False)


@pytest.mark.rtl
def test_each_memory_is_a_macro_of_its_own_shape(mapped):
    shapes = {memory.name: memory.shape for memory in mapped.memories if memory.cell}
    assert shapes == {
        "words": Shape(34, 16, 1, 0, 1, 16),
        "other": Shape(64, 16, 1, 0, 1, 8),
    }
    assert mapped.memory_um2 == pytest.approx(
        sum(mapped.memory_model.figures(shape).area_um2 for shape in shapes.values())
    )


@pytest.mark.rtl
def test_a_small_memory_is_of_flip_flops_and_said_to_be(mapped):
    (small,) = (memory for memory in mapped.memories if not memory.cell)
    assert small.name == "few" and small.figures is None
    assert small.shape.bits <= mapped.memory_model.small_bits
    # few's 16 bits and what it reads, what goes around `words` to be new, and nothing of 34 x 16 words
    assert mapped.by_kind["DFFPOSX1"][0] < 34 * 16 / 4


@pytest.mark.rtl
def test_the_macros_are_timed_by_their_own_liberty(library, tmp_path):
    try:
        find_sta()
    except ToolMissing as missing:
        pytest.skip(str(missing))
    mapped = map_asic(ONE, "t", library, tmp_path)
    timing = critical_path(mapped, library, tmp_path, 10.0)
    (memory,) = mapped.memories
    assert [step.cell for step in timing.path] == ["memory_64x32_1r1w", "memory_64x32_1r1w", "out"]
    assert timing.delay_ns == pytest.approx(memory.figures.access_ns, abs=1e-3)


@pytest.mark.rtl
def test_the_netlist_with_macros_does_what_the_rtl_does(library, mapped, tmp_path):
    if not shutil.which("iverilog"):
        pytest.skip("iverilog is missing")
    cells = default_liberty().with_suffix(".v")
    if not cells.exists():
        pytest.skip(f"{cells.name} is missing")
    (tmp_path / "rtl.v").write_text(SOURCE.replace("module t(", "module t_rtl("))
    (tmp_path / "bench.v").write_text(BENCH)
    # Debian's models are primitives and delays: zero delays, as the macros have
    command = ["iverilog", "-g2012", "-gno-specify", "-o", "sim", "-s", "bench", "bench.v", "rtl.v"]
    subprocess.run([*command, mapped.verilog, mapped.models, cells], cwd=tmp_path, check=True)
    said = subprocess.run(["vvp", "sim"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    compared, bad = (int(word) for word in said.split()[1::2])
    assert compared > 1000 and bad == 0, said


def test_energy_at_horowitzs_point_is_his():
    model = MemoryModel.at(45, 0.9)
    eight_kb = Shape(1024, 64, 1, 0, 0, 64)
    assert model.figures(eight_kb).read_pj == pytest.approx(10)
    assert model.figures(Shape(4096, 64, 1, 0, 0, 64)).read_pj == pytest.approx(20)
    assert model.figures(Shape(131072, 64, 1, 0, 0, 64)).read_pj == pytest.approx(100, rel=0.15)


def test_a_large_memory_comes_near_its_cells_area_and_a_small_one_does_not():
    model = MemoryModel.at(45, 1.1)
    large, small = Shape(65536, 64, 1, 0, 0, 64), Shape(16, 64, 1, 0, 0, 64)
    assert 1 < model.figures(large).area_um2 / (large.bits * CELL_UM2[45]) < 1.2
    assert model.figures(small).area_um2 / (small.bits * CELL_UM2[45]) > 4


def test_ports_make_a_cell_larger_and_a_doubling_slower():
    model = MemoryModel.at(45, 1.1)
    one, two = (model.figures(Shape(1024, 32, reads, 0, 1, 32)) for reads in (0, 1))
    assert two.area_um2 / one.area_um2 == pytest.approx(1.15**2)
    double = model.figures(Shape(2048, 32, 1, 0, 1, 32))
    assert double.access_ns - two.access_ns == pytest.approx(model.gate_delay_ns)
    assert double.read_pj / two.read_pj == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize(
    ("name", "node"), [("osu018_stdcells", 180), ("NangateOpenCellLibrary", 45), ("asap7sc7p5t", 7)]
)
def test_a_librarys_name_tells_its_node(name, node):
    assert node_of(name) == node


def test_a_library_of_no_known_node_asks_for_a_model():
    with pytest.raises(BadValue, match="a memory model with node_nm"):
        node_of("mylib")


def test_a_users_figures_replace_the_models(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("node_nm = 22\nenergy_pj = 1.5\n")
    model = MemoryModel.read(path, "mylib", 0.8)
    assert (model.energy_pj, model.cell_um2, model.voltage) == (1.5, CELL_UM2[22], 0.8)
    assert "mine.toml" in model.source


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("size = 1", "size is no key"),
        ("rows = 'a'", "rows is 'a'"),
        ("cell_um2 = 0", "over 0"),
        ("= 1", "no TOML"),
    ],
)
def test_a_bad_model_is_refused_by_key(tmp_path, text, said):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadValue, match=said) as caught:
        MemoryModel.read(path, "osu018", 1.8)
    assert "mine.toml" in str(caught.value)


@pytest.mark.rtl
def test_a_memory_with_contents_that_is_written_is_refused(library, tmp_path):
    source = SOURCE.replace("reg [15:0] q0,", "initial words[0] = 1;\n  reg [15:0] q0,")
    with pytest.raises(BadValue, match="contents at the start"):
        map_asic(source, "t", library, tmp_path)
