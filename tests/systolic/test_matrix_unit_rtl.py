"""The matrix unit's RTL against golden: its bench on each case, what they cover, faults it must notice."""

import json
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from sim.benches.systolic.coverage import FILE, plan, report
from sim.benches.systolic.matrix_unit import CASES, SLOW
from sim.runner import BenchResult, run_bench
from sim.tools import ToolMissing

BY_NAME = {case.name: case for case in [*CASES, *SLOW]}


class Runs:
    """Benches, each run once in a session, two at a time where there are two processors."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.pool = ThreadPoolExecutor(os.cpu_count())
        self.started: dict[tuple[str, str], Future[BenchResult]] = {}

    def start(self, name: str, simulator: str = "icarus") -> Future[BenchResult]:
        if (name, simulator) not in self.started:
            self.started[name, simulator] = self.pool.submit(self.run, name, simulator)
        return self.started[name, simulator]

    def place(self, name: str, simulator: str) -> Path:
        return self.folder / f"{name}-{simulator}"

    def run(self, name: str, simulator: str) -> BenchResult:
        case = BY_NAME[name]
        return run_bench(
            *case.build(), "sim.benches.systolic.matrix_unit", simulator=simulator,
            parameters=case.parameters, build_dir=self.place(name, simulator),
        )

    def covered(self, name: str) -> set[str]:
        """Bins that a case hit."""
        result = self.start(name).result()  # ToolMissing where there is no Icarus
        assert result.passed, result.messages
        return set(json.loads((self.place(name, "icarus") / FILE).read_text()))


@pytest.fixture(scope="module")
def runs(tmp_path_factory, request):
    """All that this session will ask for, under way."""
    started = Runs(tmp_path_factory.mktemp("matrix_unit"))
    for item in request.session.items:
        wanted = getattr(item, "callspec", None) and item.callspec.params
        if wanted and "simulator" in wanted and wanted.get("name") in BY_NAME:
            started.start(wanted["name"], wanted["simulator"])
    yield started
    started.pool.shutdown(cancel_futures=True)


def passes(runs: Runs, name: str, simulator: str) -> None:
    try:
        result = runs.start(name, simulator).result()
    except ToolMissing as missing:
        pytest.skip(str(missing))
    assert result.passed, "\n".join(result.messages)


@pytest.mark.parametrize("simulator", ["icarus"])
@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_rtl_is_golden(runs, name, simulator):
    passes(runs, name, simulator)


@pytest.mark.parametrize("simulator", ["verilator"])
@pytest.mark.parametrize("name", ["weight-3x5-int4-int8-r1", "output-4x3-scarce", "input-5x2-int8-uint8-r2"])
def test_rtl_is_golden_on_verilator(runs, name, simulator):
    passes(runs, name, simulator)


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["verilator"])
@pytest.mark.parametrize("name", [case.name for case in SLOW])
def test_larger_units_are_golden(runs, name, simulator):
    passes(runs, name, simulator)


def test_the_cases_cover_the_whole_plan(runs):
    for case in CASES:
        runs.start(case.name)
    covered = set().union(*(runs.covered(case.name) for case in CASES))
    print(report(covered))
    assert covered == plan(), report(covered)
