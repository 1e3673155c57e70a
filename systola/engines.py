"""The engines of `systola run` by name."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from golden import check
from mapping.engines import ComparingEngine, Engine, GoldenEngine, ModelEngine

SOURCES = {
    "golden": "golden, exact",
    "model": "golden, exact",
    "rtl": "RTL: counted in the Verilated design, equal to golden's count",
}
NAMES = tuple(SOURCES)


@dataclass(slots=True)
class Made:
    """engine: ready to run. waves: the waveforms it left, known when it is closed."""

    engine: Engine
    waves: list[Path] = field(default_factory=list)


@contextmanager
def make(
    name: str,
    *,
    waves: str | None = None,
    window: tuple[int, int] | None = None,
    folder: Path = Path("waves"),
) -> Iterator[Made]:
    """The engine `name`; RTL is compared with the model in values and cycles, layer by layer.

    waves   the layer whose waveform is kept in `folder`, of the cycles of `window` or of all
    """
    if waves is not None and name != "rtl":
        raise check.fail("--waves", f"given with --engine {name}", "--engine rtl: only RTL has waves")
    if window is not None and waves is None:
        raise check.fail("--window", "given without --waves", "--waves LAYER --window FIRST:LAST")
    if waves is not None:
        yield from traced(waves, window, folder)
    elif name == "rtl":
        from sim.engine import RtlEngine

        yield Made(ComparingEngine(RtlEngine(), ModelEngine()))
    else:
        yield Made(GoldenEngine() if name == "golden" else ModelEngine())


def traced(layer: str, window: tuple[int, int] | None, folder: Path) -> Iterator[Made]:
    """The RTL engine with waves of one layer; the file is there, whole, when the engine is done."""
    from sim.engine import RtlEngine, Waves

    path = folder / (re.sub(r"[^A-Za-z0-9_.-]+", "_", layer).strip("_") + ".fst")
    folder.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".unfinished.fst")
    waves = Waves(layer, unfinished, window) if window else Waves(layer, unfinished)
    made = Made(ComparingEngine(RtlEngine(waves=waves), ModelEngine()))
    try:
        yield made
        unfinished.replace(path)
        made.waves.append(path)
    finally:
        unfinished.unlink(missing_ok=True)
