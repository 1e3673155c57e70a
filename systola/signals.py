"""Signals that ask a command to end: Ctrl-C, SIGTERM, SIGHUP. All that runs is unwound by an exception.

Not all code lets an exception through: one that is raised in a finaliser is printed and forgotten, some C
code makes another of it. So a timer looks again: where nothing is being unwound, it is raised once more.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from systola import start

AGAIN = 0.5  # seconds
LAST = 3  # this many signals end the process whatever it does
came: list[int] = []


class Ended(BaseException):
    """A signal asked for the end."""


@contextmanager
def heard() -> Iterator[None]:
    """In the block, a signal raises Ended in the main thread; `came` has its number."""
    came.clear()
    if threading.current_thread() is not threading.main_thread():  # which alone may set signals
        yield
        return
    before = {number: signal.getsignal(number) for number in (*start.ENDING, signal.SIGALRM)}
    unraisable, sys.unraisablehook = sys.unraisablehook, unraised
    start.settle(hear)
    signal.signal(signal.SIGALRM, look_again)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


def hear(number: int, frame: object) -> None:
    """A signal asks for the end; at the third all is left as it is."""
    came.append(number)
    if len(came) >= LAST:
        os._exit(128 + number)
    signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
    raise Ended


def look_again(number: int, frame: object) -> None:
    """Raise Ended once more unless it is on its way: some handler or finaliser is at work for it."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, Ended):
        error = error.__context__
    if error is None:
        raise Ended


def unraised(what: "sys.UnraisableHookArgs") -> None:
    """What cannot be raised is printed, but for Ended, which comes again."""
    if what.exc_type is None or not issubclass(what.exc_type, Ended):
        sys.__unraisablehook__(what)
