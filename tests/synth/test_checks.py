"""Latches, loops and nets with two drivers are found; every generated block has none."""

import pytest

from golden.check import BadValue
from sim.runner import blocks
from sim.tools import ToolMissing
from synth import fpga
from synth.asic import map_asic
from synth.checks import assert_mapped_sound, assert_sound, problems
from synth.fpga_targets import KNOWN
from synth.liberty import Liberty, default_liberty
from synth.process import SynthesisError
from synth.truth import netlist_verilog
from synth.yosys import yosys

pytestmark = pytest.mark.rtl

LEAF = "module leaf(input en, input d, output reg q); always @* if (en) q = d; endmodule\n"
BROKEN = {
    "latch": (
        LEAF + "module top(input en, input d, output q); leaf inner(en, d, q); endmodule",
        "inner.q is a latch",
    ),
    "loop": (
        "module leaf(input a, input b, output y); assign y = a & b; endmodule\n"
        "module top(input a, output y); wire back; leaf one(a, back, y); leaf two(y, a, back); endmodule",
        "a combinational loop through .*one.b",
    ),
    "two-drivers": (
        "module top(input a, input b, output y); wire shared;"
        " assign shared = a & b; assign shared = a | b; assign y = shared; endmodule",
        "has more than one driver",
    ),
}  # fmt: skip
GOOD = "module top(input clk, input a, output reg y); always @(posedge clk) y <= a ^ y; endmodule"
WHOLE = "accelerator/accelerator"
CASES = [(block, case) for block, module in blocks().items() for case in module.CASES]
FIRST = [next(each for each in CASES if each[0] == block) for block in blocks()]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_fault_is_named(tmp_path, kind):
    text, fault = BROKEN[kind]
    (tmp_path / "x.v").write_text(text)
    with pytest.raises(SynthesisError, match=f"top: .*{fault}"):
        assert_sound(tmp_path, "x.v", "top")


def test_sound_verilog_passes(tmp_path):
    (tmp_path / "x.v").write_text(GOOD)
    assert_sound(tmp_path, "x.v", "top")


def test_an_unknown_top_is_yosys_own_error(tmp_path):
    (tmp_path / "x.v").write_text(GOOD)
    with pytest.raises(SynthesisError, match="absent"):
        assert_sound(tmp_path, "x.v", "absent")


def test_a_loop_of_mapped_cells_is_found(tmp_path):
    """Through LUTs of the target, of which only the models tell that they join their pins."""
    text = (
        "module top(input a, output y); wire b;"
        " LUT4 #(.INIT(16'h8888)) one(.A(a), .B(b), .C(1'b0), .D(1'b0), .Z(y));"
        " LUT4 #(.INIT(16'heeee)) two(.A(a), .B(y), .C(1'b0), .D(1'b0), .Z(b)); endmodule"
    )
    (tmp_path / "x.v").write_text(text)
    read = ["read_verilog -lib +/ecp5/cells_sim.v", "read_verilog x.v", "hierarchy -top top -purge_lib"]
    yosys([*read, "write_json x.json"], tmp_path)
    with pytest.raises(SynthesisError, match="a combinational loop"):
        assert_mapped_sound(tmp_path, "x.json", "top", KNOWN["ecp5"].models)


def test_each_fault_is_told_once():
    assert problems("top/q\ntop/r\n", "Warning: nothing\n") == ["q is a latch"]
    assert problems("", "Found and reported 0 problems.\n") == []


def sound(case, folder):
    text, top = case.build()
    (folder / "x.v").write_text(text)
    assert_sound(folder, "x.v", top)


def sound_on_ecp5(case, folder):
    text, top = case.build()
    netlist, _ = fpga.mapped(text, top, "ecp5", folder, options=fpga.FpgaOptions())
    assert_mapped_sound(folder, netlist.name, top, KNOWN["ecp5"].models)


def sound_on_liberty(case, folder):
    """With a model, of the Liberty's own function, of each cell."""
    text, top = case.build()
    mapped = map_asic(text, top, Liberty.read(default_liberty()), folder)
    (folder / "mapped.v").write_text(netlist_verilog(mapped))
    assert_sound(folder, "mapped.v", top, name="checks_mapped")


MAPPED = {"ecp5": sound_on_ecp5, "liberty": sound_on_liberty}


def sound_as_mapped(target, case, folder):
    try:
        MAPPED[target](case, folder)
    except ToolMissing as missing:
        pytest.skip(str(missing))


def named(value):
    return getattr(value, "name", value)


@pytest.mark.parametrize(
    ("block", "case"),
    # the whole accelerator takes as long as all others, each of which is a part of it
    [pytest.param(*each, marks=[pytest.mark.slow] * (each[0] == WHOLE)) for each in FIRST],
    ids=named,
)
def test_a_block_is_sound(tmp_path, block, case):
    sound(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("block", "case"), CASES, ids=named)
def test_every_case_is_sound(tmp_path, block, case):
    sound(case, tmp_path)


@pytest.mark.parametrize("target", MAPPED)
@pytest.mark.parametrize("block", ["pe/multiplier", "stages"])
def test_a_mapped_block_is_sound(tmp_path, target, block):
    sound_as_mapped(target, blocks()[block].CASES[0], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("target", MAPPED)
@pytest.mark.parametrize(("block", "case"), FIRST, ids=named)
def test_every_block_is_sound_as_mapped(tmp_path, target, block, case):
    sound_as_mapped(target, case, tmp_path)


def test_what_is_not_sound_is_not_mapped(tmp_path):
    with pytest.raises(SynthesisError, match=r"top: inner.q is a latch"):
        fpga.synthesise_fpga(BROKEN["latch"][0], "top", "ecp5", tmp_path)


def test_options_are_checked():
    with pytest.raises(BadValue, match="multipliers is 'dsp'; allowed: auto, luts"):
        fpga.FpgaOptions(multipliers="dsp")
