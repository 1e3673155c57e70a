"""Waveforms of a run: of which layer, of which cycles, and the file, whole when all is done."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from golden import check
from sim import leftovers
from systola import output

FOLDER = Path("waves")
Window = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveRequest:
    """layer: of the plan. window: first and last cycle; None: all of the layer's.

    force  replace the file if it was changed since it was written
    """

    layer: str
    window: Window | None = None
    force: bool = False

    @property
    def path(self) -> Path:
        """Where it stands (FST)."""
        return FOLDER / (re.sub(r"[^A-Za-z0-9_.-]+", "_", self.layer).strip("_") + ".fst")


def asked(layer: str | None, window: Window | None, engine: str, force: bool) -> WaveRequest | None:
    """The waveform that --waves and --window ask for."""
    if layer is not None and engine != "rtl":
        raise check.fail("--waves", f"given with --engine {engine}", "--engine rtl: only RTL has waves")
    if window is not None and layer is None:
        raise check.fail("--window", "given without --waves", "--waves LAYER --window FIRST:LAST")
    return None if layer is None else WaveRequest(layer=layer, window=window, force=force)


@contextmanager
def kept(waves: WaveRequest) -> Iterator[Path]:
    """A path to write to, which becomes the waveform when all went well."""
    path = waves.path
    if FOLDER.is_dir():
        output.check_file(path, force=waves.force)
    FOLDER.mkdir(exist_ok=True)
    leftovers.clear(FOLDER, f".{path.name}")
    with leftovers.folder(FOLDER, f".{path.name}") as place:
        yield place / path.name
        output.check_file(path, force=waves.force)
        (place / path.name).replace(output.real(path))
        output.remember(path)
