"""Toggles and duty of each net, as a counter shows them."""

import numpy as np
import pytest

from golden.check import BadValue
from sim.tools import ToolMissing
from synth import gate_netlist
from synth.activity import activity, uniform
from synth.asic import map_asic
from synth.gate_simulator import GateSimulator
from synth.liberty import Liberty, default_liberty

pytestmark = pytest.mark.rtl

COUNTER = """module counter(input clk, input rst, input stop, output reg [2:0] q);
  always @(posedge clk) if (rst) q <= 0; else if (!stop) q <= q + 1;
endmodule"""


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    try:
        liberty = Liberty.read(default_liberty())
    except ToolMissing as missing:
        pytest.skip(str(missing))
    return gate_netlist.layout_of(map_asic(COUNTER, "counter", liberty, tmp_path_factory.mktemp("counter")))


def counted(layout, window=(0, 64)):
    stop = np.zeros((80, 5), int)  # the 59 runs that nobody asked for count, too, and must not be counted
    return activity(layout, GateSimulator(layout).run(drive={"stop": stop}, runs=5, window=window))


def test_a_counter_toggles_as_it_counts(layout):
    found = counted(layout, (8, 72))
    bits = layout.ports["q"][1]
    assert found.toggles[bits].tolist() == [1, 1 / 2, 1 / 4]
    assert found.duty[bits].tolist() == [1 / 2] * 3
    assert (found.cycles, found.runs) == (64, 5)
    stop = layout.ports["stop"][1][0]
    assert (found.toggles[stop], found.duty[stop]) == (0, 0)


def test_the_clock_is_no_net_to_annotate(layout):
    found = counted(layout)
    clock = int(layout.ports["clk"][1][0])
    assert clock not in found.nets()
    assert (found.toggles[clock], found.duty[clock]) == (2, 0.5)
    assert {int(net) for net in layout.ports["q"][1]} <= set(found.nets())


def test_every_annotated_net_has_an_input_or_a_cell_that_drives_it(layout):
    inputs = {int(net) for given, nets in layout.ports.values() if given for net in nets}
    for net in uniform(layout, 0.1).nets():
        if net not in inputs:
            cell, pin = layout.driver_cell[net], layout.pins[layout.driver_pin[net]]
            (driven,) = layout.connections[cell][pin]
            assert layout.net_of_bit[driven] == net


def test_a_guess_is_named_one(layout):
    assert uniform(layout, 0.2).source == "a guess: 0.2 for every net"


def test_an_empty_window_is_refused(layout):
    with pytest.raises(BadValue, match="window is empty"):
        counted(layout, (500, 600))
