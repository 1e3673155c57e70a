"""Folders that tools work in: gone once all went well, left with their logs where a tool failed."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim import cache
from synth.process import SynthesisError

SHELF = "synthesis"  # folder of the cache


@contextmanager
def workplace(name: str) -> Iterator[Path]:
    """An empty folder. It stays, with the tool's log, only if the block ends by SynthesisError."""
    shelf = cache.directory() / SHELF
    shelf.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=shelf))
    keep = False
    try:
        yield folder
    except SynthesisError:
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
