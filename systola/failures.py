"""How a command ends: one handler turns what was raised into a line on stderr and an exit status.

0  done
1  the work failed: a mismatch, a missing tool, a full disk, or a bug (its trace goes to a log file)
2  the request was wrong; nothing was changed
"""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import NoReturn

import click

from golden.check import BadValue
from systola import output

DONE, FAILED, WRONG = 0, 1, 2
WRONG_FILES = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)


class Failed(Exception):
    """The work was done and its result is bad; str() says how. Empty: it has been said."""


def say(message: str) -> None:
    print(f"systola: {output.lines(message)}", file=sys.stderr)


def status_of(error: BaseException) -> int:
    """Say what went wrong, and the exit status for it."""
    from mapping.engines import Mismatch

    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if type(error).__module__.startswith("sim."):  # a missing tool, a hang, Verilog that a tool refuses
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
    if isinstance(error, Failed | Mismatch):
        if str(error):
            say(str(error))
        return FAILED
    if isinstance(error, OSError) and error.filename is not None:
        say(f"{error.filename}: {(error.strerror or 'cannot be used').lower()}")
        return WRONG if isinstance(error, WRONG_FILES) else FAILED
    if isinstance(error, MemoryError):
        say(f"out of memory ({error})" if str(error) else "out of memory")
        return FAILED
    if isinstance(error, KeyboardInterrupt | click.Abort):
        say("interrupted; results are as they were")
        return FAILED
    return bug(error)


def bug(error: BaseException) -> int:
    """What nobody foresaw: its trace goes to a file that a user can send."""
    handle, path = tempfile.mkstemp(prefix="systola-", suffix=".log")
    with os.fdopen(handle, "w") as log:
        log.write("".join(traceback.format_exception(error)))
    say(f"this is a bug, not yours: {type(error).__name__}: {error}\nsystola: trace in {path}")
    return FAILED


def guarded(work: Callable[[], object]) -> NoReturn:
    """Do `work` and leave the process with the status of how it ended."""
    try:
        result = work()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        sys.exit(DONE)
    except BaseException as error:
        sys.exit(status_of(error))
    sys.exit(result if isinstance(result, int) else DONE)
