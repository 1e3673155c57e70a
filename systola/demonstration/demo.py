"""The demo's job: generate, run whole networks on the Verilog, compare, report."""

import re
import sys
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

from golden.accelerator.params import AcceleratorParams
from golden.formats import Int
from golden.pe.multiplier import MultiplierParams
from golden.progress import Progress, untold
from golden.systolic.cycles import cycles
from golden.systolic.gemm import Gemm, Schedule, Tiling
from golden.systolic.params import MatrixUnitParams
from golden.systolic.wavefront import film
from mapping.target import Target
from sim.accelerator import build_accelerator
from sim.device import Mismatch
from sim.doctor import doctor
from systola import design_file, output
from systola.demonstration import files, sentences, sounds, words
from systola.demonstration.job import Ran
from systola.generation import generate
from systola.report import render
from systola.report.schema import (
    DesignReport,
    Headline,
    NetworkReport,
    Report,
    ToolEntry,
    Wavefront,
    Written,
    figure,
)

MEANINGS = {".v": "Verilog", ".core": "FuseSoC core", ".md": "documentation", ".json": "data",
            ".toml": "the design"}  # fmt: skip
UNIT = MatrixUnitParams(pe=MultiplierParams(weight=Int(8), activation=Int(8), group=32768))
REFERENCE = Target(
    name="accelerator16_int8",
    unit=UNIT,
    weight_buffer=128 * 1024,
    activation_buffer=128 * 1024,
    bytes_per_cycle=16,
    clock_mhz=250.0,
    accelerator=AcceleratorParams(unit=UNIT),
    memory_latency=50,
)


def demo(folder: str | Path, *, force: bool = False, progress: Progress = untold) -> dict[str, Any]:
    """Run the demo; everything it makes stands in `folder`. The returned dict is report.json.

    folder    Verilog and its documents, per-network JSON, report.json, report.html
    progress  called with (what, done, total)
    """
    began = perf_counter()
    with output.whole_folder(Path(folder), by="demo", force=force) as building:
        report = perform(building, progress)
        report["figures"].append(figure("the whole demo", f"{perf_counter() - began:.0f} s", "measured"))
        report["files"] = written(building)
        (building / "report.html").write_text(render(report), encoding="utf-8")
        (building / "report.json").write_text(output.as_json(report) + "\n", encoding="utf-8")
    return dict(report)


def perform(folder: Path, progress: Progress) -> Report:
    """Everything but the report's files."""
    design = folder / f"{REFERENCE.name}.toml"
    progress("generating Verilog", 0, 1)
    design.write_text(design_file.dump(REFERENCE))
    generate(design, folder / "hardware")
    progress("compiling the Verilog", 0, 1)
    assert REFERENCE.accelerator is not None
    build_accelerator(REFERENCE.accelerator)
    began = perf_counter()
    try:
        judge = files.judged(design, next((folder / "hardware").rglob("*.v")))
        parts = [
            sentences.run(REFERENCE, 16, progress),
            sentences.run(REFERENCE, 128, progress),
            files.run(REFERENCE, judge, progress),
            words.run(REFERENCE, progress),
            sounds.run(REFERENCE, progress),
        ]
    except Mismatch as difference:
        return whole([], [], verdict=f"RTL and golden differ: {difference}", ok=False)
    for ran, _ in parts:
        name = re.sub(r"[^A-Za-z0-9]+", "_", ran.prepared.source.name).strip("_")
        mapped = {"design": design_file.tables(REFERENCE), **ran.prepared.plan.as_dict()}
        (folder / f"{name}.map.json").write_text(output.as_json(mapped) + "\n", encoding="utf-8")
    figures = headline([ran for ran, _ in parts], perf_counter() - began)
    runs = sum(len(ran.results) for ran, _ in parts)
    verdict = (
        f"{len(parts)} networks ran whole on the generated Verilog, {runs} times from start to interrupt, no "
        "operator on the host: every output bit equals golden's."
    )
    return whole([section for _, section in parts], figures, verdict=verdict, ok=True)


def headline(rans: list[Ran], seconds: float) -> list[Headline]:
    """The figures over all networks."""
    macs = sum(ran.macs for ran in rans)
    return [
        figure("cycles simulated", f"{sum(ran.cycles for ran in rans) / 1e6:.2f} M", "RTL"),
        figure("multiply-accumulates", f"{macs / 1e6:,.0f} M", "golden"),
        figure("all networks, all inputs", f"{seconds:.0f} s", "measured"),
    ]


def whole(networks: list[NetworkReport], figures: list[Headline], *, verdict: str, ok: bool) -> Report:
    """The report but for its files."""
    return {
        "title": "Trained networks on generated hardware",
        "ok": ok,
        "verdict": verdict,
        "design": design(REFERENCE),
        "tools": tools(),
        "figures": figures,
        "networks": networks,
        "wavefront": wavefront(),
        "files": [],
        "command": "systola demo",
    }


def design(target: Target) -> DesignReport:
    """The design's facts: the array, and the units and memories around it."""
    unit, p, pe = target.unit, target.accelerator, target.unit.pe
    assert p is not None
    return {
        "name": target.name,
        "facts": [
            ("array", f"{unit.rows} x {unit.cols}, {unit.dataflow}-stationary"),
            ("operands", f"{pe.weight} weights, {pe.activation} activations, {pe.accumulator} sums"),
            ("accumulator memory", f"{unit.accumulator_rows} rows of {unit.cols} sums"),
            ("scratchpad", f"{p.words * p.lanes >> 10} KiB in {p.banks} banks"),
            ("vector unit", f"{p.lanes} lanes; piecewise {', '.join(p.functions)}; tables"),
            ("bus", f"AXI4, {8 * p.lanes} bits, {p.outstanding} bursts on the way"),
            ("memory", f"{target.memory_latency} cycles to a first word"),
        ],
    }


def tools() -> list[ToolEntry]:
    """The tools that this run used."""
    used: list[ToolEntry] = [
        {"name": tool.name, "version": tool.version or "", "used_for": tool.needed_for}
        for tool in doctor()
        if tool.found
    ]
    python = ".".join(str(part) for part in sys.version_info[:3])
    return [
        {"name": "systola", "version": metadata.version("systola"), "used_for": "everything"},
        {"name": "Python", "version": python, "used_for": "running it"},
        *used,
    ]


def wavefront() -> Wavefront:
    """A small product on a small array, cycle by cycle, as the schedule that the RTL is held to has it."""
    unit = MatrixUnitParams(rows=8, cols=8, accumulator_rows=128)
    schedule = Schedule(unit, Gemm(m=10, n=14, k=13), Tiling(stream=10))
    states, vectors = film(schedule)
    return {
        "title": "A 10 x 14 x 13 product on an 8 x 8 array",
        "note": f"{cycles(schedule)} cycles from the first word in to the last word out. Weights load from "
        "above while the tile before is in use; vectors enter from the left as a wavefront; tiles follow one "
        "another without a bubble. Drawn from golden's schedule, which the RTL is proven to follow.",
        "rows": unit.rows,
        "cols": unit.cols,
        "states": states.tolist(),
        "labels": [[[str(v) if v >= 0 else "" for v in row] for row in cycle] for cycle in vectors.tolist()],
    }


def written(folder: Path) -> list[Written]:
    """The files beside the report."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        Written(path=str(path.relative_to(folder)), what=MEANINGS.get(path.suffix, ""),
                bytes=path.stat().st_size)
        for path in files
    ]  # fmt: skip
