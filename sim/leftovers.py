"""Temporary folders and files that go: with the work they are for, or with a later command if it was killed.

Their names end in `.systola-` and eight letters. Who works in one holds a lock on it (flock), which the
kernel takes back however the process ends. So what carries such a name and is locked by nobody was left by a
process that is gone, and `clear` removes it; what is locked, has another name or another owner stays.

A new one is made under a name with `+` for `-`, locked, and only then renamed: `clear` may take it before it
is locked, which its maker sees at the rename, and makes another.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = re.compile(r"(.*)\.systola([+-])[a-z0-9_]{8}", re.DOTALL)  # as tempfile names things
KEPT = ".systola-kept"  # a file of this name in a folder: it stays, for its logs
_cleared: set[tuple[Path, str | None]] = set()  # once a process is often enough


def lock(handle: int) -> bool:
    """Lock an open file or folder if nobody else has; False, too, where the file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def made(parent: Path, name: str, make: Callable[[str, Path], str]) -> tuple[Path, int]:
    """A new, locked entry of `parent` and the open handle that its lock lasts for."""
    while True:
        new = Path(make(f"{name}.systola+", parent))
        try:
            handle = os.open(new, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            lock(handle)
            place = new.with_name("systola-".join(new.name.rsplit("systola+", 1)))
            new.rename(place)
        except FileNotFoundError:  # `clear` of another process was faster than the lock
            os.close(handle)
            continue
        except BaseException:
            os.close(handle)
            remove(new)
            raise
        return place, handle


@contextmanager
def folder(parent: Path, name: str) -> Iterator[Path]:
    """An empty folder NAME.systola-XXXXXXXX in `parent`, gone with the block unless it holds a file KEPT."""
    place, handle = made(parent, name, lambda prefix, where: tempfile.mkdtemp(prefix=prefix, dir=where))
    try:
        yield place
    finally:
        if not (place / KEPT).exists():
            remove(place)
        os.close(handle)


@contextmanager
def file(parent: Path, name: str) -> Iterator[Path]:
    """An empty file in `parent` to write and to rename; gone with the block if it was not renamed."""
    place, handle = made(parent, name, empty_file)
    try:
        yield place
    finally:
        with suppress(FileNotFoundError):
            place.unlink()
        os.close(handle)


def empty_file(prefix: str, where: Path) -> str:
    """The path of a new file that only its owner may read."""
    handle, path = tempfile.mkstemp(prefix=prefix, dir=where)
    os.close(handle)
    return path


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder in the machine's folder for such (TMPDIR)."""
    parent = Path(tempfile.gettempdir())
    clear_once(parent, "systola")
    with folder(parent, "systola") as place:
        yield place


def clear(parent: Path, name: str | None = None) -> None:
    """Remove what killed processes left in `parent`, made for `name` or, if that is None, for anything."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            match = MARK.fullmatch(entry.name)
            if match and name in (None, match[1]):
                clear_one(Path(entry.path))


def clear_once(parent: Path, name: str | None = None) -> None:
    """The same, but only at the first call in this process."""
    if (parent, name) not in _cleared:
        _cleared.add((parent, name))
        clear(parent, name)


def clear_one(place: Path) -> None:
    """Remove one entry if it is ours, locked by nobody, and not kept for its logs."""
    try:
        if place.lstat().st_uid != os.geteuid() or (place / KEPT).exists():
            return
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        if lock(handle):
            remove(place)
    finally:
        os.close(handle)


def remove(place: Path) -> None:
    """Remove a file or a folder, as far as that goes."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        with suppress(OSError):
            place.unlink()
