"""Folders that tools work in: gone once all went well, left with their logs where a tool failed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sim import cache, leftovers
from synth.process import SynthesisError

SHELF = "synthesis"  # folder of the cache


@contextmanager
def workplace(name: str) -> Iterator[Path]:
    """An empty folder. It stays, with the tool's log, only if the block ends by SynthesisError.

    What a killed process left of such folders goes.
    """
    shelf = cache.directory() / SHELF
    shelf.mkdir(exist_ok=True)
    leftovers.clear_once(shelf)
    with leftovers.folder(shelf, name) as folder:
        try:
            yield folder
        except SynthesisError:
            with suppress(OSError):
                (folder / leftovers.KEPT).touch()
            raise
