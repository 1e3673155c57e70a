"""Survivors of mutation: proven equal, known with a reason, or open; and the report."""

import importlib.util

import pytest

from golden.check import BadValue
from sim import campaign
from sim.campaign import BlockScore, Judged, judged, module_at, own_modules, report
from sim.equivalence import proven_equal
from sim.equivalents import reason
from sim.mutate import Mutant, Score, mutants

pytestmark = pytest.mark.rtl

TEXT = """module m(input clk, input rst, input [7:0] a, input [7:0] b, output reg [7:0] o, output p);
  reg v;
  assign p = v;
  always @(posedge clk) begin
    if (rst) v <= 1'h0;
    else v <= a[0];
    o <= a + b;
  end
endmodule
"""
yosys = pytest.mark.skipif(not importlib.util.find_spec("pyosys"), reason="pyosys is not installed")


@yosys
@pytest.mark.parametrize(
    "before, after, equal",
    [
        ("", "", True), ("a + b", "b - (~a) - 8'd1", True), ("a + b", "a - b", False),
        ("if (rst) v", "if (1'h0) v", False), ("a[0]", "a[1]", False), ("1'h0", "1'h1", False),
    ],
)  # fmt: skip
def test_what_is_the_same_in_every_state_is_proven_and_nothing_else(before, after, equal):
    assert proven_equal(TEXT, TEXT.replace(before, after, 1), "m") == equal


def test_a_proof_that_takes_too_long_is_none():
    assert not proven_equal(TEXT, TEXT, "m", timeout=0.001)


def test_a_stage_of_the_way_may_be_reset_to_another_value_but_not_left_out():
    before = "    if (rst) way_3 <= 7'h00;"
    excused = Mutant("constant plus one", 9, before, before.replace("7'h00", "7'h1"), "")
    dropped = Mutant("never enabled", 9, before, before.replace("(rst)", "(1'h0)"), "")
    assert reason("systolic/matrix_unit", "matrix_unit_weight_4x3", excused)
    assert not reason("systolic/matrix_unit", "matrix_unit_weight_4x3", dropped)
    assert not reason("axi/read", "matrix_unit_weight_4x3", excused)


@yosys
def test_survivors_are_judged_and_reported(monkeypatch):
    same = Mutant("operator", 7, "o <= a + b;", "o <= b + a;", TEXT.replace("a + b", "b + a"))
    other = Mutant("operator", 7, "o <= a + b;", "o <= a - b;", TEXT.replace("a + b", "a - b"))
    assert module_at(TEXT, 7) == "m"
    assert judged("stages", TEXT, same).why.startswith("proven") and not judged("stages", TEXT, other).why
    monkeypatch.setattr(campaign, "mutation_score", lambda *words, **given: Score(3, []))
    assert campaign.campaign("stages", 3) == BlockScore("stages", "x2", 3, ())
    row = BlockScore("stages", "x2", 3, (Judged(str(same), "m", "proven"), Judged(str(other), "m", "")))
    page = report([row], 5, 1)
    assert "| stages | x2 | 3 | 1 | 1 | 75% |" in page and "| all | | 3 | 1 | 1 | 75% |" in page
    assert "- stages, m: `operator, line 7: o <= a + b;  ->  o <= a - b;`" in page.split("## Open")[1]


LEVELS = """module load_32(a);
  walk_3x8 first (
    .a(a)
  );
  counter \\second.x  (
    .a(a)
  );
endmodule
module walk_3x8(a);
  deep only (
    .a(a)
  );
  assign x = a == b;
endmodule
module counter(a);
  assign x = a == b;
endmodule
module deep(a);
endmodule
"""


def test_faults_go_where_no_other_bench_looks():
    assert own_modules("accelerator/units/load", LEVELS, "load_32") == {"load_32", "counter"}
    assert own_modules("accelerator/walk", LEVELS, "walk_3x8") == {"walk_3x8", "deep"}
    assert {module_at(LEVELS, each.line) for each in mutants(LEVELS, 1, 9, {"counter"})} == {"counter"}


def test_campaigns_of_some_blocks_each_add_up_to_one_report(monkeypatch, tmp_path):
    monkeypatch.setattr(campaign, "mutation_score", lambda *words, **given: Score(3, []))
    page = tmp_path / "mutation.md"
    for block in ("vector/softmax", "stages"):
        campaign.main([block, "--count", "3", "--report", str(page), "--kept", str(tmp_path)])
    assert ["vector/softmax" in page.read_text(), "| all | | 6 | 0 | 0 | 100% |" in page.read_text()] == [
        True
    ] * 2


def test_a_block_that_is_none_is_refused():
    with pytest.raises(BadValue, match="block is 'nothing'"):
        campaign.campaign("nothing", 1)
