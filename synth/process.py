"""One run of a tool: its words in a log, its own message where it fails.

Every tool runs as a process of its own (sim.process), in a folder of its own, with its output in a file
there: a tool that ends the process, or that is ended, takes nothing with it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sim import process

LINES = 5  # of the log, where it names no error


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

    env      variables beside those of this process
    timeout  seconds after which it is ended, which is a failure
    errors   what a line of the log that tells of an error begins with, or has behind a file's name
    raises   SynthesisError with the tool's own message
    """
    log = folder / f"{name}.log"
    with open(log, "w") as out:
        status = process.run(command, folder, out, env={**os.environ, **(env or {})}, timeout=timeout)
    if status is None:
        raise SynthesisError(f"{name} took over {timeout:g} s; its log: {log}")
    if status:
        raise SynthesisError(f"{name}: {message(log, errors) or f'status {status}'}; its log: {log}")
    return log


def message(log: Path, errors: Sequence[str]) -> str:
    """The tool's own words: the first line that tells of an error, else the last few."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    named = [line for line in lines if any(line.startswith(word) or f" {word}:" in line for word in errors)]
    return named[0].strip() if named else "\n".join(lines[-LINES:])
