"""The engines of `systola run` by name."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from golden import check
from golden.blocks import Device
from sim import leftovers
from sim.device import Comparing, Golden, Model, Rtl, Waves
from systola import output

SOURCES = {
    "golden": "golden, exact",
    "model": "golden, exact",
    "rtl": "RTL: counted in the Verilated design, equal to golden's count",
}
NAMES = tuple(SOURCES)


@dataclass(slots=True)
class Made:
    """engine: ready to run. waves: the waveforms it left, known when it is closed."""

    engine: Device
    waves: list[Path] = field(default_factory=list)


@contextmanager
def make(
    name: str,
    *,
    waves: str | None = None,
    window: tuple[int, int] | None = None,
    folder: Path = Path("waves"),
    force: bool = False,
) -> Iterator[Made]:
    """The engine `name`; RTL is compared with the model in values and cycles, layer by layer.

    waves   the layer whose waveform is kept in `folder`, of the cycles of `window` or of all
    force   replace the waveform if it was changed since it was written
    """
    if waves is not None and name != "rtl":
        raise check.fail("--waves", f"given with --engine {name}", "--engine rtl: only RTL has waves")
    if window is not None and waves is None:
        raise check.fail("--window", "given without --waves", "--waves LAYER --window FIRST:LAST")
    if waves is not None:
        yield from traced(waves, window, folder, force)
    elif name == "rtl":
        yield Made(Comparing(Rtl(), Model()))
    else:
        yield Made(Golden() if name == "golden" else Model())


def traced(layer: str, window: tuple[int, int] | None, folder: Path, force: bool) -> Iterator[Made]:
    """The RTL engine with waves of one layer; the file is there, whole, when the engine is done."""
    path = folder / (re.sub(r"[^A-Za-z0-9_.-]+", "_", layer).strip("_") + ".fst")
    if folder.is_dir():
        output.check_file(path, force=force)
    folder.mkdir(exist_ok=True)
    leftovers.clear(folder, f".{path.name}")
    with leftovers.folder(folder, f".{path.name}") as place:
        unfinished = place / path.name
        waves = Waves(layer, unfinished, window) if window else Waves(layer, unfinished)
        made = Made(Comparing(Rtl(waves=waves), Model()))
        yield made
        output.check_file(path, force=force)
        unfinished.replace(output.real(path))
        output.remember(path)
        made.waves.append(path)
