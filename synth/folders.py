"""Folders that tools work in: gone if all went well, left with their logs where a tool failed; and files."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sim import cache, leftovers
from synth.process import SynthesisError
from synth.yosys import is_fit

SHELF = "synthesis"  # folder of the cache


@contextmanager
def workplace(name: str) -> Iterator[Path]:
    """An empty folder. It stays, with the tool's log, only if the block ends by SynthesisError.

    It is in the cache, or where Yosys cannot work there, by its path, among the machine's temporary files.
    What a killed process left of such folders goes.
    """
    shelf = cache.directory() / SHELF
    shelf.mkdir(exist_ok=True)
    if is_fit(shelf):
        leftovers.clear_once(shelf)
    else:
        shelf, name = Path(tempfile.gettempdir()), "systola"
        leftovers.clear_once(shelf, name)
    with leftovers.folder(shelf, name) as folder:
        try:
            yield folder
        except SynthesisError:
            with suppress(OSError):
                (folder / leftovers.KEPT).touch()
            raise


def at_hand(path: Path, folder: Path) -> str:
    """The name in `folder` of a file that stands there, or somewhere else and is linked to."""
    path, folder = path.resolve(), folder.resolve()
    if path.parent == folder:
        return path.name
    place = folder / f"at_hand_{path.name}"
    link(path, place)
    return place.name


def link(path: Path, place: Path) -> None:
    """A symbolic link at `place` to `path`, or a copy where there are none."""
    if place.exists() and place.samefile(path):
        return
    place.unlink(missing_ok=True)
    try:
        place.symlink_to(path.resolve())
    except OSError:
        shutil.copyfile(path, place)
