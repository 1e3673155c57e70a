"""The driver of the whole accelerator: programs against golden at every pace, faults, rules of the bus."""

import sys
from pathlib import Path

import numpy as np
import pytest

from golden.accelerator.assembler import assemble, pack
from golden.accelerator.machine import Fault, Machine
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.registers import IDENTITY, Cause
from golden.check import BadValue
from golden.systolic.params import MatrixUnitParams
from sim.accelerator import CHANNELS, DRIVER, Bus, RtlModel, SimulationError, runs
from sim.build import build_with

sys.path.insert(0, str(Path(__file__).parents[1] / "accelerator"))
from programs import DATA, SMALL, Programs

pytestmark = pytest.mark.rtl

SIZE, PROGRAM = 1 << 13, 1 << 12
COPY = "load address=0x40 words=40 signal=store\nstore wait=load address=0x400 words=40\nend"
PACES = {
    "quick": Bus(read_latency=1, write_latency=1),
    "usual": Bus(),
    "slow": Bus(read_latency=200, write_latency=100, bandwidth=(1, 3)),
    "hardly": Bus(stalls=0.001),
    "tenth": Bus(stalls=0.1, seed=2),
    "half": Bus(read_latency=3, stalls=0.5, seed=3),
    **{name: Bus(read_latency=20, stalls={name: 0.9}) for name in CHANNELS},
}


@pytest.fixture(scope="module")
def small() -> RtlModel:
    return RtlModel(SMALL, np.zeros(SIZE, np.uint8))


def memory_with(text: str, seed: int = 1) -> tuple[np.ndarray, int]:
    """Memory with a program in it, and how many commands that is."""
    memory = np.random.default_rng(seed).integers(0, 256, SIZE, dtype=np.uint8)
    program = np.frombuffer(pack(assemble(text)), np.uint8)
    memory[PROGRAM : PROGRAM + len(program)] = program
    return memory, len(program) // 64


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("seed", range(3))
def test_programs_do_what_golden_says(small, seed, pace):
    programs = Programs(SMALL, seed)
    memory, program = programs.memory(), programs.program(20)
    memory[DATA : DATA + 64 * len(program)] = np.frombuffer(pack(program), np.uint8)
    wanted = memory.copy()
    Machine(SMALL, wanted).run(DATA, len(program))
    small.attach(memory)
    result = small.run(DATA, len(program), PACES[pace])
    assert result.cause == Cause.NONE
    assert (memory == wanted).all()


FAULTS = {
    "load beyond memory": "load address=0x1ff0 words=8\nend",
    "load behind all": "fence\nload address=0x80000000\nend",
    "load between words": "load address=0x42\nend",
    "load at the very end": "load address=0xfffffffc words=2\nend",
    "load that fails": "load address=0x3f0 words=80\nend",
    "store that fails": "fill\nstore address=0x400\nend",
    "store beyond memory": "store address=0x1ffc words=2\nend",
    "row beyond its table": "fill value=0x101\ngather limit=0x1010101\nend",
    "token that never comes": "fence\nstore wait=load\nend",
    "sums that no one makes": "map out_kind=byte\nend",
    "sums that no one takes": "multiply\nend",
    "product too large": "fence\nmultiply count_x=33\nend",
    "no end": "fill\nfence",
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("pace", ["quick", "half"])
def test_what_stops_a_program_is_what_golden_says(small, name, pace):
    memory, count = memory_with(FAULTS[name])
    failing = (0x400, 0x404)
    with pytest.raises(Fault) as error:
        Machine(SMALL, memory.copy(), failing=failing).run(PROGRAM, count)
    fault = error.value
    small.attach(memory)
    given = PACES[pace]
    bus = Bus(read_latency=given.read_latency, stalls=given.stalls, failing=failing)
    result = small.run(PROGRAM, count, bus, watchdog=2000)
    assert (result.cause, result.unit, result.response) == (fault.cause, fault.unit, fault.response)
    assert result.command == fault.command


def test_after_a_fault_a_reset_by_register_is_enough(small):
    memory, count = memory_with("load address=0x80000000\nend")
    small.attach(memory)
    assert small.run(PROGRAM, count).cause == Cause.LOAD_ERROR
    memory[PROGRAM:] = memory_with(COPY)[0][PROGRAM:]
    small.write("CONTROL", 2)
    while small.read("STATUS") & 1:
        small.step(10)
    small.write("COMMANDS", 3)
    small.write("CONTROL", 1)
    small.wait()
    assert (memory[0x400:0x4A0] == memory[0x40:0xE0]).all()


def test_a_command_that_is_none_is_the_one_named(small):
    memory, _ = memory_with("fill\nfill\nend")
    memory[PROGRAM + 64] = 0x7F
    small.attach(memory)
    result = small.run(PROGRAM, 3)
    assert (result.cause, result.command) == (Cause.ILLEGAL_COMMAND, 1)


def test_registers_can_be_read(small):
    assert small.read("ID") == IDENTITY
    assert small.read("DESIGN") & 0xFF == SMALL.lanes


def test_a_register_that_is_none_answers_an_error(small):
    with pytest.raises(SimulationError, match="register 0xffc: response 2"):
        small.read32(0xFFC)


def test_counters_are_the_bus_s(small):
    memory, count = memory_with(COPY)
    small.attach(memory)
    result = small.run(PROGRAM, count)
    assert result.counters["WORDS_WRITTEN"] == small.state.words_written == 40
    assert result.counters["WORDS_READ"] == small.state.words_read >= 40 + count * 64 // SMALL.lanes
    assert result.counters["COMMANDS_GIVEN"] == count
    assert result.cycles == result.counters["CYCLES"] < result.simulated


def test_the_record_adds_up_to_the_counters(small):
    memory, count = memory_with(COPY)
    small.attach(memory)
    result = small.run(PROGRAM, count, record=True)
    for unit in SMALL.present:
        for name, intervals in (("BUSY", result.busy), ("WAITING", result.waiting)):
            assert (
                sum(end - first for first, end in intervals[unit])
                == result.counters[f"{unit.upper()}_{name}"]
            )
    assert result.busy["store"][-1][1] <= result.cycles + 4


def test_nothing_is_recorded_unless_asked_for(small):
    memory, count = memory_with("load address=0x40\nend")
    small.attach(memory)
    assert small.run(PROGRAM, count).busy == {}


def test_a_slower_memory_takes_longer(small):
    memory, count = memory_with("load address=0x40 words=400\nend")
    small.attach(memory)
    took = [small.run(PROGRAM, count, PACES[name]).cycles for name in ("quick", "usual", "slow")]
    assert 400 < took[0] < took[1] < 1200 < took[2]


def test_the_same_seed_gives_the_same_run(small):
    memory, count = memory_with("load address=0x40 words=100\nend")
    small.attach(memory)
    took = [small.run(PROGRAM, count, Bus(stalls=0.5, seed=seed)).cycles for seed in (1, 1, 2, 3)]
    assert took[0] == took[1] and len(set(took)) > 1


def test_a_program_that_does_not_end_in_time_is_an_error(small):
    memory, count = memory_with("load address=0x40 words=100\nend")
    small.attach(memory)
    with pytest.raises(SimulationError, match="no interrupt: in 50 cycles"):
        small.run(PROGRAM, count, max_cycles=50)


def test_a_hang_without_watchdog_is_an_error(small):
    memory, count = memory_with("map out_kind=byte\nend")
    small.attach(memory)
    with pytest.raises(SimulationError, match="no interrupt: for 500 cycles nothing moved"):
        small.run(PROGRAM, count, watchdog=0, max_idle=500)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"read_latency": 0}, "read_latency is 0; allowed: 1 to 1048576"),
        ({"bandwidth": (2, 1)}, "bandwidth words is 2; allowed: 1 to 1 (a word a cycle at most)"),
        ({"stalls": 1.0}, "stalls[ar] is 1.0; allowed: 0 to 0.99"),
        ({"stalls": {"x": 0.5}}, "stalls is 'x'; allowed: ar, r, aw, w, b"),
    ],
)
def test_a_memory_that_cannot_be_is_refused(options, message):
    with pytest.raises(BadValue) as error:
        Bus(**options)
    assert str(error.value) == message


def test_memory_of_another_kind_is_refused(small):
    with pytest.raises(BadValue, match=r"memory is int8 \[4\]; allowed: uint8 \[bytes\], contiguous"):
        small.attach(np.zeros(4, np.int8))


def test_waves_need_a_library_with_trace(small, tmp_path):
    with pytest.raises(BadValue, match="allowed: None, for a library built without trace"):
        small.run(PROGRAM, 1, trace_file=tmp_path / "x.fst")


def test_runs_of_a_level():
    assert runs(np.array([0, 1, 1, 0, 1]), np.array([2, 5, 7, 9, 20, 30])) == [(5, 9), (20, 30)]


# What CONTROL gets is which rule it breaks.
STAND_IN = """
module stand_in(
  input clk, input rst, output irq, output [7:0] activity,
  input [11:0] s_axil_awaddr, input [2:0] s_axil_awprot, input s_axil_awvalid, output s_axil_awready,
  input [31:0] s_axil_wdata, input [3:0] s_axil_wstrb, input s_axil_wvalid, output s_axil_wready,
  output [1:0] s_axil_bresp, output reg s_axil_bvalid, input s_axil_bready,
  input [11:0] s_axil_araddr, input [2:0] s_axil_arprot, input s_axil_arvalid, output s_axil_arready,
  output [31:0] s_axil_rdata, output [1:0] s_axil_rresp, output reg s_axil_rvalid, input s_axil_rready,
  output m_axi_arid, output [31:0] m_axi_araddr, output [7:0] m_axi_arlen, output [2:0] m_axi_arsize,
  output [1:0] m_axi_arburst, output [3:0] m_axi_arcache, output [2:0] m_axi_arprot, output m_axi_arvalid,
  input m_axi_arready, input m_axi_rid, input [31:0] m_axi_rdata, input [1:0] m_axi_rresp, input m_axi_rlast,
  input m_axi_rvalid, output m_axi_rready,
  output m_axi_awid, output [31:0] m_axi_awaddr, output [7:0] m_axi_awlen, output [2:0] m_axi_awsize,
  output [1:0] m_axi_awburst, output [3:0] m_axi_awcache, output [2:0] m_axi_awprot, output m_axi_awvalid,
  input m_axi_awready, output [31:0] m_axi_wdata, output [3:0] m_axi_wstrb, output m_axi_wlast,
  output m_axi_wvalid, input m_axi_wready,
  input m_axi_bid, input [1:0] m_axi_bresp, input m_axi_bvalid, output m_axi_bready);
  reg [31:0] rule;
  reg [3:0] since;
  reg [2:0] beat;
  reg addressed;
  wire unused = &{s_axil_awprot, s_axil_wstrb, s_axil_araddr, s_axil_arprot, m_axi_rid, m_axi_rdata,
    m_axi_rresp, m_axi_rlast, m_axi_rvalid, m_axi_bid, m_axi_bresp, m_axi_bvalid, s_axil_bready,
    s_axil_rready};
  assign {s_axil_awready, s_axil_wready, s_axil_arready, m_axi_rready, m_axi_bready} = 5'h1f;
  assign {s_axil_bresp, s_axil_rresp, s_axil_rdata, irq, activity, m_axi_awid} = 0;
  assign {m_axi_arcache, m_axi_arprot, m_axi_awcache, m_axi_awprot} = 0;
  assign m_axi_arid = rule == 8;
  assign m_axi_arburst = rule == 7 ? 2'd2 : 2'd1;
  assign m_axi_arsize = rule == 6 ? 3'd1 : 3'd2;
  assign m_axi_arlen = 8'd3;
  assign m_axi_araddr = rule == 3 ? 32'hff8 : rule == 5 ? 32'h2 : rule == 2 ? {26'd0, since, 2'd0} : 32'd0;
  assign m_axi_arvalid = rule != 0 && rule < 9 && rule != 4 && (rule != 1 || since != 4);
  assign {m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst} = {32'd0, 8'd3, 3'd2, 2'd1};
  assign m_axi_awvalid = rule > 8 && !addressed;
  assign m_axi_wvalid = rule > 8 && beat < 4;
  assign m_axi_wlast = rule == 9 ? beat == 2 : rule != 10 && beat == 3;
  assign m_axi_wstrb = rule == 11 ? 4'b1010 : rule == 12 && beat == 1 ? 4'b0001 : 4'b1111;
  assign m_axi_wdata = rule == 13 ? {28'd0, since} : 0;
  always @(posedge clk) begin
    s_axil_bvalid <= s_axil_wvalid;
    s_axil_rvalid <= s_axil_arvalid;
    since <= since + 1;
    if (m_axi_awvalid && m_axi_awready) addressed <= 1;
    if (m_axi_wvalid && m_axi_wready) beat <= beat + 1;
    if (s_axil_wvalid && s_axil_awaddr == 8) {rule, since} <= {s_axil_wdata, 4'd0};
    if (rst) {rule, since, beat, addressed, s_axil_bvalid, s_axil_rvalid} <= 0;
  end
endmodule
"""
RULES = {
    1: "ARVALID fell before its READY",
    2: "AR changed while it waited",
    3: "AR: a burst crosses 4 KiB",
    5: "ARADDR is not a bus word's",
    6: "ARSIZE is not that of a bus word",
    7: "ARBURST is not INCR",
    8: "ARID is not 0",
    9: "WLAST before the burst's end",
    10: "no WLAST at the burst's end",
    11: "WSTRB has a hole",
    12: "WSTRB is partial before the burst's end",
    13: "W changed while it waited",
}
STALLED = Bus(stalls={"ar": 0.99, "w": 0.9})


@pytest.fixture(scope="module")
def stand_in() -> RtlModel:
    library = build_with(DRIVER, STAND_IN, "stand_in", "#define LANES 4\n")
    return RtlModel(SMALL, np.zeros(SIZE, np.uint8), library=library)


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_of_the_bus_is_named(stand_in, rule):
    stand_in.reset()
    stand_in.set_up(STALLED if rule in (1, 2, 13) else Bus())
    with pytest.raises(SimulationError, match=rf"^cycle \d+: m_axi: {RULES[rule]}"):
        stand_in.write("CONTROL", rule)
        stand_in.wait(max_cycles=200)


def test_a_library_of_another_width_is_refused(stand_in):
    wide = AcceleratorParams(unit=MatrixUnitParams(rows=8, cols=8))
    library = build_with(DRIVER, STAND_IN, "stand_in", "#define LANES 4\n")
    with pytest.raises(BadValue, match="lanes of the library is 4; allowed: 8 to 8"):
        RtlModel(wide, np.zeros(SIZE, np.uint8), library=library)
