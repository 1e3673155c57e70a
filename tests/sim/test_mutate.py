"""Mutation testing: the faults are faults, and the benches notice them."""

import pytest

from golden.check import BadValue
from sim.benches import Case, stages
from sim.benches.stages import CASES
from sim.mutate import Mutant, mutants, mutation_score, sites
from sim.runner import need
from sim.tools import ToolMissing

TEXT = """module dut(clk, q);
  wire [7:0] d;
  assign d = a < 8'hff ? b + c : ~ e[3:1];
  always @(posedge clk)
    if (rst) q <= 8'h00;
    else if (go) q <= $signed(d) >>> 2;
endmodule
"""


@pytest.fixture
def icarus():
    """Mutants take one build each: on Verilator minutes."""
    try:
        need("icarus")
    except ToolMissing as missing:
        pytest.skip(str(missing))


def after(kind):
    return {mutant.after.strip() for mutant in mutants(TEXT, 1, 1000) if mutant.kind == kind}


def test_operators():
    assert {line.split("assign d = ")[-1] for line in after("operator")} == {
        "a <= 8'hff ? b + c : ~ e[3:1];",
        "a < 8'hff ? b - c : ~ e[3:1];",
        "else if (go) q <= $signed(d) >> 2;",
    }


def test_constants_wrap():
    assert after("constant plus one") == {
        "assign d = a < 8'h0 ? b + c : ~ e[3:1];",
        "if (rst) q <= 8'h1;",
    }


def test_choices():
    assert after("choices swapped") == {"assign d = a < 8'hff ? ~ e[3:1] : b + c;"}


def test_conditions():
    kinds = ("condition inverted", "enable dropped", "never enabled")
    resets = {line for kind in kinds for line in after(kind) if "8'h00" in line}
    assert resets == {f"if ({text}) q <= 8'h00;" for text in ("!(rst)", "1'h1", "1'h0")}


def test_slices_negations_and_signs():
    assert after("neighbouring bits") == {"assign d = a < 8'hff ? b + c : ~ e[2:0];"}
    assert after("negation dropped") == {"assign d = a < 8'hff ? b + c : e[3:1];"}
    assert after("sign dropped") == {"else if (go) q <= $unsigned(d) >>> 2;"}


def test_a_mutant_differs_in_its_line_alone():
    for mutant in mutants(TEXT, 1, 1000):
        pairs = list(zip(TEXT.splitlines(), mutant.verilog.splitlines(), strict=True))
        assert [index for index, (old, new) in enumerate(pairs, 1) if old != new] == [mutant.line]


def test_declarations_are_left_alone():
    assert {number + 1 for _, number, *_ in sites(TEXT)} == {3, 5, 6}


def test_the_same_seed_gives_the_same_mutants():
    assert mutants(TEXT, 1, 5) == mutants(TEXT, 1, 5) != mutants(TEXT, 2, 5)


def test_a_mutant_reads_as_what_changed():
    mutant = Mutant("operator", 3, "  a + b", "  a - b", "")
    assert str(mutant) == "operator, line 3: a + b  ->  a - b"


@pytest.mark.rtl
def test_a_bench_that_fails_already_has_no_score(icarus, monkeypatch):
    monkeypatch.setattr(stages, "CASES", [Case("x1", CASES[1].build, {"count": 1})])
    with pytest.raises(BadValue, match="stages x1 is failing as it is"):
        mutation_score("stages", "x1", 1)


@pytest.mark.rtl
def test_broken_registers_are_noticed(icarus):
    assert mutation_score("stages", "x2", 8) == (8, [])


@pytest.mark.rtl
@pytest.mark.slow
@pytest.mark.parametrize("case", ["x1", "x2", "x5"])
def test_every_fault_of_the_registers_is_noticed(icarus, case):
    assert mutation_score("stages", case, 1000).survivors == []
