"""OpenSTA's critical path against sums of constant delays, in every style of library."""

import sys
from pathlib import Path

import pytest

from golden.check import BadValue
from sim.tools import ToolMissing
from synth.asic import map_asic
from synth.liberty import Liberty
from synth.timing import critical_path, find_sta

sys.path.insert(0, str(Path(__file__).parent))
from libraries import CLOCK_TO_Q, INV, NAND2, NOR2, SETUP, STYLES

pytestmark = pytest.mark.rtl

DELAYS = {"INV_X1": INV, "NAND2_X1": NAND2, "NOR2_X1": NOR2, "DFF_X1": CLOCK_TO_Q}
CLOCKED = """module t(input clk, input a, input b, output reg q);
  reg p;
  always @(posedge clk) begin p <= a; q <= ~(p & b); end
endmodule"""
PLAIN = "module t(input a, input b, output y); assign y = ~(a & b); endmodule"


@pytest.fixture
def sta():
    try:
        return find_sta()
    except ToolMissing as missing:
        pytest.skip(str(missing))


def timed(tmp_path, style, source, period):
    library = Liberty.read(STYLES[style](tmp_path))
    return critical_path(map_asic(source, "t", library, tmp_path / "out"), library, tmp_path / "out", period)


@pytest.mark.parametrize("style", STYLES)
def test_a_clocked_path_is_the_sum_of_its_cells(sta, tmp_path, style):
    timing = timed(tmp_path, style, CLOCKED, 4.0)
    through = [step for step in timing.path if step.pin in ("Y", "Q")]
    for step in through:
        assert step.delay_ns == pytest.approx(DELAYS[step.cell])
    delay = sum(DELAYS[step.cell] for step in through) + SETUP
    assert through[0].cell == "DFF_X1" and len(through) >= 2
    assert timing.setup_ns == pytest.approx(SETUP)
    assert timing.delay_ns == pytest.approx(delay)
    assert timing.slack_ns == pytest.approx(4.0 - delay)
    assert timing.fmax_mhz == pytest.approx(1000 / delay)
    assert timing.clocked and timing.met
    assert timing.start == timing.path[0].instance
    assert style == "asap7" or timing.start == "p_cell"  # named after its register


def test_fmax_does_not_hang_on_the_period_asked_for(sta, tmp_path):
    tight, loose = (timed(tmp_path, "nangate", CLOCKED, period) for period in (0.5, 40.0))
    assert not tight.met and loose.met
    assert tight.fmax_mhz == pytest.approx(loose.fmax_mhz)


def test_without_a_clock_inputs_to_outputs_are_timed(sta, tmp_path):
    timing = timed(tmp_path, "nangate", PLAIN, 2.0)
    assert not timing.clocked
    assert timing.delay_ns == pytest.approx(NAND2)
    assert (timing.path[0].cell, timing.path[-1].cell) == ("in", "out")


def test_a_netlist_without_paths_has_no_slack(sta, tmp_path):
    timing = timed(tmp_path, "nangate", "module t(input a, output y); assign y = 1'b1; endmodule", 2.0)
    assert timing.slack_ns is None and timing.fmax_mhz is None and timing.met


def test_a_period_of_nothing_is_refused(sta, tmp_path):
    with pytest.raises(BadValue, match="period_ns is 0"):
        timed(tmp_path, "nangate", PLAIN, 0)
