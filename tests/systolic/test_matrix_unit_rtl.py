"""The matrix unit's RTL against golden: its bench on each case, what they cover, faults it must notice."""

import json
import os
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from sim.benches.systolic.coverage import FILE, plan, report
from sim.benches.systolic.matrix_unit import CASES, SLOW
from sim.campaign import judged, module_at
from sim.mutate import mutants, sites
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


def survivors(name: str, count: int, seed: int) -> list[str]:
    """Of `count` faults in the unit and its parts, those that its bench passes; prints the score by part."""
    case = BY_NAME[name]
    verilog, top = case.build()
    killed, alive = Counter(), []
    for mutant in mutants(verilog, seed, count):
        result = run_bench(
            mutant.verilog, top, "sim.benches.systolic.matrix_unit", simulator="icarus",
            parameters=case.parameters, timeout=90, stop_at_first=True,
        )  # fmt: skip
        part = module_at(mutant.verilog, mutant.line)
        killed[part] += not result.passed
        if result.passed and not judged("systolic/matrix_unit", verilog, mutant).why:
            alive.append(f"{part}: {mutant}")
    for part, number in sorted(killed.items()):
        print(f"{name}: {part}: {number} killed")
    return alive


@pytest.mark.parametrize("name", ["weight-4x3-scarce", "output-4x3-scarce", "input-4x3-scarce"])
def test_the_bench_notices_faults(runs, name):
    passes(runs, name, "icarus")
    assert not survivors(name, 4, seed=1)


@pytest.mark.parametrize(
    "name, stage",
    [
        ("weight-4x3-scarce", 3),
        *(pytest.param(f"{dataflow}-4x3-scarce", stage, marks=pytest.mark.slow)
          for dataflow in ("weight", "output", "input") for stage in (1, 2, 3, 4)),
    ],
)  # fmt: skip
def test_a_stage_of_the_way_that_is_not_reset_is_noticed(runs, name, stage):
    """What was under way before a reset would count behind it; only the value it is reset to may change."""
    case = BY_NAME[name]
    verilog, top = case.build()
    lines = verilog.splitlines()
    (found,) = (
        site for site in sites(verilog)
        if site[0] == "never enabled" and f"if (rst) way_{stage} <=" in lines[site[1]]
    )  # fmt: skip
    _, number, start, end, new = found
    lines[number] = lines[number][:start] + new + lines[number][end:]
    result = run_bench(
        "\n".join(lines), top, "sim.benches.systolic.matrix_unit", simulator="icarus",
        parameters=case.parameters, timeout=90, stop_at_first=True,
    )  # fmt: skip
    assert result.built and not result.passed


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_the_bench_notices_nearly_all_faults(runs, dataflow):
    name = f"{dataflow}-3x5-int4-int8-r1"
    passes(runs, name, "icarus")
    alive = survivors(name, 30, seed=1)
    print("\n".join(alive))
    assert len(alive) <= 2, "\n".join(alive)  # 95 % of those that change anything
