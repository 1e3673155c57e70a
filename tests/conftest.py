"""What the tests of every block's RTL ask: its bench passes, every tool reads it, broken RTL is noticed.

A tool that is not there is named in the skip.
"""

import pytest

from hw.emit import verilog
from sim.accept import icarus_accepts, yosys_accepts
from sim.mutate import mutation_score
from sim.runner import environment_of, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint


@pytest.fixture
def has():
    """Skips where a simulator is not here."""

    def need(simulator):
        try:
            environment_of(simulator)
        except ToolMissing as missing:
            pytest.skip(str(missing))

    return need


@pytest.fixture
def passes(has):
    """The bench of a block passes on one of its cases."""

    def run(block, case, simulator="verilator", seed=1):
        has(simulator)
        (result,) = run_block(block, simulator=simulator, case=case, seed=seed)
        assert result.passed, "\n".join(result.messages)

    return run


@pytest.fixture
def readable():
    """Verilator finds nothing to warn of in a definition; Icarus and Yosys accept it. Gives its Verilog."""

    def read(definition):
        text = verilog(definition)
        verilate_lint(text, definition.name)
        try:
            icarus_accepts(text)
            yosys_accepts(text, definition.name)
        except ToolMissing as missing:
            pytest.skip(str(missing))
        return text

    return read


@pytest.fixture
def noticed(has):
    """The bench of a block fails on each of `count` mutants of a case; those of a seed."""

    def run(block, case, count, **options):
        has("icarus")
        score = mutation_score(block, case, count, **options)
        assert (score.killed, score.survivors) == (count, [])

    return run
