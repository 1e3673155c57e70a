"""A netlist of standard cells, simulated: golden's values, and the toggles that Icarus sees."""

import json
import re
import shutil
import subprocess
from collections import Counter

import numpy as np
import pytest

from golden.check import BadValue
from golden.formats import Int
from golden.pe.lut import LutParams
from golden.pe.multiplier import MultiplierParams, accumulate
from golden.systolic.params import MatrixUnitParams
from golden.tile.params import TileParams
from hw import blocks
from hw.emit import verilog
from hw.pe import definition
from hw.systolic import matrix_unit
from sim.job import SimulationError
from sim.tools import ToolMissing
from synth import gate_netlist, truth, workload
from synth.asic import map_asic
from synth.gate_simulator import GateSimulator
from synth.liberty import Liberty, default_liberty

pytestmark = pytest.mark.rtl

MEMORY = """module memory(input clk, input we, input re, input [5:0] wa, input [5:0] ra, input [15:0] d,
    output reg [15:0] q);
  reg [15:0] m [0:63];
  always @(posedge clk) begin if (we) m[wa] <= d; if (re) q <= m[ra]; end
endmodule"""
FORCED = """module forced(input clk, input clear, input d, output reg q, output n);
  assign n = ~q;
  always @(posedge clk or posedge clear) if (clear) q <= 0; else q <= d;
endmodule"""
STREAM = """module passing(input clk, input i_valid, output i_ready, input [7:0] i_payload,
    output o_valid, input o_ready, output [7:0] o_payload);
  assign i_ready = o_ready & ~&i_payload;
  assign o_valid = i_valid & ~&i_payload;
  assign o_payload = i_payload;
endmodule"""


@pytest.fixture(scope="module")
def liberty():
    try:
        return Liberty.read(default_liberty())
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def mapped(liberty, tmp_path_factory):
    """Verilog to a netlist, once each."""
    return lambda text, top: map_asic(text, top, liberty, tmp_path_factory.mktemp(top))


def pe(mapped, **params):
    block = definition(MultiplierParams(**params))
    return mapped(verilog(block), block.name)


def values(recorded, fmt):
    """Recorded bytes [cycles, runs, bytes] as the format's integers."""
    wide = np.pad(recorded, ((0, 0), (0, 0), (0, 8 - recorded.shape[2])))
    return fmt.wrap(np.ascontiguousarray(wide).view("<i8")[..., 0])


def test_every_pair_of_a_small_pe_gives_its_sum(mapped):
    p = MultiplierParams(weight=Int(3), activation=Int(4, signed=False), group=3, registers=1)
    pairs = np.array([(w, a) for w in range(-4, 4) for a in range(16)]).reshape(2, 64, 2)
    acc = np.random.default_rng(1).integers(p.accumulator.min, p.accumulator.max + 1, (2, 64))
    netlist = pe(mapped, weight=p.weight, activation=p.activation, group=3, registers=1)
    ports = {"weight": pairs[..., 0], "activation": pairs[..., 1], "acc_in": np.roll(acc, 1, axis=0)}
    run = GateSimulator(gate_netlist.layout_of(netlist)).run(drive=ports, record=["acc_out"], cycles=3)
    found = values(run.recorded["acc_out"], p.accumulator)[1]
    assert (found == accumulate(p, acc[0], pairs[0, :, 0], pairs[0, :, 1])).all()


@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_a_matrix_unit_gives_golden_values_in_golden_cycles(mapped, dataflow):
    p = MatrixUnitParams(
        rows=2, cols=2, dataflow=dataflow, accumulator_rows=16, scaled=False,
        pe=MultiplierParams(weight=Int(4), activation=Int(4), group=64),
    )  # fmt: skip
    netlist = mapped(verilog(matrix_unit.definition(p)), p.name)
    work = workload.for_block(p, workload.gaussian(Int(4), Int(4), k=32, n=64, m=16), vectors=12)
    simulator = GateSimulator(gate_netlist.layout_of(netlist))
    for stalls in (0.0, 0.4):
        run = simulator.run(streams=work.streams, take={"o": work.count}, stalls=stalls, seed=3)
        assert (work.found(run.outputs["o"]) == work.expected).all()
        assert (run.busy == work.cycles) == (stalls == 0)
    assert all(ports["w0"] > 0 for ports in run.accesses.values())


def test_a_tile_of_tables_gives_golden_values_in_golden_cycles(mapped):
    p = TileParams(rows=2, cols=3, pe=LutParams(weight=Int(2, signed=False), group=8))
    netlist = mapped(verilog(blocks.definition(p)), p.name)
    random = np.random.default_rng(1)
    w, a = random.standard_normal((32, 64)), random.standard_normal((16, 32))
    reals = workload.Workload("normal", "", w, a)
    work = workload.for_block(p, reals)
    run = GateSimulator(gate_netlist.layout_of(netlist)).run(streams=work.streams, take={"o": work.count})
    assert (work.found(run.outputs["o"]) == work.expected).all() and run.busy == work.cycles


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_a_4x4_int8_unit_gives_golden_codes(mapped, dataflow):
    p = MatrixUnitParams(rows=4, cols=4, dataflow=dataflow, accumulator_rows=64)
    netlist = mapped(verilog(matrix_unit.definition(p)), p.name)
    work = workload.for_block(p, workload.gaussian(Int(8), Int(8)), vectors=48)
    run = GateSimulator(gate_netlist.layout_of(netlist)).run(streams=work.streams, take={"o": work.count})
    assert (work.found(run.outputs["o"]) == work.expected).all()


def test_toggles_are_those_of_icarus(mapped, tmp_path):
    if not shutil.which("iverilog"):
        pytest.skip("iverilog is missing")
    netlist = pe(mapped, weight=Int(3), activation=Int(3), group=4, registers=1)
    layout = gate_netlist.layout_of(netlist)
    random, cycles = np.random.default_rng(2), 40
    widths = {"weight": 3, "activation": 3, "acc_in": layout.width("acc_in")}
    ports = {name: random.integers(0, 1 << width, (cycles, 1)) for name, width in widths.items()}
    run = GateSimulator(layout).run(drive=ports, runs=1, window=(2, cycles))
    stimulus = "".join(
        f"    #1 clk = 1; {' '.join(f'{name} <= {values[t, 0]};' for name, values in ports.items())}"
        f"{' $dumpvars(1, bench.dut);' if t == 1 else ''}\n    #1 clk = 0;\n"
        for t in range(cycles)
    )
    regs = "".join(f"  reg [{width - 1}:0] {name};\n" for name, width in widths.items())
    bench = f'module bench;\n  reg clk = 0, rst = 0;\n{regs}  wire [{widths["acc_in"] - 1}:0] acc_out;\n'
    ties = ", ".join(f".{name}({name})" for name in ("clk", "rst", "acc_out", *ports))
    bench += f"  {netlist.top} dut({ties});\n"
    bench += f'  initial begin $dumpfile("dump.vcd");\n{stimulus}  end\nendmodule\n'
    (tmp_path / "bench.v").write_text(bench + truth.netlist_verilog(netlist))
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", "bench", "bench.v"], cwd=tmp_path, check=True)
    subprocess.run(["vvp", "bench"], cwd=tmp_path, check=True, capture_output=True)
    seen = vcd_toggles((tmp_path / "dump.vcd").read_text())
    wires = layout.wires()
    counted = {
        (name, place): int(run.toggles[net])
        for name in seen.keys() & wires.keys() - {"clk"}
        for place, net in enumerate(wires[name].tolist())
    }
    assert len(counted) > 50
    assert counted == {(name, place): seen[name][place] for name, place in counted}


def vcd_toggles(text):
    """{name: toggles of each bit}, after the values that the dump begins with."""
    names, last, seen = {}, {}, {}
    for width, code, name in re.findall(r"\$var \w+ (\d+) (\S+) (\S+)", text):
        names[code] = name
        seen[name] = Counter(dict.fromkeys(range(int(width)), 0))
    for number, code in re.findall(r"^b?([01xz]+) ?(\S+)$", text[text.index("$dumpvars") :], re.M):
        name = names[code]
        bits = number[::-1].ljust(len(seen[name]), "0")
        for place, (before, now) in enumerate(zip(last.get(name, bits), bits, strict=True)):
            seen[name][place] += before != now
        last[name] = bits
    return seen


def test_a_memory_reads_what_stood_there_in_each_run(mapped):
    netlist = mapped(MEMORY, "memory")
    assert [memory.cell for memory in netlist.memories] != [""]
    random, cycles = np.random.default_rng(4), 60
    widths = {"we": 1, "re": 1, "wa": 6, "ra": 6, "d": 16}
    ports = {name: random.integers(0, 1 << width, (cycles, 64)) for name, width in widths.items()}
    ports["wa"] %= 4
    ports["ra"] %= 4
    run = GateSimulator(gate_netlist.layout_of(netlist)).run(drive=ports, record=["q"])
    found = values(run.recorded["q"], Int(16, signed=False))
    content = [{} for _ in range(64)]
    checked = 0
    for t in range(cycles - 1):
        for r in range(64):
            if ports["re"][t, r] and ports["ra"][t, r] in content[r]:
                assert found[t + 1, r] == content[r][ports["ra"][t, r]]
                checked += 1
            if ports["we"][t, r]:
                content[r][ports["wa"][t, r]] = ports["d"][t, r]
    assert checked > 1000
    (ports_of,) = run.accesses.values()
    assert ports_of == {"r0": ports["re"].sum(), "w0": ports["we"].sum()}


def test_a_clear_does_not_wait_for_the_clock(mapped):
    netlist = mapped(FORCED, "forced")
    ports = {"d": np.array([[1], [1], [1], [1]]), "clear": np.array([[0], [0], [1], [0]])}
    run = GateSimulator(gate_netlist.layout_of(netlist)).run(drive=ports, record=["q", "n"], runs=1)
    assert run.recorded["q"][1:, 0, 0].tolist() == [1, 0, 0]
    assert run.recorded["n"][1:, 0, 0].tolist() == [0, 1, 1]


def test_runs_that_fall_out_of_step_are_told(mapped):
    simulator = GateSimulator(gate_netlist.layout_of(mapped(STREAM, "passing")))
    words = np.zeros((2, 3, 1), np.uint8)
    run = simulator.run(streams={"i": words}, take={"o": 3}, runs=2)
    assert (run.outputs["o"] == words).all()
    words[1, 1] = 255
    with pytest.raises(SimulationError, match=r"cycle 1: i_valid or _ready differs between the runs"):
        simulator.run(streams={"i": words}, take={"o": 3}, runs=2)
    words[:, 1] = 255
    with pytest.raises(SimulationError, match=r"for 20 cycles, since cycle 1: i 1 of 3, o 1 of 3"):
        simulator.run(streams={"i": words}, take={"o": 3}, runs=2, max_idle=20)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([("INVX1", {"A": 4, "Y": 5}), ("INVX1", {"A": 5, "Y": 4})], "a loop of gates"),
        ([("INVX1", {"A": 2, "Y": 4}), ("INVX1", {"A": 3, "Y": 4})], "driven twice"),
        ([("LATCH", {"D": 3, "CLK": 2, "Q": 4})], "a latch"),
        ([("DFFPOSX1", {"D": 3, "CLK": 3, "Q": 4})], "not clk's rising edge"),
        ([("INVX1", {"A": 2, "Y": 5}), ("DFFPOSX1", {"D": 3, "CLK": 5, "Q": 4})], "not clk's rising edge"),
        ([("MYSTERY", {"A": 2, "Y": 4})], "MYSTERY"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_refused(liberty, tmp_path, cells, said):
    ports = {"clk": ("input", 2), "d": ("input", 3), "q": ("output", 4)}
    module = {
        "ports": {name: {"direction": way, "bits": [bit]} for name, (way, bit) in ports.items()},
        "netnames": {f"n{bit}": {"bits": [bit]} for bit in range(2, 6)},
        "cells": {
            f"c{place}": {"type": kind, "connections": {pin: [bit] for pin, bit in pins.items()}}
            for place, (kind, pins) in enumerate(cells)
        },
    }
    (tmp_path / "x.json").write_text(json.dumps({"modules": {"x": module}}))
    with pytest.raises(BadValue, match=said):
        gate_netlist.read(tmp_path / "x.json", "x", liberty.cells, {})


def test_a_port_that_is_not_there_is_refused(mapped):
    simulator = GateSimulator(gate_netlist.layout_of(mapped(FORCED, "forced")))
    with pytest.raises(BadValue, match="port is 'e'"):
        simulator.run(drive={"e": np.zeros((1, 1), int)}, runs=1)
