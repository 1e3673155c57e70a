"""Cases of a reader, each in a child process that may take so much memory and so long.

A case is a seed: the reader's `damage` writes a damaged file into a folder, its `use` reads it as a command
would. Right is a result or a BadValue whose message fits one line. All else is a fault: another exception,
20 seconds without an end, memory beyond 4 GiB, the death of the process.
"""

import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from golden.check import LONGEST_MESSAGE, BadValue
from systola import output

SECONDS = 20  # of the processor, for a case
PATIENCE = 6  # times as many by the clock: other programs run, too
MEMORY = 4 << 30  # bytes of address space beyond those of the process as it starts
GRACE = 10  # seconds beyond, until a case that no signal reaches is killed


class Hang(BaseException):
    """A case took too long; no handler of the program's may take it for a fault of a file's."""


@dataclass
class Found:
    """How the cases of a reader ended. faults: (seed, what)."""

    ends: Counter = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    reasons: Counter = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)


def run(reader, seeds) -> Found:
    """All cases of a reader (a module with `prepare`, `damage` and `use`)."""
    found, waiting = Found(), list(seeds)
    while waiting:
        done = batch(reader, waiting, found)
        waiting = waiting[done:]
    return found


def batch(reader, seeds, found: Found) -> int:
    """Cases in one child until it dies or all are done; how many that were."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        work(reader, seeds, writing)
    os.close(writing)
    done, buffer = 0, b""
    while True:
        ready, _, _ = select.select([reading], [], [], PATIENCE * SECONDS + GRACE)
        if not ready:
            os.kill(child, signal.SIGKILL)
        data = os.read(reading, 1 << 16) if ready else b""
        if not data:
            break
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            note(found, *json.loads(line))
            done += 1
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if done < len(seeds):
        what = "hangs in a library" if os.WTERMSIG(status) == signal.SIGKILL else f"dies of status {status}"
        note(found, seeds[done], "fault", what, float(SECONDS))
        done += 1
    return done


def note(found: Found, seed: int, end: str, what: str, took: float) -> None:
    found.ends[end] += 1
    found.slowest = max(found.slowest, (round(took, 2), seed))
    if end == "fault":
        found.faults.append((seed, what))
    elif end == "refused":
        found.reasons[re.sub(r"[\d\W]+", " ", what.split("; allowed")[0])[-60:]] += 1


def work(reader, seeds, writing: int) -> None:
    """The child: every case, its end written as a line of JSON."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (held() + MEMORY, resource.RLIM_INFINITY))
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGPROF, too_long)
    top = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        reader.prepare()
        for seed in seeds:
            folder = top / "case"
            folder.mkdir()
            start = time.monotonic()
            end, what = one(reader, seed, folder)
            line = json.dumps([seed, end, what, time.monotonic() - start])
            os.write(writing, line.encode() + b"\n")
            shutil.rmtree(folder)
    finally:
        shutil.rmtree(top, ignore_errors=True)
        os._exit(0)


def held() -> int:
    """Bytes of address space that the process has already: libraries and their threads."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def too_long(signum, frame):
    raise Hang


def one(reader, seed: int, folder: Path) -> tuple[str, str]:
    """How one case ends, and what is wrong with that."""
    random = np.random.default_rng(seed)
    signal.alarm(PATIENCE * SECONDS)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        files = reader.damage(random, folder)
        result = reader.use(random, files)
        return "used", strict(result)
    except BadValue as bad:
        return told(str(bad))
    except Hang:
        return "fault", f"takes more than {SECONDS} s"
    except BaseException as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "tests/fuzz/" not in f.filename]
        at = " <- ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-3:]))
        return "fault", f"{type(error).__name__} at {at}: {str(error)[:200]}"
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def strict(result) -> str:
    """Nothing; an exception unless a result can be printed as strict JSON."""
    if result is not None:
        json.loads(output.as_json(result), parse_constant=lambda word: 1 / 0)
    return ""


def told(message: str) -> tuple[str, str]:
    """A refusal: in one line, not endless."""
    if not message.isprintable() or len(message) > LONGEST_MESSAGE:
        return "fault", f"message {message[:200]!r}"
    return "refused", message


def show(name: str, found: Found, reasons: int = 0) -> str:
    """One line, and one for each kind of fault."""
    lines = [f"{name}: {dict(found.ends)}, slowest {found.slowest[0]} s (seed {found.slowest[1]})"]
    kinds: dict[str, list[int]] = {}
    for seed, what in found.faults:
        kinds.setdefault(what.split(": ")[0], []).append(seed)
    whats = dict(found.faults)
    lines += [f"  {len(seeds)} of seeds {seeds[:5]}: {whats[seeds[0]]}" for seeds in kinds.values()]
    lines += [f"  refused {count}: {reason}" for reason, count in found.reasons.most_common(reasons)]
    return "\n".join(lines)
