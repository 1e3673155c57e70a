"""Files of results: written whole, and only where none stands or one that Systola wrote and nobody changed.

What Systola wrote is remembered by the hash of its content: with the file itself (an extended attribute,
which goes where it goes) and in the cache by the file's path (which lasts where a file system has no such
attributes, or an editor replaced the file).
"""

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path

from golden import check
from sim import cache, leftovers

ATTRIBUTE = "user.systola.sha256"
SHELF = "written"  # of the cache: a file for each path
MOST = 1000  # of these files: then those about files that are gone go, too
MODE = 0o666


def real(path: Path) -> Path:
    """The place that `path` stands for: symbolic links are followed, to where nothing stands, too."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # a loop of links; a NUL in the name
        raise check.fail(repr(str(path)), f"unusable ({error})", "a path") from None


def need_folder(folder: Path) -> None:
    """BadValue unless `folder`, in which a result is to stand, exists."""
    if not folder.is_dir():
        raise check.fail(
            str(folder), "missing" if not folder.exists() else "not a folder", "a folder that exists"
        )


def umask() -> int:
    """The process's file mode mask, which can be read only by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sha256(path: Path) -> str:
    """The hash of a file's content; empty if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def is_special(path: Path) -> bool:
    """Whether `path` is a terminal, a pipe, /dev/null: what is written to and not replaced."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def check_file(path: Path, *, force: bool) -> None:
    """BadValue if `path` cannot take a result: no folder to be in, a folder itself, or a file not ours.

    force  a file that Systola wrote and somebody changed since may be replaced
    """
    if is_special(path):
        return
    place = real(path)
    need_folder((place if path.is_symlink() else path).parent)
    if place.is_dir():
        raise check.fail(str(path), "a folder", "a file")
    if not place.exists():
        return
    if not os.access(place, os.W_OK):
        raise check.fail(str(path), "write-protected", "a file that may be written")
    known, found = remembered(place), sha256(place)
    if not known:
        raise check.fail(str(path), "not systola's", "a new file, or one that systola wrote")
    if found not in known and not force:
        raise check.fail(
            str(path), "changed since systola wrote it", "another file, or --force to replace it"
        )


def write_whole(path: Path, content: str | bytes, *, force: bool = False) -> None:
    """Write `content` to a file beside `path`, then rename it: no reader ever sees half of it.

    A link is followed; a pipe or a device is written to. raises: as check_file
    """
    data = content.encode() if isinstance(content, str) else content
    check_file(path, force=force)
    if is_special(path):
        path.write_bytes(data)
        return
    place = real(path)
    mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else MODE & ~umask()
    leftovers.clear(place.parent, f".{place.name}")
    with leftovers.file(place.parent, f".{place.name}") as part:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(mode)
        attach(part, hashlib.sha256(data).hexdigest())
        os.replace(part, place)
    record(place, hashlib.sha256(data).hexdigest())


def remember(path: Path) -> None:
    """Take note that Systola wrote `path` as it stands there now."""
    place, digest = real(path), sha256(path)
    attach(place, digest)
    record(place, digest)


def attach(path: Path, digest: str) -> None:
    """The hash as an attribute of the file, where the file system has such."""
    with suppress(OSError, AttributeError):  # macOS's Python has no setxattr
        os.setxattr(path, ATTRIBUTE, digest.encode())


def note_of(place: Path) -> Path:
    """The cache's file about `place`."""
    return cache.directory() / SHELF / cache.key(os.fsencode(place).hex())


def record(place: Path, digest: str) -> None:
    """The hash in the cache; without a cache that can be written the attribute must do."""
    with suppress(OSError, check.BadValue):
        note = note_of(place)
        note.parent.mkdir(exist_ok=True)
        text = json.dumps({"path": str(place), "sha256": digest})
        with leftovers.file(note.parent, note.name) as part:
            part.write_text(text)
            os.replace(part, note)
        notes = os.listdir(note.parent)
        for name in notes if len(notes) > MOST else ():
            forget_gone(note.parent / name)


def forget_gone(note: Path) -> None:
    """Remove a note about a file that is not there any more."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        if not os.path.lexists(json.loads(note.read_text())["path"]):
            note.unlink()


def remembered(place: Path) -> set[str]:
    """The hashes of what Systola wrote there; empty if it never did."""
    known = set()
    with suppress(OSError, AttributeError, UnicodeDecodeError):
        known.add(os.getxattr(place, ATTRIBUTE).decode())
    with suppress(OSError, ValueError, KeyError, TypeError, check.BadValue):
        known.add(str(json.loads(note_of(place).read_text())["sha256"]))
    return known
