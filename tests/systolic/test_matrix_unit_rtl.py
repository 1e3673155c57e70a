"""The matrix unit's RTL against golden: its bench on each case, what they cover, faults it must notice."""

import json
import os
import re
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from sim.benches.systolic.coverage import FILE, plan, report
from sim.benches.systolic.matrix_unit import CASES, SLOW
from sim.mutate import Mutant, mutants
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


# Faults that may survive, since they change nothing that the unit promises: (module, fault, why).
EQUIVALENT = [
    ("^(weight|output)_drain", r"\((drain_ready|rst)\) raw_q +<=", "input-stationary only"),
    ("sequencer", r"if \(rst\) (row_rewind|row_first|row_final|first_q|final_q|leaving_\w+|clear\w*) +<=",
     "loaded with each command or last pair, before it is used"),
    ("requantise", r"assign \{ \S+ \[\d+\], halves \}|= halves;", "the bits beside it are unused"),
    ("requantise", r"->.*\(placed\) [<>]= ", "at the end of the range, clipping or not gives the same"),
    ("column", r"if \(rst\) (last_out|load_out) +<=", "what moves is written again before it counts"),
    ("column", r"if \(rst\) held +<=", "the first tile after a reset overwrites nothing that is in use"),
    ("skew_[0-9]+x1_reset", r"if \(rst\) stage_", "a swap, step or last with nothing behind it, as above"),
    ("skew_[0-9]+x1_reset", r"assign o = ", "all its inputs are one flag"),
    ("matrix_unit", r"if \(rst\) way_\d+ +<=", "not final, and written before a sum is added to it"),
]


def module_at(verilog: str, line: int) -> str:
    """Name of the module that a line, from 1, stands in."""
    return [each for each in verilog.splitlines()[:line] if each.startswith("module ")][-1].split("(")[0][7:]


def is_equivalent(mutant: Mutant) -> bool:
    module = module_at(mutant.verilog, mutant.line)
    return any(re.search(where, module) and re.search(what, str(mutant)) for where, what, _ in EQUIVALENT)


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
        if result.passed and not is_equivalent(mutant):
            alive.append(f"{part}: {mutant}")
    for part, number in sorted(killed.items()):
        print(f"{name}: {part}: {number} killed")
    return alive


@pytest.mark.parametrize("name", ["weight-4x3-scarce", "output-4x3-scarce", "input-4x3-scarce"])
def test_the_bench_notices_faults(runs, name):
    passes(runs, name, "icarus")
    assert not survivors(name, 4, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", ["weight", "output", "input"])
def test_the_bench_notices_nearly_all_faults(runs, dataflow):
    name = f"{dataflow}-3x5-int4-int8-r1"
    passes(runs, name, "icarus")
    alive = survivors(name, 80, seed=1)
    print("\n".join(alive))
    assert len(alive) <= 4, "\n".join(alive)  # 95 % of those that change anything
