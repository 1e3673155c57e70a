"""Where the program begins: what a signal does is settled first, before imports that take a second.

Nothing but what Python has loaded anyway is imported here.
"""

import _signal  # type: ignore[import-not-found]
import os
import sys

ENDING = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


def leave(number: int, frame: object) -> None:
    """End the process at once: nothing has begun yet, or all is done."""
    os._exit(128 + number)


def settle(handler: object) -> None:
    """Let `handler` hear of each signal that ends a program, but for those that the caller wants ignored."""
    for number in ENDING:
        if _signal.getsignal(number) is not _signal.SIG_IGN:
            _signal.signal(number, handler)


def open_standard_streams() -> None:
    """Where one of the three is closed, /dev/null takes its place: else a file would, and be printed into."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r"))


def main() -> None:
    """The command line."""
    settle(leave)
    open_standard_streams()
    from systola.cli import main as command

    try:
        command()
    finally:
        # Python takes handlers back before it ends: a signal in that moment would kill what is done
        settle(_signal.SIG_IGN)


if __name__ == "__main__":
    main()
