"""OpenSTA's power of counted toggles: against capacitances added up by hand, and cells of known energy."""

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from hw.emit import verilog
from hw.pe import definition
from sim.tools import ToolMissing
from synth import gate_netlist, power, workload
from synth.activity import activity, uniform
from synth.asic import map_asic
from synth.gate_simulator import GateSimulator
from synth.liberty import Liberty, default_liberty
from synth.timing import find_sta

pytestmark = pytest.mark.rtl

PERIOD = 10.0  # ns
PE = MultiplierParams(weight=Int(4), activation=Int(4), group=64, registers=1)
MEMORY = """module memory(input clk, input we, input [5:0] wa, input [5:0] ra, input [15:0] d,
    output reg [15:0] q);
  reg [15:0] m [0:63];
  always @(posedge clk) begin if (we) m[wa] <= d; q <= m[ra]; end
endmodule"""


@pytest.fixture(scope="module")
def liberty():
    try:
        find_sta()
        return Liberty.read(default_liberty())
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def pe(liberty, tmp_path_factory):
    """A PE's netlist and layout."""
    block = definition(PE)
    mapped = map_asic(verilog(block), block.name, liberty, tmp_path_factory.mktemp("pe"))
    return mapped, gate_netlist.layout_of(mapped)


@pytest.fixture(scope="module")
def worked(pe):
    """The PE's activity at its work."""
    work = workload.for_pe(PE, workload.gaussian(PE.weight, PE.activation, k=32, n=64, m=32))
    return activity(pe[1], GateSimulator(pe[1]).run(drive=work.ports))


def test_switching_is_half_c_v_squared_of_each_toggle(pe, worked, tmp_path):
    mapped, layout = pe
    watts = {True: 0.0, False: 0.0}  # of nets that cells drive, of those that inputs drive
    for kind, pins in zip(layout.kinds, layout.connections, strict=True):
        for pin, (bit,) in pins.items():
            net = layout.net_of_bit[gate_netlist.bit(bit)]
            given = mapped.liberty.cells[kind].pins[pin]
            if given.direction == "input" and net not in layout.clock_nets:
                charge = 0.5 * given.capacitance * 1e-15 * mapped.liberty.voltage**2
                watts[bool(layout.driver_cell[net] >= 0)] += charge * worked.toggles[net] / (PERIOD * 1e-9)
    found = power.power(mapped, worked, tmp_path, PERIOD)
    # OpenSTA takes the mean of a pin's rising and falling capacitance, which differ by some per mille
    switching = sum(part.switching for part in found.groups.values())
    assert switching == pytest.approx(1000 * watts[True], rel=0.01)
    assert found.inputs == pytest.approx(1000 * watts[False], rel=0.01)


def test_the_sum_of_cells_is_the_groups(pe, worked, tmp_path):
    mapped, layout = pe
    found = power.power(mapped, worked, tmp_path, PERIOD, by_cell=True)
    assert sum(found.cells) == pytest.approx(sum(part.total for part in found.groups.values()), rel=1e-4)
    assert found.by_instance(layout, mapped)[""] == pytest.approx(sum(found.cells))
    assert found.groups["sequential"].internal > 0 and found.groups["combinational"].internal > 0


def test_still_operands_cost_the_clock_alone(pe, worked, tmp_path):
    mapped, layout = pe
    still = {name: np.zeros((20, 64), int) for name in ("weight", "activation", "acc_in")}
    idle = activity(layout, GateSimulator(layout).run(drive=still, window=(4, 20)))
    found = power.power(mapped, idle, tmp_path, PERIOD)
    assert sum(part.switching for part in found.groups.values()) == pytest.approx(0, abs=1e-9)
    assert found.groups["combinational"].internal == pytest.approx(0, abs=1e-9)
    assert found.clock > 0 and found.groups["sequential"].internal > 0
    assert found.total < power.power(mapped, worked, tmp_path, PERIOD).total / 2


def test_power_falls_with_the_clock_and_energy_stays(pe, worked, tmp_path):
    fast, slow = (power.power(pe[0], worked, tmp_path, period) for period in (PERIOD, 2 * PERIOD))
    assert fast.total - fast.leakage == pytest.approx(2 * (slow.total - slow.leakage), rel=1e-4)
    assert fast.energy_pj(1) == pytest.approx(fast.total * PERIOD)
    assert fast.energy_pj(4) == pytest.approx(fast.energy_pj(1) / 4)


def test_a_guess_gives_another_figure_and_says_so(pe, worked, tmp_path):
    counted, guess = (power.power(pe[0], each, tmp_path, PERIOD) for each in (worked, uniform(pe[1], 0.1)))
    assert abs(guess.total / counted.total - 1) > 0.1
    assert "a guess: 0.1 for every net" in guess.sources and "a guess" not in str(counted.sources)


def test_internal_energy_of_a_flip_flop_is_its_clock_s_and_its_output_s(tmp_path):
    """1 pJ a rise and 3 a fall of Q; no other cell takes any."""
    inverter = power.head("known", 1.0) + power.flip_flop("dff", "1", "3").replace(
        'next_state : "IQ"', 'next_state : "D"'
    ).replace("    pin (Q)", "    pin (D) { direction : input; capacitance : 1; }\n    pin (Q)")
    for name, function, area in (("inv", "!A", 1), ("nand", "!(A&B)", 2)):
        pins = "".join(f"pin ({pin}) {{ direction : input; capacitance : 1; }} " for pin in "AB"[: area])
        arcs = "".join(
            f'timing () {{ related_pin : "{pin}"; timing_sense : negative_unate; {power.TIMES} }} '
            for pin in "AB"[: area]
        )
        inverter += f'cell ({name}) {{ area : {area}; {pins} pin (Y) {{ direction : output; '
        inverter += f'function : "{function}"; {arcs} }} }}\n'
    (tmp_path / "known.lib").write_text(inverter + "}\n")
    try:
        find_sta()
    except ToolMissing as missing:
        pytest.skip(str(missing))
    text = "module two(input clk, input d, output reg q);\n  always @(posedge clk) q <= d;\nendmodule\n"
    mapped = map_asic(text, "two", Liberty.read(tmp_path / "known.lib"), tmp_path / "map")
    layout = gate_netlist.layout_of(mapped)
    toggling = np.arange(40)[:, None] // 2 % 2  # half a toggle a cycle
    run = GateSimulator(layout).run(drive={"d": toggling}, runs=1, window=(4, 36))
    found = power.power(mapped, activity(layout, run), tmp_path / "power", PERIOD)
    assert found.groups["sequential"].internal == pytest.approx(0.5 * (1 + 3) / 2 / PERIOD, rel=1e-3)


def test_a_memory_costs_its_accesses(liberty, tmp_path):
    mapped = map_asic(MEMORY, "memory", liberty, tmp_path)
    layout = gate_netlist.layout_of(mapped)
    (memory,) = mapped.memories
    zero = np.zeros((16, 1), int)
    ports = {"we": np.arange(16)[:, None] % 2, "wa": zero, "ra": zero, "d": zero}
    found = power.power(
        mapped, activity(layout, GateSimulator(layout).run(drive=ports, runs=1)), tmp_path, PERIOD
    )
    a_cycle = memory.figures.read_pj + memory.figures.write_pj / 2
    assert found.memories == {memory.cell: pytest.approx(a_cycle / PERIOD)}
    assert mapped.memory_model.source in found.sources


def test_internal_energy_is_counted_once_or_twice_and_measured(liberty):
    assert power.scale() in (1, 2)


def test_no_opensta_is_told_by_name(pe, worked, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="OpenSTA is missing"):
        power.power(pe[0], worked, tmp_path, PERIOD)


def test_no_period_and_no_operations_are_refused(pe, worked, tmp_path):
    with pytest.raises(BadValue, match="period_ns is 0"):
        power.power(pe[0], worked, tmp_path, 0)
    with pytest.raises(BadValue, match="operations a cycle is 0"):
        power.Power(1.0, {}, 0.0, {}, 0.0, (), ()).energy_pj(0)
