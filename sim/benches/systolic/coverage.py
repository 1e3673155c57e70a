"""What the matrix unit's bench must have met, and what it has: a plan of bins, each for each dataflow.

A bin counts only behind a scoreboard that agreed. Each case writes its bins to a file in its folder; the
tests put the files of all cases together.
"""

import json
from pathlib import Path

from golden.formats.rounding import Rounding
from golden.systolic.params import DATAFLOWS
from sim.benches.systolic.jobs import RESULTS, VALUES, ProductJob

FILE = "coverage.json"
STREAMS = ("command", "left", "top", "drain", "scale", "o")
SIDES = ("shorter", "equal", "multiple", "ragged")
PLAN: dict[str, tuple[str, ...]] = {
    "length on the rows": SIDES,
    "length on the columns": SIDES,
    "vectors of a pass against rows": ("fewer", "equal", "more"),
    "passes of a tile": ("1", "2", "more"),
    "products": ("1", "more"),
    "order of tiles": ("columns first", "rows first"),
    "result": RESULTS,
    "values": VALUES,
    "registers of the multiplier": ("0", "1", "2", "3"),
    "rounding": (Rounding.HALF_UP.value, Rounding.HALF_EVEN.value, Rounding.HALF_AWAY.value),
    "unstalled, a pass behind one of": ("the same tile", "another tile", "another product"),
    "unstalled, accumulator rows": ("free at once", "waited for"),
    "stalled": (*STREAMS, "everything"),
    "o blocked": ("until all stands still",),
    "reset while": ("loading", "streaming", "draining"),
}


def plan(*crosses: str) -> set[str]:
    """All bins, or those of some crosses."""
    chosen = [(cross, bin) for cross in crosses or PLAN for bin in PLAN[cross]]
    return {f"{dataflow}: {cross}: {bin}" for dataflow in DATAFLOWS for cross, bin in chosen}


def side(length: int, lanes: int) -> str:
    """How a length folds onto lanes of the array."""
    if length <= lanes:
        return SIDES[length == lanes]
    return SIDES[2 + (length % lanes > 0)]


def against(count: int, rows: int) -> str:
    return "equal" if count == rows else "fewer" if count < rows else "more"


class Coverage:
    """The bins that one case hit."""

    def __init__(self, dataflow: str):
        self.dataflow = dataflow
        self.bins: set[str] = set()

    def hit(self, cross: str, *bins: str) -> None:
        """Count bins of the plan; one that is not in it is a mistake of the bench."""
        assert set(bins) <= set(PLAN[cross]), (cross, bins)
        self.bins |= {f"{self.dataflow}: {cross}: {bin}" for bin in bins}
        Path(FILE).write_text(json.dumps(sorted(self.bins)))

    def job(self, job: ProductJob) -> None:
        """Everything that a job is, once its result was right."""
        s, p, g = job.schedule, job.schedule.unit, job.schedule.gemm
        columns = s.outputs[1]
        self.hit("length on the rows", side(g.m if p.dataflow == "output" else g.k, p.rows))
        self.hit("length on the columns", side(columns, p.cols))
        self.hit("vectors of a pass against rows", *(against(int(count), p.rows) for count in s.counts()))
        self.hit("passes of a tile", {1: "1", 2: "2"}.get(s.passes_per_tile, "more"))
        self.hit("products", "1" if g.batch == 1 else "more")
        if len(s.row_pieces) > 1 and len(s.column_pieces) > 1:
            self.hit("order of tiles", "columns first" if s.tiling.columns_first else "rows first")
        self.hit("result", job.result)
        self.hit("values", job.values)
        self.hit("registers of the multiplier", str(p.latency))
        if job.scaling is not None:
            self.hit("rounding", p.rounding.value)

    def follow(self, jobs: list[ProductJob]) -> None:
        """What follows what, where nothing stalled and the cycles were golden's."""
        kind = "unstalled, a pass behind one of"
        self.hit(kind, *(["another product"] if len(jobs) > 1 else []))
        for s in (job.schedule for job in jobs):
            self.hit(kind, *(["the same tile"] if s.passes_per_tile > 1 else []))
            self.hit(kind, *(["another tile"] if len(s.tile_rows()) > 1 else []))


def report(hit: set[str]) -> str:
    """A line for each cross: bins hit of bins planned, over all dataflows, and which are missing."""
    lines = []
    for cross in PLAN:
        wanted = plan(cross)
        missing = f"  missing: {', '.join(sorted(wanted - hit))}" if wanted - hit else ""
        lines.append(f"{cross:34} {len(wanted & hit):3} of {len(wanted):3}{missing}")
    return "\n".join([*lines, f"{'all':34} {len(plan() & hit):3} of {len(plan()):3}"])
