"""Signals that ask a command to end: Ctrl-C, SIGTERM, SIGHUP. All that runs is unwound by an exception.

Python runs a signal's handler in the main thread between two steps, and there are ways to miss it: one that
comes just before a wait for a lock or a process is seen after it; an exception in a finaliser is printed and
forgotten; some C code makes another of it. So a thread hears of each signal, too, by a pipe that the system's
handler writes to, and from then on wakes the main thread again and again, which looks: where nothing is being
unwound, Ended is raised.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from systola import start

AGAIN = 0.3  # seconds
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
    signal.signal(signal.SIGALRM, look_again)
    start.settle(hear)
    try:
        with woken():
            yield
    finally:
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def woken() -> Iterator[None]:
    """In the block, the main thread is woken from whatever it waits for once a signal has come."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    earlier = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    over = threading.Event()
    waker = threading.Thread(target=wake, args=(reader, over), name="systola-waker", daemon=True)
    waker.start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(earlier)
        os.close(writer)  # the thread reads its end
        waker.join(1.0)
        os.close(reader)


def wake(reader: int, over: threading.Event) -> None:
    """From the first signal that `reader` tells of until all is over."""
    while number := os.read(reader, 1):
        if number[0] in start.ENDING:
            while not over.wait(AGAIN):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
            return


def hear(number: int, frame: object) -> None:
    """A signal asks for the end; at the third all is left as it is."""
    came.append(number)
    if len(came) >= LAST:
        os._exit(128 + number)
    raise Ended


def look_again(number: int, frame: object) -> None:
    """Raise Ended once more unless it is on its way: some handler or finaliser is at work for it."""
    if not came:
        return
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, Ended):
        error = error.__context__
    if error is None:
        raise Ended


def unraised(what: "sys.UnraisableHookArgs") -> None:
    """Print an exception that cannot be raised, except Ended, which comes again."""
    if what.exc_type is None or not issubclass(what.exc_type, Ended):
        sys.__unraisablehook__(what)
