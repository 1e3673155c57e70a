"""Folders of results: made beside their place, then put there at once; what is not Systola's stays.

A manifest in the folder names every file with its hash. Before a folder is replaced each file in it is
compared: edited or foreign ones stop the command, before the work and again after it. With `force` edited
ones are replaced, and foreign ones stand in the new folder as they stood in the old one (as hard links, so
nothing of them is ever only half there).
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golden import check
from sim import leftovers
from systola import exchange
from systola.whole_files import need_folder, real, sha256, umask

MANIFEST = "manifest.json"
OLD_MARK = "report.json"  # of a demo's folder that was written before it had a manifest
OLD_REPORT = (OLD_MARK, "report.html")
SHOWN = 5  # names in a message
SEAL = "manifest_sha256"


@dataclass(slots=True)
class Survey:
    """The contents of a folder. ours: whether Systola wrote it; names: paths in it, those of folders end in
    /."""

    ours: bool = False
    edited: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with a hash of itself."""
    rest = {key: value for key, value in manifest.items() if key != SEAL}
    text = json.dumps(rest, sort_keys=True)
    return {**rest, SEAL: hashlib.sha256(text.encode()).hexdigest()}


def written_by(folder: Path) -> tuple[bool, dict[str, str | None]]:
    """(whether Systola wrote `folder`, {file: its hash; None where it is not known, or is another})."""
    said = read_mark(folder / MANIFEST, "written_by")
    if said is not None:
        whole = SEAL not in said or said[SEAL] == sealed(said)[SEAL]  # older ones have no seal
        return True, {**listed(said.get("files")), MANIFEST: sha256(folder / MANIFEST) if whole else None}
    said = read_mark(folder / OLD_MARK, "command")
    if said is not None:
        return True, {**listed(said.get("files")), **dict.fromkeys(OLD_REPORT)}
    return False, {}


def read_mark(path: Path, key: str) -> dict[str, Any] | None:
    """The object in a file that says by `key` that Systola wrote it; else None."""
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return said if str(said[key]).startswith("systola ") else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def listed(files: Any) -> dict[str, str | None]:
    """{file: hash} of a manifest's list; older ones have names alone."""
    if isinstance(files, dict):
        return {
            name: str(entry.get("sha256")) if isinstance(entry, dict) else None
            for name, entry in files.items()
        }
    entries = files if isinstance(files, list) else []
    return {str(each.get("path") if isinstance(each, dict) else each): None for each in entries}


def survey(folder: Path) -> Survey:
    """Compare `folder` with its manifest."""
    ours, files = written_by(folder)
    found = Survey(ours)
    homes = {str(parent) for name in files for parent in Path(name).parents}

    def walk(place: Path, inside: str) -> None:
        for entry in sorted(os.scandir(place), key=lambda one: one.name):
            name = f"{inside}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if name in homes:
                    walk(Path(entry.path), f"{name}/")
                else:
                    found.foreign.append(f"{name}/")
            elif name not in files or not entry.is_file(follow_symlinks=False):
                found.foreign.append(name)
            elif files[name] != sha256(Path(entry.path)):
                found.edited.append(name)

    if folder.is_dir():
        walk(folder, "")
    return found


def shown(names: list[str]) -> str:
    """Some names, for a message of one line."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def check_folder(folder: Path, *, force: bool) -> Survey:
    """The contents of `folder`; BadValue if it holds files that may not be replaced, or is no folder.

    force  edited files may be replaced and foreign ones kept; a folder without anything of Systola's is none
           to replace even so
    """
    place = real(folder)
    if place.exists() and not place.is_dir():
        raise check.fail(str(folder), "a file", "a folder, new, empty or written by systola")
    need_folder((place if folder.is_symlink() else folder).parent)
    exchange.finish(place)
    found = survey(place)
    if found.foreign and not found.ours:
        raise check.fail(
            str(folder),
            f"not empty and not systola's ({shown(found.foreign)})",
            "a new or empty folder, or one that systola wrote",
        )
    if not force and (found.edited or found.foreign):
        parts = [("edited", found.edited), ("not systola's", found.foreign)]
        what = "; ".join(f"{what}: {shown(names)}" for what, names in parts if names)
        raise check.fail(
            str(folder),
            f"not as systola left it ({what})",
            "a new or empty folder, or --force: it replaces what is edited and keeps what is not systola's",
        )
    return found


@contextmanager
def whole_folder(folder: Path, *, by: str, force: bool = False) -> Iterator[Path]:
    """A temporary folder beside `folder`, which takes its place when the block ends without an exception.

    by  the command that writes it, for the manifest, which is written here unless the block wrote one
    """
    check_folder(folder, force=force)
    place = real(folder)
    leftovers.clear(place.parent, f".{place.name}")
    with leftovers.folder(place.parent, f".{place.name}") as building:
        building.chmod(0o777 & ~umask())
        yield building
        if not (building / MANIFEST).exists():
            write_manifest(building, by)
        keep_foreign(place, building, check_folder(folder, force=force).foreign)
        exchange.put(building, place, rescue)


def write_manifest(folder: Path, by: str) -> None:
    """Name and hash of every file of `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in files
    }
    manifest = sealed({"written_by": f"systola {by}", "files": entries})
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def keep_foreign(old: Path, new: Path, names: list[str]) -> None:
    """Put the foreign files of `old` into `new`, too; BadValue where something of Systola's stands there."""
    for name in names:
        parent = Path(name).parent
        (new / parent).mkdir(parents=True, exist_ok=True)
        keep(old / name, new / name, old.stat().st_dev)


def keep(old: Path, new: Path, device: int) -> None:
    """One file as a hard link, a folder with all that is in it; what cannot be linked is copied."""
    if old.lstat().st_dev != device:
        raise check.fail(str(old), "of another file system", "a folder without mounts, to be replaced")
    if old.is_dir() and not old.is_symlink():
        if not new.is_dir():
            refuse_clash(old, new)
            new.mkdir()
            shutil.copystat(old, new)
        for name in sorted(os.listdir(old)):
            keep(old / name, new / name, device)
        with suppress(OSError):
            shutil.copystat(old, new)
        return
    refuse_clash(old, new)
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError:
        shutil.copy2(old, new, follow_symlinks=False)


def refuse_clash(old: Path, new: Path) -> None:
    """BadValue if something new has the place of something that is not Systola's."""
    if os.path.lexists(new):
        raise check.fail(str(old), "not systola's, where systola would write", "another folder")


def rescue(old: Path, new: Path) -> None:
    """Move what came into `old` while it was replaced: a moment's work, and nobody's loss."""
    for name in survey(old).foreign:
        move_missing(old / name.rstrip("/"), new / name.rstrip("/"))


def move_missing(old: Path, new: Path) -> None:
    """Rename `old` to `new` if nothing is there; of two folders, what is in them."""
    if not os.path.lexists(new):
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
    elif old.is_dir() and not old.is_symlink() and new.is_dir():
        for name in os.listdir(old):
            move_missing(old / name, new / name)
