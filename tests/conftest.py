"""Which tests need Verilog, and which share a process; what tests of blocks ask: benches pass, tools read.

A tool that is not there is named in the skip.
"""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from sim.accept import icarus_accepts, yosys_accepts
from sim.runner import need, run_block
from sim.tools import ToolMissing
from sim.verilate import verilate_lint

os.environ.setdefault("SYSTOLA_OPT", "-O1")  # most models run for less time than -O3 takes longer to compile


def pytest_collection_modifyitems(items):
    """Files that end in _rtl carry the mark.

    Tests with Verilog take longest and go first, then broad ones: short ones fill the other processes' ends.
    """
    for item in items:
        if item.path.stem.endswith("_rtl"):
            item.add_marker(pytest.mark.rtl)
    items.sort(key=lambda item: [item.get_closest_marker(mark) is None for mark in ("rtl", "broad")])


APART = ("fuzz/test_fuzz.py", "campaign/test_cases.py", "frozen/test_frozen.py")  # they share nothing


def pytest_xdist_make_scheduler(config, log):
    """A file's tests share what they build, so one process runs them; of test_blocks_rtl, a block's tests.

    Not by marks of xdist_group: pytest 9.2 writes test names anew, and xdist 3.8 finds no group in them.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path, _, name = nodeid.partition("::")
            if path.endswith(APART):
                return nodeid
            block = name.partition("[")[2].partition("-")[0] if path.endswith("test_blocks_rtl.py") else ""
            return f"{path} {block}"

    return Grouped(config, log)


TOOL = re.compile(r"yosys|verilator(_bin)?|iverilog|vvp|(.*-)?[cg]\+\+")
unmarked = []  # the test that runs, if it may not use Verilog


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    unmarked[:] = [] if item.get_closest_marker("rtl") else [item.nodeid]
    return (yield)


def refuse_tools(event, arguments):
    """What make test-fast runs compiles nothing: its promise is held where a program is started."""
    if event == "subprocess.Popen" and unmarked:
        words = [str(word) for word in arguments[1]]
        compiles = any(TOOL.fullmatch(Path(word).name) or "libyosys" in word for word in words)
        if compiles and not {"--version", "-V", "--getenv"} & set(words):
            raise RuntimeError(f"{unmarked[0]} starts {words[:8]}: it needs pytest.mark.rtl")


sys.addaudithook(refuse_tools)


@pytest.fixture
def has():
    """Skips where a simulator is not here."""

    def ask(simulator):
        try:
            need(simulator)
        except ToolMissing as missing:
            pytest.skip(str(missing))

    return ask


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
    """Verilator finds nothing to warn of in a module; Icarus and Yosys accept it."""

    def read(verilog, top):
        verilate_lint(verilog, top)
        try:
            icarus_accepts(verilog)
            yosys_accepts(verilog, top)
        except ToolMissing as missing:
            pytest.skip(str(missing))

    return read


@pytest.fixture
def interruptible():
    """What is started in the background may ignore Ctrl-C (by a shell) or a hang-up (by nohup), and so would
    all that it starts."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
