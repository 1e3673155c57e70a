"""The benches' own proof: hand-written registers pass, and each way to break them fails by name."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from golden.check import BadValue
from sim import runner
from sim.benches import Case, stages
from sim.benches.stream import compare, pack_word, unpack_word
from sim.runner import need, run_bench, run_block
from sim.tools import ToolMissing

pytestmark = pytest.mark.rtl

PORTS = """
module dut(input clk, rst, i_valid, o_ready, input [7:0] i_payload,
           output i_ready, output reg o_valid, output reg [7:0] o_payload);
"""
ONE = PORTS + """
    assign i_ready = ~o_valid | o_ready;
    always @(posedge clk) if (rst) o_valid <= 0; else if (i_ready) o_valid <= i_valid;
    always @(posedge clk) if (i_ready) o_payload <= i_payload;
endmodule
"""
# Two registers that move together: a bubble between two words is never filled.
RIGID = PORTS + """
    reg valid; reg [7:0] payload;
    assign i_ready = ~o_valid | o_ready;
    always @(posedge clk)
        if (rst) {o_valid, valid} <= 0; else if (i_ready) {o_valid, valid} <= {valid, i_valid};
    always @(posedge clk) if (i_ready) {o_payload, payload} <= {payload, i_payload};
endmodule
"""


@pytest.fixture(scope="module")
def simulator():
    """The quicker one, if it is here."""
    try:
        need("icarus")
    except ToolMissing:
        return "verilator"
    return "icarus"


def run(verilog, simulator, count=1, **options):
    bench, parameters = "sim.benches.stages", {"count": count}
    return run_bench(verilog, "dut", bench, simulator=simulator, parameters=parameters, **options)


def broken(*changes):
    text = ONE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


BREAKS = {
    "a word changes while it waits": (broken(("if (i_ready) o_payload", "o_payload")), "while it waited"),
    "a word is withdrawn": (broken(("else if (i_ready) o_valid", "else o_valid")), "while it waited"),
    "a bit is lost": (broken(("o_payload <= i_payload", "o_payload <= i_payload & 8'h7f")), "golden"),
    "ready comes too often": (broken(("~o_valid | o_ready;", "1;")), "while it waited"),
    "ready never comes": (broken(("~o_valid | o_ready;", "0;")), "0 words in"),
    "nothing is reset": (broken(("if (rst) o_valid <= 0; else ", "")), ""),
    "a word comes twice": (broken(("~o_valid | o_ready;", "~o_valid;")), "310 words in"),
    "half the pace": (
        broken(
            ("~o_valid | o_ready;", "~o_valid;"),
            ("else if (i_ready) o_valid <= i_valid", "else o_valid <= i_ready ? i_valid : ~o_ready"),
        ),
        "took 600 cycles, golden 301",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_block_fails(name, simulator):
    verilog, words = BREAKS[name]
    result = run(verilog, simulator)
    assert result.built
    assert not result.passed
    assert words in " ".join(result.messages)


def test_hand_written_registers_pass(simulator):
    result = run(ONE, simulator)
    assert (result.tests, result.failures, result.messages) == (8, 0, ())


def test_a_bubble_that_is_not_filled_fails(simulator):
    result = run(RIGID, simulator, count=2)
    assert ["lets_exactly" in message for message in result.messages] == [True]


def test_one_register_too_many_fails(simulator):
    result = run(ONE, simulator, count=2)
    assert "took 301 cycles, golden 302" in " ".join(result.messages)


def test_an_unknown_payload_fails_on_icarus():
    try:
        need("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))
    result = run(broken(("o_payload <= i_payload", "o_payload <= 8'hx0 | i_payload")), "icarus")
    assert "while valid" in " ".join(result.messages)


def test_no_test_that_ran_is_a_failure(simulator):
    result = run(ONE, simulator, testcase="no_such_test")
    assert (result.tests, result.passed) == (0, False)


def test_verilog_that_does_not_build_is_a_failure(simulator):
    result = run(ONE.replace("endmodule", ""), simulator)
    assert (result.built, result.tests, result.passed) == (False, 0, False)


def test_a_verilator_warning_is_a_failure():
    result = run(broken(("assign i_ready", "assign unused = o_ready; assign i_ready")), "verilator")
    assert not result.built
    assert "IMPLICIT" in result.messages[0]


def test_a_simulation_that_hangs_is_ended(simulator):
    hang = "always @(posedge o_valid) while (1) begin : hang integer n; n = n + 1; end\n"
    result = run(broken(("endmodule", hang + "endmodule")), simulator, timeout=3)
    assert result.messages == ("the simulation took over 3 s",)


def test_a_failure_names_block_case_seed_and_how_to_repeat(simulator, monkeypatch):
    case = Case("x1", lambda: (BREAKS["a bit is lost"][0], "dut"), {"count": 1})
    monkeypatch.setattr(stages, "CASES", [case])
    (result,) = run_block("stages", simulator=simulator, seed=3)
    first, *_, last = result.messages[0].splitlines()
    assert first.startswith("stages: x1, seed 3, words_match_golden")
    assert last.startswith("  again: systola test stages --seed 3 --waves")


def test_the_same_seed_gives_the_same_words(simulator):
    verilog = BREAKS["a bit is lost"][0]
    once, twice, other = (run(verilog, simulator, seed=seed).messages for seed in (1, 1, 2))
    assert once == twice != other


def test_both_simulators_fail_at_the_same_word(simulator):
    verilog = BREAKS["a bit is lost"][0]
    assert run(verilog, simulator).messages == run(verilog, "verilator").messages


def test_two_runs_at_once_do_not_meet():
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda seed: run(ONE, "verilator", seed=seed), [1, 2]))
    assert [result.passed for result in results] == [True, True]


@pytest.mark.parametrize("name", ["icarus", pytest.param("verilator", marks=pytest.mark.slow)])
def test_waves_are_left_in_the_folder(name, tmp_path):
    try:
        need(name)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    result = run(ONE, name, waves=True, build_dir=tmp_path)
    assert result.waves == tmp_path / "waves.fst"
    assert result.waves.stat().st_size > 0


@pytest.mark.parametrize("name", runner.blocks())
def test_every_blocks_cases_have_names_of_their_own(name):
    names = [case.name for case in runner.blocks()[name].CASES]
    assert len(set(names)) == len(names)


def test_an_unknown_block_is_refused():
    with pytest.raises(BadValue, match=r"block is 'vector/nothing'; allowed: .*vector/requantise"):
        run_block("vector/nothing")


def test_an_unknown_case_is_refused():
    with pytest.raises(BadValue, match=r"case is 'x9'; allowed: x1, x2, x5"):
        run_block("stages", case="x9")


def test_an_unknown_simulator_is_refused():
    with pytest.raises(BadValue, match=r"simulator is 'vcs'; allowed: verilator, icarus"):
        run_block("stages", simulator="vcs")


def test_words_unpack_as_they_were_packed():
    layout, random = [("a", 3, 4), ("b", 1, 1), ("c", 13, 2)], Random(1)
    values = {name: [random.getrandbits(width) for _ in range(lanes)] for name, width, lanes in layout}
    assert unpack_word(layout, pack_word(layout, values)) == values


def test_a_negative_value_packs_as_its_low_bits():
    assert pack_word([("a", 4, 2)], {"a": [-1, -8]}) == 0x8F


def test_compare_names_the_first_difference():
    with pytest.raises(AssertionError, match=r"^word 1 lane 1: input 1\.1 gives 5, golden 6$"):
        compare([[4, 4], [5, 5], [5, 5]], [[4, 4], [5, 6], [6, 6]], lambda word, lane: f"input {word}.{lane}")


def test_compare_wants_as_many_words_as_golden():
    with pytest.raises(AssertionError, match="1 words, golden 2"):
        compare([[4]], [[4], [4]], lambda word, lane: "")
