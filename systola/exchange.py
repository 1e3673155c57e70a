"""Put a finished folder in the place of another: a kill at any time leaves the old one or the new one.

Linux exchanges two names at once (renameat2). Where the system or the file system does not, a journal beside
them says what is under way, and the next command that wants the folder ends it.
"""

import ctypes
import errno
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sim import leftovers

HERE = -100  # AT_FDCWD
RENAME_EXCHANGE = 2
UNABLE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY)


def at_once(first: Path, second: Path) -> bool:
    """Exchange two names in one step; False, and nothing is done, where that is not possible."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if call is None:
        return False
    if call(HERE, os.fsencode(first), HERE, os.fsencode(second), RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in UNABLE:
        return False
    raise OSError(code, os.strerror(code), str(second))


def put(building: Path, place: Path, rescue: Callable[[Path, Path], None]) -> None:
    """Rename `building` to `place`; a folder that was there is removed.

    rescue  told (old folder, new folder) before that
    """
    if not place.exists():
        building.rename(place)
        return
    handle = os.open(place, os.O_RDONLY)
    try:
        leftovers.lock(handle)  # until it is removed: at its new name it would look left over
        old = building if at_once(building, place) else in_steps(building, place)
        rescue(old, place)
        leftovers.remove(old)
    finally:
        os.close(handle)


def journal_of(place: Path) -> Path:
    return place.with_name(f".{place.name}.systola-journal")


def in_steps(building: Path, place: Path) -> Path:
    """The old folder out of the way, the new one in its place, a journal over both; where the old one is."""
    last = "1" if building.name.endswith("0") else "0"
    old = building.with_name(building.name[:-1] + last)  # a name that `leftovers` knows
    journal = journal_of(place)
    with leftovers.file(place.parent, f".{place.name}") as part:
        part.write_text(json.dumps({"old": old.name, "new": building.name}))
        os.replace(part, journal)
        try:
            place.rename(old)
            rename_or_back(building, place, old)
        finally:
            journal.unlink()
    return old


def rename_or_back(building: Path, place: Path, old: Path) -> None:
    """`building` to `place`, or `old` to where it was."""
    try:
        building.rename(place)
    except BaseException:
        old.rename(place)
        raise


def finish(place: Path) -> None:
    """End what a killed command had begun with `place`; one that runs, and holds its journal, is left."""
    journal = journal_of(place)
    try:
        handle = os.open(journal, os.O_RDONLY)
    except OSError:
        return
    try:
        if not leftovers.lock(handle):
            return
        said = json.loads(journal.read_text())
        for name in (said["new"], said["old"]):
            left = place.with_name(Path(str(name)).name)
            if not place.exists() and left.is_dir():
                left.rename(place)
        journal.unlink()
    except (ValueError, KeyError, TypeError):
        with suppress(OSError):
            journal.unlink()
    finally:
        os.close(handle)
