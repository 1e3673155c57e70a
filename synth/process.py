"""One run of a tool: its words in a log, its own message where it fails.

Every tool runs as a process of its own, in a folder of its own, with its output in a file there: a tool
that ends the process, or that is ended, takes nothing with it. On Linux a tool, and what it has started
(Yosys its ABC), ends with the process that runs it, however that ends.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

LINES = 5  # of the log, where it names no error
# a process hears of its parent's end, but not of its grandparent's: a shell hears it for all of its group
GROUP = ["/bin/sh", "-c", 'trap "kill -KILL 0" TERM; "$@" & wait $!', "sh"]
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class SynthesisError(Exception):
    """A tool failed: its name, its own message, and where its log is."""


def run(
    name: str,
    command: Sequence[str],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    timeout: float = 3600,
    errors: Sequence[str] = ("ERROR", "Error"),
) -> Path:
    """Run `command` in `folder`; the path of its log, `<name>.log` there.

    timeout  seconds after which it is ended, which is a failure
    errors   what a line of the log that tells of an error begins with, or has behind a file's name
    raises   SynthesisError with the tool's own message
    """
    log = folder / f"{name}.log"
    with open(log, "w") as out:
        process = subprocess.Popen(
            [*GROUP, *command] if _libc else command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=None if env is None else {**os.environ, **env},
            start_new_session=True,
            preexec_fn=_end_with_parent if _libc else None,
        )
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise SynthesisError(f"{name} took over {timeout:g} s; its log: {log}") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if status:
        raise SynthesisError(f"{name}: {message(log, errors) or f'status {status}'}; its log: {log}")
    return log


def _end_with_parent() -> None:
    """In the child: a signal once the thread that started it is gone; that one waits for it all its life."""
    assert _libc
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def message(log: Path, errors: Sequence[str]) -> str:
    """The tool's own words: the first line that tells of an error, else the last few."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    named = [line for line in lines if any(line.startswith(word) or f" {word}:" in line for word in errors)]
    return named[0].strip() if named else "\n".join(lines[-LINES:])
