"""A tool that runs: its words, its end, and that nothing of it outlives what started it."""

import os
import signal
import subprocess
import sys

import pytest

from synth import process
from tests.helpers import alive, within

# a tool that starts another one, as Yosys does ABC
CHILD = 'sleep 60 & echo $! > inner; wait; echo "ERROR: woken"'
RUN = (
    "from pathlib import Path; from synth import process; process.run('tool', ['sh', '-c', {!r}], Path({!r}))"
)


def inner(folder):
    """The process of the tool's tool, once it runs."""
    file = folder / "inner"
    assert within(30, lambda: file.exists() and file.read_text().strip())
    return int(file.read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def test_a_tool_ends_with_what_started_it(tmp_path, how):
    parent = subprocess.Popen([sys.executable, "-c", RUN.format(CHILD, str(tmp_path))])
    pid = inner(tmp_path)
    assert alive(pid)
    os.kill(parent.pid, how)
    parent.wait()
    assert within(10, lambda: not alive(pid))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc")
def test_a_tool_that_takes_too_long_is_ended_with_all_it_started(tmp_path):
    with pytest.raises(process.SynthesisError, match=r"tool took over 0.5 s; its log: .*tool.log"):
        process.run("tool", ["sh", "-c", CHILD], tmp_path, timeout=0.5)
    assert within(10, lambda: not alive(inner(tmp_path)))


def test_a_failing_tools_own_words_are_told(tmp_path):
    with pytest.raises(process.SynthesisError, match=r"tool: ERROR: no such net; its log: .*tool.log"):
        process.run("tool", ["sh", "-c", "echo before; echo ERROR: no such net; exit 3"], tmp_path)


def test_a_tool_without_words_has_its_status(tmp_path):
    with pytest.raises(process.SynthesisError, match="tool: status 3; "):
        process.run("tool", ["sh", "-c", "exit 3"], tmp_path)


def test_words_are_in_the_log(tmp_path):
    assert process.run("tool", ["echo", "a word"], tmp_path).read_text() == "a word\n"
