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
LONGEST = 200  # bytes of a file's name, less the suffix
Window = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveRequest:
    """layer: of the plan. window: first cycle, and one past the last; None: all of the layer's.

    force  replace the file if it was changed since it was written
    """

    layer: str
    window: Window | None = None
    force: bool = False

    @property
    def path(self) -> Path:
        """Where it stands (FST): called as the layer, as far as a file can be; its end if it is long."""
        name = re.sub(r"[^\w.-]+", "_", self.layer).encode()[-LONGEST:].decode(errors="ignore").strip("._")
        return FOLDER / f"{name or 'layer'}.fst"

    def check_window(self, cycles: int) -> None:
        """BadValue for a window behind the `cycles` that there are."""
        if self.window is not None and self.window[0] >= cycles:
            allowed = f"cycles of {self.layer}, under {cycles}"
            raise check.fail("--window", f"from cycle {self.window[0]}", allowed)


def asked(layer: str | None, window: Window | None, engine: str, force: bool) -> WaveRequest | None:
    """The waveform that --waves and --window ask for."""
    if layer is not None and engine != "rtl":
        raise check.fail("--waves", f"given with --engine {engine}", "--engine rtl: only RTL has waves")
    if window is not None and layer is None:
        raise check.fail("--window", "given without --waves", "--waves LAYER --window FIRST:LAST")
    if layer is None:
        return None
    if FOLDER.exists() and not FOLDER.is_dir():
        raise check.fail(str(FOLDER), "a file", "a folder, new or there")
    cycles = None if window is None else (window[0], window[1] + 1)
    return WaveRequest(layer=layer, window=cycles, force=force)


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
