"""The compiled driver on small models of known behaviour."""

import os
import signal
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from golden.check import BadValue
from sim.build import build_model
from sim.driver import CompiledModel, SimulationError
from sim.ports import StreamPort, WatchPort

pytestmark = pytest.mark.rtl

# o = a + b, 130 bits, two registers between
ADDER = """
module adder(
  input clk, input rst,
  input a_valid, output a_ready, input [129:0] a_payload,
  input b_valid, output b_ready, input [129:0] b_payload,
  output o_valid, input o_ready, output [129:0] o_payload,
  output [1:0] full);
  reg sum_valid, o_full;
  reg [129:0] sum, o;
  wire o_go = !o_full | o_ready;
  wire sum_go = !sum_valid | o_go;
  assign a_ready = b_valid & sum_go;
  assign b_ready = a_valid & sum_go;
  assign o_valid = o_full;
  assign o_payload = o;
  assign full = {o_full, sum_valid};
  always @(posedge clk) begin
    if (rst) begin
      sum_valid <= 0;
      o_full <= 0;
    end else begin
      if (sum_go) sum_valid <= a_valid & b_valid;
      if (o_go) o_full <= sum_valid;
    end
    if (sum_go) sum <= a_payload + b_payload;
    if (o_go) o <= sum;
  end
endmodule
"""
ADDER_PORTS = [StreamPort("a", "in", 130), StreamPort("b", "in", 130), StreamPort("o", "out", 130)]

# a word of i says what o does wrong: 0 nothing comes, 1 valid falls, 2 the payload moves, 3 no end of words
FAULTY = """
module faulty(
  input clk, input rst,
  input i_valid, output i_ready, input [1:0] i_payload,
  output o_valid, input o_ready, output reg [7:0] o_payload);
  reg [1:0] mode;
  reg active;
  assign i_ready = 1;
  assign o_valid = active;
  always @(posedge clk)
    if (rst) begin
      active <= 0;
      o_payload <= 0;
    end else if (i_valid) begin
      mode <= i_payload;
      active <= i_payload != 0;
    end else if (active) begin
      if (mode == 2) o_payload <= o_payload + 1;
      if (o_ready ? mode != 3 : mode == 1) active <= 0;
    end
endmodule
"""
# its inner wire has no stable value while i is valid
RINGING = """
module ringing(
  input clk, input rst, input i_valid, output i_ready, input i_payload);
  /* verilator lint_off UNOPTFLAT */
  wire ring;
  assign ring = ~ring & i_valid;
  assign i_ready = ring ^ (i_payload & clk & rst);
endmodule
"""
WIDTHS = (1, 8, 9, 16, 17, 32, 33, 64, 65, 96, 97)


def straight(width: int) -> str:
    """Verilog of the ports and wires that lead stream i<width> to o<width>."""
    return f"""
  input i{width}_valid, output i{width}_ready, input [{width - 1}:0] i{width}_payload,
  output o{width}_valid, input o{width}_ready, output [{width - 1}:0] o{width}_payload"""


def wires(width: int) -> str:
    ends = (("o", "valid", "i"), ("i", "ready", "o"), ("o", "payload", "i"))
    return "".join(f"  assign {to}{width}_{end} = {of}{width}_{end};\n" for to, end, of in ends)


@pytest.fixture(scope="module")
def adder() -> CompiledModel:
    return CompiledModel(build_model(ADDER, "adder", ADDER_PORTS, watches=[WatchPort("full", 2)]))


@pytest.fixture(scope="module")
def tracing_adder() -> CompiledModel:
    return CompiledModel(build_model(ADDER, "adder", ADDER_PORTS, trace=True))


@pytest.fixture(scope="module")
def faulty() -> CompiledModel:
    ports = [StreamPort("i", "in", 2), StreamPort("o", "out", 8)]
    return CompiledModel(build_model(FAULTY, "faulty", ports))


@pytest.fixture(scope="module")
def straight_wires() -> CompiledModel:
    ports = ",".join(straight(width) for width in WIDTHS)
    unused = "  wire unused = &{clk, rst};\n"
    text = f"module straight(input clk, input rst,{ports});\n{unused}{''.join(map(wires, WIDTHS))}endmodule\n"
    streams = [StreamPort(f"{end}{w}", way, w) for w in WIDTHS for end, way in (("i", "in"), ("o", "out"))]
    return CompiledModel(build_model(text, "straight", streams))


def words(values: list[int], stride: int = 20) -> np.ndarray:
    """uint8 [values, stride], little-endian."""
    return np.frombuffer(b"".join(v.to_bytes(stride, "little") for v in values), np.uint8).reshape(-1, stride)


def numbers(array: np.ndarray) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") for row in array]


def operands(count: int, seed: int = 1) -> list[int]:
    """Words of 130 bits, the largest and 0 among them."""
    random = np.random.default_rng(seed)
    return [2**130 - 1, 0, *(int.from_bytes(random.bytes(17), "little") % 2**130 for _ in range(count - 2))]


def add(model: CompiledModel, count: int, **options: object):
    a, b = operands(count, 1), operands(count, 2)[::-1]
    result = model.run({"a": words(a), "b": words(b)}, {"o": count}, **options)
    return result, [(x + y) % 2**130 for x, y in zip(a, b, strict=True)]


def test_wide_words_come_out_as_the_model_computes_them(adder):
    result, expected = add(adder, 300)
    assert numbers(result.outputs["o"]) == expected


def test_cycles_count_both_ends(adder):
    result, _ = add(adder, 300)
    assert (result.first_cycle, result.last_cycle, result.cycles) == (0, 301, 302)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stalls", [0.1, 0.9, {"a": 0.5}, {"o": 0.5}])
def test_stalls_change_no_value(adder, stalls, seed):
    result, expected = add(adder, 100, stalls=stalls, seed=seed)
    assert numbers(result.outputs["o"]) == expected


@pytest.mark.parametrize("name", ["a", "b", "o"])
def test_only_the_stream_asked_for_is_stalled(adder, name):
    result, _ = add(adder, 200, stalls={name: 0.5})
    assert [port for port, count in result.stalls.items() if count] == [name]


def test_stalls_come_as_often_as_asked(adder):
    result, _ = add(adder, 3000, stalls={"a": 0.25})
    assert result.stalls["a"] / (result.stalls["a"] + 3000) == pytest.approx(0.25, abs=0.03)


def test_a_stalled_output_lets_words_wait(adder):
    result, _ = add(adder, 200, stalls={"o": 0.5})
    assert result.waits["o"] > 0 and result.waits["a"] > 0


def test_the_same_seed_gives_the_same_run(adder):
    assert add(adder, 100, stalls=0.5, seed=7)[0].cycles == add(adder, 100, stalls=0.5, seed=7)[0].cycles


def test_another_seed_gives_another_run(adder):
    runs = {tuple(add(adder, 100, stalls=0.5, seed=seed)[0].waits.values()) for seed in range(5)}
    assert len(runs) == 5


@pytest.mark.parametrize("width", WIDTHS)
def test_every_kind_of_port_carries_its_corners(straight_wires, width):
    values = [0, 1, 2**width - 1, 2 ** (width - 1)]
    sent = words(values, straight_wires.stride(f"i{width}"))
    result = straight_wires.run({f"i{width}": sent}, {f"o{width}": 4}, stalls=0.3)
    assert numbers(result.outputs[f"o{width}"]) == values


@pytest.mark.parametrize(("width", "stride"), [(1, 1), (9, 2), (17, 4), (33, 8), (65, 12), (97, 16)])
def test_stride_is_the_size_of_the_member(straight_wires, width, stride):
    assert straight_wires.stride(f"o{width}") == stride


def test_a_hang_says_where_each_stream_stands(adder):
    with pytest.raises(SimulationError) as error:
        adder.run({"a": words([1, 2])}, {"o": 3}, max_idle=50)
    assert str(error.value).splitlines() == [
        "no word moved for 50 cycles, since cycle 0",
        "  a: 0 of 2 words accepted, waits for ready",
        "  b: 0 of 0 words accepted, done",
        "  o: 0 of 3 words delivered, waits for valid",
    ]


def test_a_model_that_never_answers_is_a_hang(faulty):
    with pytest.raises(SimulationError, match=r"i: 1 of 1 words accepted, done\n  o: 0 .* waits for valid"):
        faulty.run({"i": words([0], 1)}, {"o": 1}, max_idle=20)


def test_valid_that_falls_is_an_error(faulty):
    with pytest.raises(SimulationError, match=r"cycle .*: o: valid fell while word 0 waited for ready"):
        faulty.run({"i": words([1], 1)}, {"o": 1}, stalls={"o": 0.99}, max_idle=2000)


def test_a_payload_that_moves_is_an_error(faulty):
    with pytest.raises(SimulationError, match=r"cycle .*: o: word 0 changed while it waited for ready"):
        faulty.run({"i": words([2], 1)}, {"o": 1}, stalls={"o": 0.99}, max_idle=2000)


def test_what_verilator_gives_up_on_is_an_error_and_no_abort():
    ringing = CompiledModel(build_model(RINGING, "ringing", [StreamPort("i", "in", 1)]))
    with pytest.raises(SimulationError, match="did not converge"):
        ringing.run({"i": words([1], 1)}, {})


def test_a_word_too_many_is_an_error(faulty):
    with pytest.raises(SimulationError, match="o: offers a word after the 5 that were expected"):
        faulty.run({"i": words([3], 1)}, {"o": 5})


def test_no_settling_asks_for_no_more(faulty):
    faulty.run({"i": words([3], 1)}, {"o": 5}, settle=0)


def test_reset_leaves_nothing_of_the_last_run(adder):
    adder.run({"a": words([1, 2]), "b": words([1, 2])}, {"o": 1}, settle=0)
    result = adder.run({"a": words([5]), "b": words([6])}, {"o": 1})
    assert numbers(result.outputs["o"]) == [11]


def test_kept_state_goes_on(adder):
    adder.run({"a": words([1, 2]), "b": words([1, 2])}, {"o": 1}, settle=0)
    result = adder.run({}, {"o": 1}, keep_state=True)
    assert numbers(result.outputs["o"]) == [4]


def test_nothing_to_do_takes_no_cycle(adder):
    assert adder.run({}, {}).cycles == 0


def test_watched_ports_show_each_cycle_of_the_window(adder):
    result, _ = add(adder, 4, watch=True, window=(0, 7))
    assert result.watched["full"][:, 0].tolist() == [0b00, 0b01, 0b11, 0b11, 0b11, 0b10, 0b00]


def test_a_window_past_the_end_is_cut(adder):
    result, _ = add(adder, 4, watch=True, window=(3, 10_000), settle=0)
    assert result.watched["full"].shape == (3, 1)


def test_input_that_is_not_contiguous_is_taken(adder):
    sent = words([1, 2, 3, 4])[::2]
    assert numbers(adder.run({"a": sent, "b": sent}, {"o": 2}).outputs["o"]) == [2, 6]


def test_progress_ends_at_the_total(adder):
    seen = []
    add(adder, 100, on_progress=lambda moved, total: seen.append((moved, total)))
    assert seen[-1] == (300, 300)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_a_run_that_would_not_end(faulty):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        faulty.run({"i": words([0], 1)}, {"o": 1}, max_idle=1 << 60)


def test_two_models_do_not_disturb_each_other(adder, faulty):
    with pytest.raises(SimulationError):
        faulty.run({"i": words([0], 1)}, {"o": 1}, max_idle=20)
    result, expected = add(adder, 20)
    assert numbers(result.outputs["o"]) == expected


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ({"c": words([1])}, {}, "inputs is 'c'; allowed: a, b"),
        ({"a": np.zeros((2, 20), np.int8)}, {}, "inputs[a].dtype is int8; allowed: uint8"),
        ({"a": np.zeros((2, 17), np.uint8)}, {}, "inputs[a].shape is [2, 17]; allowed: [2, 20]"),
        ({"a": np.zeros(20, np.uint8)}, {}, "inputs[a].shape is [20]; allowed: [20, 20]"),
        ({"a": words([2**130])}, {}, "inputs[a] is wider than its port; allowed: words of 130 bits"),
        ({"a": words([2**136])}, {}, "inputs[a] is wider than its port; allowed: words of 130 bits"),
        ({}, {"stalls": 1.0}, "stalls[a] is 1.0; allowed: 0 to 0.99"),
        ({}, {"stalls": {"x": 0.5}}, "stalls is 'x'; allowed: a, b, o"),
        ({}, {"window": (5, 3)}, "window is (5, 3); allowed: (first cycle, one past the last)"),
        ({}, {"max_idle": 0}, f"max_idle is 0; allowed: 1 to {2**62}"),
        ({}, {"trace_file": Path("x")}, "trace_file is x; allowed: None, for a library built without trace"),
    ],
)
def test_what_cannot_be_run_is_refused(adder, inputs, options, message):
    with pytest.raises(BadValue) as error:
        adder.run(inputs, {}, **options)
    assert str(error.value) == message


def test_an_output_that_is_none_is_refused(adder):
    with pytest.raises(BadValue, match="outputs is 'a'; allowed: o"):
        adder.run({}, {"a": 1})


def test_a_stride_of_no_stream_is_refused(adder):
    with pytest.raises(BadValue, match="stream is 'x'; allowed: a, b, o"):
        adder.stride("x")


def blocks(fst: bytes) -> dict[int, bytes]:
    """The blocks of an FST file, by type; each is type (1 byte), length (8, of itself and the body), body."""
    found, at = {}, 0
    while at < len(fst):
        length = int.from_bytes(fst[at + 1 : at + 9], "big")
        found[fst[at]] = fst[at + 9 : at + 1 + length]
        at += 1 + length
    return found


def header_times(path: Path) -> tuple[int, int]:
    """First and last time in the header, block 0."""
    return struct.unpack(">QQ", blocks(path.read_bytes())[0][:16])


def test_waves_hold_the_window_and_no_more(tracing_adder, tmp_path):
    path = tmp_path / "adder.fst"
    add(tracing_adder, 100, trace_file=path, window=(10, 30))
    assert header_times(path) == (100, 295)  # 10 ns a cycle, its edge in the middle


def test_waves_of_a_second_run_replace_the_first(tracing_adder, tmp_path):
    path = tmp_path / "adder.fst"
    for start in (0, 50):
        add(tracing_adder, 100, trace_file=path, window=(start, start + 5))
    assert header_times(path) == (500, 545)


def test_waves_are_kept_when_the_run_fails(tracing_adder, tmp_path):
    path = tmp_path / "hang.fst"
    with pytest.raises(SimulationError):
        tracing_adder.run({"a": words([1])}, {}, max_idle=20, trace_file=path, window=(0, 10))
    assert header_times(path) == (0, 95)


def test_waves_need_a_folder_that_exists(tracing_adder, tmp_path):
    with pytest.raises(BadValue, match=r"trace file is .*; allowed: a file in a folder that exists"):
        add(tracing_adder, 4, trace_file=tmp_path / "no" / "x.fst")


def test_tracing_changes_no_value(tracing_adder, tmp_path):
    result, expected = add(tracing_adder, 50, trace_file=tmp_path / "x.fst", window=(0, 100), stalls=0.3)
    assert numbers(result.outputs["o"]) == expected
