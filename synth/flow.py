"""The whole of one synthesis: what a module costs on a target, each figure with where it is from.

parts, each once, from the cost library (or the whole, flattened) -> area or resources
the whole, each module mapped once -> OpenSTA: clock, memories' macros        (asic)
the whole, flattened -> nextpnr: placed clock and utilisation                 (ecp5, ice40)
its PE with each of Yosys' ways to build a multiplier; the best of them is used  (asic)
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from golden import check
from golden.progress import Progress, untold
from sim.tools import ToolMissing, on_path
from synth import asic_flow, fpga_flow, store, yosys
from synth.compose import sources
from synth.liberty import Liberty, check_files, default_liberty
from synth.result import Figure, Subject, Synthesis, Task

TARGETS = ("ecp5", "ice40", "xc7", "asic", "gates")
FPGA = ("ecp5", "ice40", "xc7")


def synthesise(
    subject: Subject,
    target: str,
    *,
    liberty: Sequence[Path] = (),
    clock_mhz: float | None = None,
    flatten: bool = False,
    place: bool = True,
    progress: Progress = untold,
) -> Synthesis:
    """What `subject` costs on `target`, from the store where it was asked before.

    target     one of TARGETS; "asic" becomes "gates" where there is neither Liberty nor OpenSTA
    liberty    a library's files; none: Debian's OSU 0.18 um
    clock_mhz  what an ASIC must reach, None: least area; what place and route work towards
    flatten    synthesise the whole at once, instead of composing it of its parts
    place      FPGA: place and route, too
    raises     BadValue, SynthesisError, ToolMissing
    """
    refuse(target, liberty, clock_mhz)
    paths, instead = library_files(target, liberty)
    if target == "asic" and not paths:
        target = "gates"
    files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    what = [subject.verilog, subject.top, dict(subject.roles), subject.pe, task_key(subject.task)]
    how = [subject.powerless, target, files, clock_mhz, flatten, place, versions(target), sources()]

    def make() -> dict[str, Any]:
        if target in FPGA:
            made = fpga_flow.run(subject, target, clock_mhz, flatten, place, progress)
        elif paths:
            made = asic_flow.run(subject, library_of(paths), files, clock_mhz, flatten, progress)
        else:
            made = asic_flow.run_gates(subject, flatten, progress)
        return made | {"notes": [*made.get("notes", []), *instead]}

    found = store.remembered(["synthesis", what, how], make)
    figures = {name: Figure(**figure) for name, figure in found.pop("figures").items()}
    return Synthesis(top=subject.top, target=target, clock_mhz=clock_mhz, figures=figures, **found)


def refuse(target: str, liberty: Sequence[Path], clock_mhz: float | None) -> None:
    """BadValue for a request that no design could meet."""
    check.one_of("target", target, TARGETS)
    if clock_mhz is not None and not 0.001 <= clock_mhz < 1e5:
        raise check.fail("clock", clock_mhz, "0.001 MHz or more, under 100,000")
    if liberty and target != "asic":
        raise check.fail("--liberty", f"given with target {target}", "target asic")
    library_files(target, liberty)


def task_key(task: Task | None) -> list[str]:
    """The key of a task in the store."""
    if task is None:
        return []
    operands = [
        hashlib.sha256(values.tobytes()).hexdigest() for values in (task.work.weights, task.work.activations)
    ]
    return [repr(task.params), task.work.source, *operands]


def library_files(target: str, given: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The Liberty's files; none, and a note, where there is no Liberty and none was named."""
    if target != "asic":
        return [], []
    check_files(given)
    try:
        return list(given) or [default_liberty()], []
    except ToolMissing as missing:
        return [], [f"technology-independent: {missing}"]


def library_of(paths: Sequence[Path]) -> Liberty:
    """The library of these files; BadValue where no clocked design can be mapped to it."""
    found = Liberty.read(tuple(paths))
    if not any(cell.storage and cell.storage.kind == "ff" for cell in found.cells.values()):
        raise check.fail(f"{paths[0]}: liberty", f"{found.name}, without a flip-flop", "a library with one")
    return found


def versions(target: str) -> list[str]:
    """Versions of the tools that the target's figures are from."""
    if target in FPGA:
        return [yosys.version(), fpga_flow.placer_version(target)]
    sta = on_path("sta", "-version")
    return [yosys.version(), sta.version if sta else ""]
