"""The cost library's store: results of synthesis by the hash of all that they depend on.

One SQLite file in the cache folder, written by several processes at once. An entry is looked up in well
under a millisecond, and never taken on trust: its hash stands beside it. A file that SQLite cannot read
is set aside, with a warning, and begun anew: what it held is made again when asked for.
"""

import hashlib
import json
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from sim import cache

FILE = "synthesis.sqlite"
PATIENCE = 60.0  # seconds that one process waits for another to finish writing
TABLE = "CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, hash TEXT NOT NULL)"
BUSY = ("locked", "busy")
_lock = threading.Lock()
T = TypeVar("T")


class DamagedStore(UserWarning):
    """The store's file was set aside; str() says where."""


def path() -> Path:
    """The store's file."""
    return cache.directory() / FILE


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def connection(place: Path) -> Iterator[sqlite3.Connection]:
    """The open store; what is written in the block stands when it ends."""
    base = sqlite3.connect(place, timeout=PATIENCE)
    try:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")
        base.execute(TABLE)
        with base:
            yield base
    finally:
        base.close()


def set_aside(place: Path, error: sqlite3.DatabaseError) -> None:
    """Rename a file that is no store, unless another process just did."""
    with FileLock(f"{place}.lock"):
        try:
            with connection(place):
                return
        except sqlite3.DatabaseError:
            pass
        aside = place.with_suffix(".damaged")
        place.replace(aside)
        for rest in ("-wal", "-shm"):
            Path(f"{place}{rest}").unlink(missing_ok=True)
        warnings.warn(
            f"{place} is damaged ({error}): now {aside.name}; its results are made again",
            DamagedStore,
            stacklevel=4,
        )


def attempt(work: Callable[[sqlite3.Connection], T]) -> T:
    """`work` on the store; once more, on a new one, where its file is damaged."""
    place = path()
    with _lock:
        try:
            with connection(place) as base:
                return work(base)
        except sqlite3.OperationalError as error:
            if any(word in str(error) for word in BUSY) or "unable to open" in str(error):
                raise
            set_aside(place, error)
        except sqlite3.DatabaseError as error:
            set_aside(place, error)
        with connection(place) as base:
            return work(base)


def get(key: str) -> Any:
    """What `put` kept under `key`; None where it is not, or is no longer what was kept."""
    rows = attempt(
        lambda base: base.execute("SELECT value, hash FROM entry WHERE key = ?", (key,)).fetchall()
    )
    if not rows or digest(rows[0][0]) != rows[0][1]:
        return None
    return json.loads(rows[0][0])


def put(key: str, value: Any) -> None:
    """Keep `value`, which json can write, under `key`."""
    text = json.dumps(value)
    row = (key, text, digest(text))
    attempt(lambda base: base.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)", row))


def remembered(parts: object, make: Callable[[], Any]) -> Any:
    """What `make` gave for `parts`, which json can write; made and kept where it is not there.

    parts  all that the result depends on: Verilog, target, options, versions of the tools
    What `make` raises passes through, and nothing is kept.
    """
    key = cache.key(parts)
    found = get(key)
    if found is None:
        found = json.loads(json.dumps(make()))
        put(key, found)
    return found
