"""`systola reproduce`: a paper's hardware claim beside ours, at equal clock, on one library."""

from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from golden import check
from golden.progress import Progress, untold
from systola import output
from systola.reproduction import tables
from systola.reproduction.blocks import BlockTotal, Conditions
from systola.reproduction.claims import System, block_of, judged, ratio
from systola.reproduction.measure import measure

SYSTEMS = ("mixpe", "bitmod", "lut")  # of cells
COUNTED = ("ita", "streaming-sdpa", "swat")  # of values and counts
ALWAYS = (
    "cells only: no wires, no clock tree, no buffers for what drives many; the paper's node is another one: "
    "ratios compare, not um2"
)
FAST, SLOW = 1.0, 5000.0  # MHz that may be asked for


def reproduce(
    name: str,
    *,
    liberty: Sequence[str | Path] = (),
    clock: float | None = None,
    write_to: str | Path | None = None,
    force: bool = False,
    progress: Progress = untold,
) -> dict[str, Any]:
    """The claim of one of SYSTEMS beside what its blocks and their baselines cost, or of one of COUNTED
    beside what comes out here: `reproduce --json`.

    liberty   files of a library; none: Debian's OSU 0.18 um; COUNTED take none
    clock     MHz at which all are compared; None: the system's own, for OSU 0.18 um
    write_to  folder of the table, the JSON and the picture; force: replace what was edited in it
    progress  told (what, parts done, of how many)
    raises    BadValue, also where OpenSTA or a Liberty is missing; SynthesisError
    """
    check.one_of("reproduce", name, (*SYSTEMS, *COUNTED))
    if name in COUNTED:
        return counted(name, liberty, clock, write_to, force)
    if clock is not None and not FAST <= clock <= SLOW:
        raise check.fail("clock", clock, f"{FAST:g} to {SLOW:g} MHz")
    if write_to is not None:
        output.check_folder(Path(write_to), force=force)
    system: System = import_module(f"systola.reproduction.{name}").SYSTEM
    mhz = system.clock_mhz if clock is None else float(clock)
    bench = Conditions.of([Path(path) for path in liberty], 1000 / mhz)
    found = measure(system.blocks(), bench, progress)
    result = result_of(system, bench, mhz, found)
    if write_to is not None:
        from systola.report import ratios

        write(Path(write_to), result, force, ratios.standalone(result))
    return result


def counted(
    name: str, liberty: Sequence[str | Path], clock: float | None, write_to: str | Path | None, force: bool
) -> dict[str, Any]:
    """`reproduce` of one of COUNTED."""
    from systola.report import curves
    from systola.reproduction.counted import result_of

    for option, value in (("liberty", ", ".join(map(str, liberty))), ("clock", clock)):
        if value:
            raise check.fail(option, value, f"none: {name} has values and counts, and no cells")
    if write_to is not None:
        output.check_folder(Path(write_to), force=force)
    result = result_of(import_module(f"systola.reproduction.{name.replace('-', '_')}").SYSTEM)
    if write_to is not None:
        write(Path(write_to), result, force, curves.standalone(result))
    return result


def result_of(system: System, bench: Conditions, mhz: float, found: dict[str, BlockTotal]) -> dict[str, Any]:
    """What `--json` prints."""
    from systola.reproduction.operands import layer

    more = system.more(found) if system.more else {}
    figures = more.get("figures", {})
    claims = [
        judged(claim, figures[claim.figure] if claim.figure in figures else ratio(claim, found))
        for claim in system.claims
    ]
    return {
        "system": system.name,
        "title": system.title,
        "paper": system.paper,
        "paper_claims": system.claim,
        "library": bench.liberty.name,
        "clock_mhz": mhz,
        "claims": claims,
        "blocks": [block_of(each, found, system.baselines[name]) for name, each in found.items()],
        "tables": more.get("tables", []),
        "sources": {
            "area": f"Yosys {metadata.version('pyosys')}, best of all ways that meet the clock by OpenSTA",
            "power": f"OpenSTA; toggles of a zero-delay simulation, without glitches: {layer().source}",
        },
        "notes": [*system.notes, ALWAYS],
    }  # fmt: skip


def write(folder: Path, result: dict[str, Any], force: bool, picture: str) -> None:
    """Table, JSON and picture, all or nothing."""
    with output.whole_folder(folder, by=f"reproduce {result['system']}", force=force) as building:
        files = {
            f"{result['system']}.json": output.as_json(result) + "\n",
            f"{result['system']}.txt": tables.whole(result) + "\n",
            f"{result['system']}.svg": picture,
        }
        for name, content in files.items():
            (building / name).write_text(content, encoding="utf-8")
