"""The cache: files that are slow to build and depend on nothing but their inputs are built once and kept.

An entry is a folder named by the hash of everything that went into it. It is built elsewhere, under
a lock of its own, and renamed into place: two processes never build it at once, and an interrupted
build leaves nothing that counts. Its list of files, with a hash of each, shows one that was damaged.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from golden.check import fail
from sim import leftovers

CONTENTS = "contents.json"  # written last: {file: sha256}


def directory() -> Path:
    """$SYSTOLA_CACHE, else the user's cache folder (XDG); made if it is not there. Raises BadValue."""
    given = os.environ.get("SYSTOLA_CACHE")
    try:
        user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor an entry of the user's
        if not given:
            raise fail("cache folder", "unknown (no home folder)", "SYSTOLA_CACHE=FOLDER") from None
        user = given
    place = Path(given) if given else Path(user) / "systola"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{place} ({error.strerror})"
        raise fail("cache folder", what, "one that can be made; SYSTOLA_CACHE sets it") from error
    return place.resolve()


def key(*parts: object) -> str:
    """A name for what is made from `parts`, which json can write."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_whole(entry: Path) -> bool:
    """Whether each file of `entry` is what its build left."""
    try:
        contents = json.loads((entry / CONTENTS).read_text())
        return all(checksum(entry / name) == sha for name, sha in contents.items())
    except (OSError, ValueError, AttributeError):
        return False


def seal(entry: Path) -> None:
    """Write the list that makes a finished folder an entry."""
    files = sorted(path for path in entry.rglob("*") if path.is_file())
    sums = {str(path.relative_to(entry)): checksum(path) for path in files}
    (entry / CONTENTS).write_text(json.dumps(sums, indent=1))


def kept(kind: str, name: str, build: Callable[[Path], None]) -> Path:
    """The folder of entry `name`; `build(folder)` fills an empty one if there is none, or a damaged one.

    kind  a folder of the cache: "model", "runtime"
    name  from `key`
    What `build` raises passes through, and nothing is kept.
    """
    shelf = directory() / kind
    entry = shelf / name
    if is_whole(entry):
        return entry
    shelf.mkdir(exist_ok=True)
    with FileLock(shelf / f"{name}.lock"):
        if not is_whole(entry):  # another process may have built it while this one waited
            replace(entry, build)
    return entry


def replace(entry: Path, build: Callable[[Path], None]) -> None:
    """Build `entry` beside its place and rename it there. The caller holds its lock."""
    leftovers.clear_once(entry.parent)
    for left_over in entry.parent.glob(f"{entry.name}.part*"):  # of older versions; the lock is ours
        shutil.rmtree(left_over)
    with leftovers.folder(entry.parent, entry.name) as part:
        build(part)
        seal(part)
        shutil.rmtree(entry, ignore_errors=True)
        part.rename(entry)
