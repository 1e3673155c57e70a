"""The end of a command: one handler turns what was raised into a line on stderr and an exit status.

0    done
1    the work failed: a mismatch, a missing tool, what the machine did (a full disk, no memory), or a bug,
     whose trace goes to a log file
2    the request was wrong; nothing was changed
130  Ctrl-C; 143 SIGTERM, 129 SIGHUP: what ran was ended, what was half written is gone
"""

import os
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import click

from golden.check import BadValue
from sim import process
from systola import output, signals, start

DONE, FAILED, WRONG = 0, 1, 2
WRONG_FILES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)


class Passed(Exception):
    """What click would take for its own business (a broken pipe, an end of file): its cause was raised."""


class Failed(Exception):
    """The work was done and its result is bad; str() says how. Empty: it has been said."""


def say(message: str) -> None:
    """A message on stderr, if there still is one."""
    with suppress(OSError, ValueError):
        print(f"systola: {output.lines(message)}", file=sys.stderr, flush=True)


def status_of(error: BaseException) -> int:
    """Say what went wrong, and the exit status for it."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):  # where no signal is heard
        return interrupted(signal.SIGINT)
    if type(error).__module__.startswith("sim."):  # a missing tool, a hang, a device that differs from golden
        say(str(error))
        return FAILED
    if type(error).__name__ == "SynthesisError":  # of a room that is imported only where it is used
        say(str(error))
        return FAILED
    if isinstance(error, BadValue):
        say(str(error))
        return WRONG
    if isinstance(error, click.ClickException):
        say(error.format_message())
        return WRONG
    if isinstance(error, Failed):
        if str(error):
            say(str(error))
        return FAILED
    if isinstance(error, OSError | MemoryError):
        say(machine(error))
        return WRONG if isinstance(error, WRONG_FILES) and error.filename is not None else FAILED
    return bug(error)


def machine(error: OSError | MemoryError) -> str:
    """The machine's failure, in its own words."""
    if isinstance(error, MemoryError):
        return f"out of memory ({error})" if str(error) else "out of memory"
    said = (error.strerror or str(error) or "cannot be used").lower()
    return f"{error.filename}: {said}" if error.filename is not None else said


def bug(error: BaseException) -> int:
    """Report an unforeseen error: its trace goes to a file that a user can send, else to stderr."""
    trace = "".join(traceback.format_exception(error))
    try:
        handle, path = tempfile.mkstemp(prefix="systola-", suffix=".log")
        with os.fdopen(handle, "w", errors="backslashreplace") as log:
            log.write(trace)
    except OSError:
        path = f"stderr:\n{trace}"
    say(f"this is a bug, not yours: {type(error).__name__}: {error}\nsystola: trace in {path}")
    return FAILED


def guarded(work: Callable[[], object]) -> NoReturn:
    """Do `work` and leave the process with the status of how it ended."""
    start.open_standard_streams()
    try:
        with signals.heard():
            status = outcome(work)
    except signals.Ended:  # it came when all was over
        status = 128 + signals.came[0]
    if signals.came and process.threads_left():  # which Python would wait for
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def outcome(work: Callable[[], object]) -> int:
    """Do `work`; the exit status."""
    try:
        result = work()
        sys.stdout.flush()
        status = result if isinstance(result, int) else DONE
    except SystemExit as error:  # click's own, say of a shell's completion
        status = error.code if isinstance(error.code, int) else FAILED if error.code else DONE
        status = DONE if reader_gone() else status
    except BaseException as error:
        raised = error.__cause__ if isinstance(error, Passed) and error.__cause__ else error
        if signals.came:  # whatever became of it on its way: not all code lets it through
            status = interrupted(signals.came[0])
        else:
            status = DONE if isinstance(raised, BrokenPipeError) and reader_gone() else status_of(raised)
    silence()
    return status


def interrupted(number: int) -> int:
    """Say that a signal ended the work; the exit status for it."""
    say(f"ended by {signal.Signals(number).name}; results are as they were")
    return 128 + number


def reader_gone() -> bool:
    """Whether nobody reads stdout any more: who did has seen enough."""
    try:
        watch = select.poll()
        watch.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in watch.poll(0))
    except (OSError, ValueError):
        return False


def silence() -> None:
    """Let nothing that could not be printed trouble Python's end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
