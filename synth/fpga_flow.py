"""A module on an FPGA: resources, composed of its parts or of the whole; placed and routed by nextpnr."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from golden.progress import Progress
from synth import store, yosys
from synth.asic_flow import method, whole
from synth.compose import PartCost, sources
from synth.folders import workplace
from synth.fpga import FpgaOptions, synthesise_fpga
from synth.fpga_targets import Resources, resources
from synth.hierarchy import Own
from synth.place import DSP_BLOCKS, BestSeed, version
from synth.place import place as place_and_route
from synth.result import Figure, Subject, breakdown

GOAL = 150.0  # MHz that nextpnr works towards where no clock is asked for
DEVICE = {"ecp5": "85k", "ice40": "up5k"}  # that is placed on: ECP5's largest, iCE40's with DSP blocks
SPEED = 8  # ECP5's fastest grade
WORDS = {"luts": "LUTs", "ffs": "flip-flops", "carries": "carry cells", "multipliers": "DSP blocks",
         "lut_rams": "LUT RAMs"}  # fmt: skip


def placer_version(target: str) -> str:
    return version(target) if target in DEVICE else ""


def run(
    subject: Subject, target: str, clock_mhz: float | None, flatten: bool, place: bool, update: Progress
) -> dict[str, Any]:
    """The fields of a Synthesis."""

    def measure(own: Own) -> PartCost:
        with workplace(own.part.module[:40]) as folder:
            found = synthesise_fpga(own.verilog, own.part.module, target, folder, instances=False)
        return PartCost(flat_figures(found.total), {kind: (many, 0.0) for kind, many in found.cells.items()})

    composed = whole(subject, measure, ["fpga", target, yosys.version()], flatten, update)
    total = resources(target, {kind: many for kind, (many, _) in composed.total.kinds.items()})
    by = f"Yosys {yosys.version()}, {method(composed, flatten)}"
    placed = placement(subject, target, clock_mhz, update) if place and target in DEVICE else {}
    return {
        "library": target,
        "method": method(composed, flatten),
        "figures": {name: asdict(Figure(value, "", by)) for name, value in counted(total).items()}
        | placed.get("figures", {}),
        "parts": breakdown(composed, subject.roles, "luts"),
        "kinds": {kind: [many, 0.0] for kind, (many, _) in composed.total.kinds.items()},
        "path": placed.get("path", []),
        "used": placed.get("used", {}),
        "notes": placed.get("notes", []),
    }


def flat_figures(total: Resources) -> dict[str, float]:
    return {"luts": total.luts, "ffs": total.ffs, "multipliers": total.multipliers,
            "memories": sum(total.memories.values())}  # fmt: skip


def counted(total: Resources) -> Mapping[str, float]:
    """Each resource by the name that people read."""
    found: dict[str, float] = {word: getattr(total, name) for name, word in WORDS.items()}
    return {name: many for name, many in (found | dict(total.memories)).items() if many}


def placement(subject: Subject, target: str, clock_mhz: float | None, update: Progress) -> dict[str, Any]:
    """nextpnr's placement of the whole; multiplications beyond the part's DSP blocks are in LUTs."""
    goal = GOAL if clock_mhz is None else clock_mhz

    def make() -> dict[str, Any]:
        with workplace("place") as folder:
            found = place_and_route(
                subject.verilog, subject.top, target, folder, device=DEVICE[target], speed=SPEED, mhz=goal,
                options=FpgaOptions(most_multipliers=DSP_BLOCKS[DEVICE[target]]),
            )  # fmt: skip
        grade = f", speed {SPEED}" if target == "ecp5" else ""
        by = f"nextpnr {placer_version(target)}, placed and routed on {DEVICE[target]}{grade}"
        return {
            "figures": {"fmax": asdict(Figure(found.fmax_mhz, "MHz", by))},
            "path": [asdict(step) for step in found.critical_path],
            "used": {name: list(pair) for name, pair in found.used.items()},
            "notes": told(found, target),
        }

    update("place and route", 0, 0)
    versions = [yosys.version(), placer_version(target), sources()]
    key = ["place", subject.verilog, subject.top, target, DEVICE[target], SPEED, goal, *versions]
    return dict(store.remembered(key, make))


def told(found: BestSeed, target: str) -> list[str]:
    """Remarks about a placement, beside its figures."""
    taken = ", ".join(f"{many} {name}" for name, many in found.harness.items())
    notes = [f"of the part: without the harness that stands for pins ({taken})"]
    if found.lut_multipliers:
        there = DSP_BLOCKS[DEVICE[target]]
        notes.append(
            f"placed with {found.lut_multipliers} multiplications in LUTs: {DEVICE[target]} has {there} DSP"
            " blocks; the resources above are those of a part with enough of them"
        )
    return [*notes, f"slowest path: from {found.start} to {found.end}"]
