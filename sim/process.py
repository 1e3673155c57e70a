"""Other programs, run so that none of them outlives what started it, however that ends.

Each runs in a process group of its own. On Linux the kernel tells the group's shell when the thread that
waits for it is gone, by a kill too, and the shell ends the whole group: a tool with all that it has started
(make its compilers, Yosys its ABC). Where Python goes on, by an exception or a signal, it ends the group.
"""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

# a process hears of its parent's end, but not of its grandparent's: a shell hears it for all of its group
GROUP = ["/bin/sh", "-c", 'trap "kill -KILL 0" TERM; "$@" & wait $!', "sh"]
PR_SET_PDEATHSIG = 1
PATIENCE = 5.0  # seconds that threads have to end when they are interrupted
THREADS = "systola-pool"  # their names begin so
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_running: set["subprocess.Popen[Any]"] = set()
_ended: WeakSet["subprocess.Popen[Any]"] = WeakSet()  # by `end_all`
_numbers = count()


class Interrupted(RuntimeError):
    """The program was ended since the work that it is part of was interrupted."""


def run(
    command: Sequence[str],
    folder: Path | None,
    out: IO[Any],
    *,
    err: IO[Any] | int = subprocess.STDOUT,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> int | None:
    """Exit status of `command`, run in `folder`; None if it took over `timeout` seconds, and was ended.

    out     file that takes what it prints: no pipe, which a server that outlives it would keep open
    env     the whole environment; None: this process's
    raises  Interrupted, OSError
    """
    process = subprocess.Popen(
        [*GROUP, *command] if _libc else command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        env=env,
        start_new_session=True,
        preexec_fn=_end_with_parent if _libc else None,
    )
    _running.add(process)
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _running.discard(process)
        if process.poll() is None:
            end(process)
            process.wait()
    if process in _ended:
        raise Interrupted(f"{Path(command[0]).name} was ended: the work was interrupted")
    return status


def _end_with_parent() -> None:
    """In the child: a signal once the thread that started it is gone; that one waits for it all its life."""
    assert _libc
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def said(
    command: Sequence[str], folder: Path | None, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """(exit status, what it printed); its temporary files are in `folder`, and go with that."""
    own = {**(os.environ if env is None else env), **({"TMPDIR": str(folder.resolve())} if folder else {})}
    with tempfile.TemporaryFile() as out:
        status = run(command, folder, out, env=own)
        out.seek(0)
        assert status is not None
        return status, out.read().decode(errors="replace")


def end(process: "subprocess.Popen[Any]") -> None:
    """End a program with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end_all() -> None:
    """End every program that runs; who waits for one, in whatever thread, has Interrupted."""
    for process in list(_running):
        _ended.add(process)
        end(process)


@contextmanager
def pool(threads: int | None) -> Iterator[ThreadPoolExecutor]:
    """Threads that mostly wait for programs: interrupted, these are ended, and so soon are the threads."""
    name = f"{THREADS}-{next(_numbers)}-"
    executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
    try:
        yield executor
    except Exception:
        executor.shutdown(cancel_futures=True)
        raise
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        _abandon(name)
        raise
    executor.shutdown()


def _abandon(name: str) -> None:
    """End programs until no thread of the pool is left, or patience is over."""
    until = time.monotonic() + PATIENCE
    while any(thread.name.startswith(name) for thread in threading.enumerate()):
        if time.monotonic() > until:
            return
        end_all()
        time.sleep(0.02)


def threads_left() -> bool:
    """Whether a thread of a pool is still busy, which leaving Python would wait for."""
    return any(thread.name.startswith(THREADS) for thread in threading.enumerate())
