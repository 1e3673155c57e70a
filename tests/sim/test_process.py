"""Programs end with what started them, in every thread and however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim import process
from tests.helpers import alive, within

# a compiler that starts another program, as make does, and takes an hour
SLOW = """#!/bin/sh
case "$1" in --version) echo "c++ 12.2.0"; exit 0;; esac
sleep 3600 & echo $! > "running.$$"
wait
"""
COMPILE = """
import sys
from pathlib import Path
from sim.build import compile_all
from systola import failures
failures.guarded(lambda: compile_all(["a.cpp", "b.cpp"], [], Path(sys.argv[1])))
"""

pytestmark = pytest.mark.usefixtures("interruptible")


@pytest.mark.skipif(sys.platform != "linux", reason="prctl and /proc are Linux's")
@pytest.mark.parametrize(
    ("how", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)],
    ids=["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"],
)  # fmt: skip
def test_compilers_end_with_the_command(tmp_path, how, status):
    compiler = tmp_path / "slow-c++"
    compiler.write_text(SLOW)
    compiler.chmod(0o755)
    folder = tmp_path / "build"
    folder.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", COMPILE, str(folder)], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "CXX": str(compiler), "SYSTOLA_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip

    def running():
        return [int(path.read_text()) for path in folder.glob("running.*") if path.read_text().strip()]

    assert within(60, lambda: len(running()) == min(2, os.cpu_count() or 1))
    pids = running()
    assert all(alive(pid) for pid in pids)
    began = time.monotonic()
    parent.send_signal(how)
    said = parent.communicate()[1]
    assert parent.returncode == status
    assert within(10, lambda: not any(alive(pid) for pid in pids))
    assert time.monotonic() - began < 10
    if how != signal.SIGKILL:
        assert said == f"systola: ended by {how.name}; results are as they were\n"


def test_a_pool_gives_what_its_threads_give():
    with process.pool(2) as pool:
        assert list(pool.map(lambda x: x * x, range(5))) == [0, 1, 4, 9, 16]
    assert not process.threads_left()


def test_an_error_in_a_pool_leaves_out_what_has_not_begun(tmp_path):
    done = []

    def work(number):
        done.append(number)
        if number == 0:
            raise ValueError("the first")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="the first"), process.pool(1) as pool:
        for future in [pool.submit(work, number) for number in range(100)]:
            future.result()
    assert len(done) < 100
    assert not process.threads_left()


def test_an_interrupted_pool_ends_its_programs_and_tells_its_threads():
    ended = []

    def work():
        try:
            process.said(["sleep", "60"], None)
        except process.Interrupted as error:
            ended.append(str(error))

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), process.pool(2) as pool:
        pool.submit(work)
        pool.submit(work)
        assert within(10, lambda: len(process._running) == 2)
        raise KeyboardInterrupt
    assert time.monotonic() - began < process.PATIENCE
    assert within(5, lambda: ended == ["sleep was ended: the work was interrupted"] * 2)


def test_what_a_program_prints_and_its_status():
    assert process.said(["sh", "-c", "echo out; echo err >&2; exit 3"], None) == (3, "out\nerr\n")


def test_one_that_takes_too_long_is_ended(tmp_path):
    with open(tmp_path / "log", "w") as log:
        assert process.run(["sleep", "60"], tmp_path, log, timeout=0.2) is None


def test_a_program_that_is_missing_is_named():
    status, said = process.said([str(Path("/none/such"))], None)
    assert status and "/none/such" in said
