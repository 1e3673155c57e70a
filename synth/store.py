"""The cost library's store: results of synthesis by the hash of all that they depend on.

One SQLite file in the cache folder, written by several processes at once. An entry is looked up in well
under a millisecond, and never taken on trust: its hash stands beside it. A file that is damaged, by SQLite's
own word, is set aside, with a warning, and begun anew: what it held is made again when asked for. What the
machine does (a full disk, a cache that can only be read, a lock that is held) damages nothing: what can be
read is read, and a result that cannot be kept is given all the same, with a warning.
"""

import errno
import hashlib
import json
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from filelock import FileLock

from sim import cache

FILE = "synthesis.sqlite"
PATIENCE = 60.0  # seconds that one process waits for another to finish writing
SLICE = 0.5  # of it in SQLite at a time: there no signal is heard
TABLE = "CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, hash TEXT NOT NULL)"
COLUMNS = ("key", "value", "hash")
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# what else SQLite says, as the system would
MACHINE = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_BUSY: errno.EAGAIN,
    sqlite3.SQLITE_LOCKED: errno.EAGAIN,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
}
ROOM = 64 * 1024  # bytes that SQLite takes for its index of the journal, and some
_lock = threading.Lock()
T = TypeVar("T")


class DamagedStore(UserWarning):
    """The store's file was set aside; str() says where."""


class Unkept(UserWarning):
    """A result could not be kept; str() says why."""


class NoStore(sqlite3.DatabaseError):
    """A database, but not one of these entries."""


def path() -> Path:
    """The store's file."""
    return cache.directory() / FILE


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, of its many that tell more."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault."""
    return isinstance(error, NoStore) or code(error) in DAMAGE


def as_system(error: sqlite3.Error, place: Path) -> OSError:
    """The system's error for a failure of the machine."""
    number = MACHINE.get(code(error)) or reason(place.parent)
    return OSError(number, f"{os.strerror(number)} ({error})", str(place))


def reason(folder: Path) -> int:
    """Why a disk takes nothing, which SQLite calls an error of input or output."""
    try:
        disk = os.statvfs(folder)
    except OSError as error:
        return error.errno or errno.EIO
    if disk.f_flag & os.ST_RDONLY:
        return errno.EROFS
    full = disk.f_bavail * disk.f_frsize < ROOM or (disk.f_files and not disk.f_favail)
    return errno.ENOSPC if full else errno.EIO


@contextmanager
def connection(place: Path) -> Iterator[sqlite3.Connection]:
    """The open store; what is written in the block stands when it ends."""
    base = sqlite3.connect(place, timeout=SLICE)
    try:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")
        base.execute(TABLE)
        if tuple(row[1] for row in base.execute("PRAGMA table_info(entry)")) != COLUMNS:
            raise NoStore("a table of other columns")
        with base:
            yield base
    finally:
        base.close()


def set_aside(place: Path, error: sqlite3.Error) -> None:
    """Rename a damaged file, and what belongs to it, unless another process just did."""
    with FileLock(f"{place}.lock"):
        try:
            with connection(place):
                return
        except sqlite3.Error as again:
            if not is_damage(again):
                raise
        aside = unused(place.with_suffix(".damaged"))
        place.replace(aside)
        for rest in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{place}{rest}").replace(f"{aside}{rest}")
        warnings.warn(
            f"{place} is damaged ({error}): now {aside.name}; its results are made again",
            DamagedStore,
            stacklevel=4,
        )


def unused(place: Path) -> Path:
    """`place`, or with a number behind it where something is there already."""
    number, found = 0, place
    while found.exists():
        number += 1
        found = place.with_name(f"{place.name}.{number}")
    return found


def attempt(work: Callable[[sqlite3.Connection], T]) -> T:
    """`work` on the store; once more, on a new one, where its file is damaged.

    raises  OSError for what the machine did
    """
    place = path()
    with _lock:
        try:
            try:
                return patiently(place, work)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                set_aside(place, error)
            return patiently(place, work)
        except sqlite3.Error as error:
            raise as_system(error, place) from error


def patiently(place: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """`work` on the store, tried again while another process writes to it."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with connection(place) as base:
                return work(base)
        except sqlite3.Error as error:
            if code(error) not in BUSY or time.monotonic() > until:
                raise


def get(key: str) -> Any:
    """The value that `put` kept under `key`; None where it is not, or is no longer what was kept, or cannot
    be read."""

    def rows_of(base: sqlite3.Connection) -> list[tuple[str, str]]:
        return base.execute("SELECT value, hash FROM entry WHERE key = ?", (key,)).fetchall()

    try:
        rows = attempt(rows_of)
    except OSError:
        rows = read_only(rows_of)
    if not rows or digest(rows[0][0]) != rows[0][1]:
        return None
    return json.loads(rows[0][0])


def read_only(work: Callable[[sqlite3.Connection], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """`work` on a store that cannot be written to, which SQLite's usual reading asks for; else nothing."""
    try:
        base = sqlite3.connect(f"file:{quote(str(path()))}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error:
        return []
    try:
        return work(base)
    except sqlite3.Error:
        return []
    finally:
        base.close()


def put(key: str, value: Any) -> None:
    """Keep `value`, which json can write, under `key`; OSError where the machine does not let it."""
    text = json.dumps(value)
    row = (key, text, digest(text))
    attempt(lambda base: base.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?)", row))


def remembered(parts: object, make: Callable[[], Any]) -> Any:
    """What `make` gave for `parts`, which json can write; made and kept where it is not there.

    parts  all that the result depends on: Verilog, target, options, versions of the tools
    What `make` raises passes through, and nothing is kept. What cannot be kept is given, with a warning.
    """
    key = cache.key(parts)
    found = get(key)
    if found is None:
        found = json.loads(json.dumps(make()))
        keep(key, found)
    return found


def keep(key: str, value: Any) -> None:
    """`put`, but a warning where the machine does not let it."""
    try:
        put(key, value)
    except OSError as error:
        warnings.warn(f"{error.filename}: {error.strerror}; a result is not kept", Unkept, stacklevel=3)
