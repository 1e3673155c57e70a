"""Runs cocotb benches on Verilog: `run_bench` one, `run_block` each case of a block, for `systola test`."""

import importlib
import json
import os
import pkgutil
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import sim.benches
from golden import check
from sim import cache, leftovers, process
from sim.benches import ENVIRONMENT
from sim.build import BENCH_LEVEL, tool_key
from sim.simulate import BUILD_FAILED
from sim.tools import ToolMissing, find_compiler, find_verilator
from sim.verilate import WARNINGS

SIMULATORS = ("verilator", "icarus")
BENCH = ["--vpi", "--x-initial", "unique", "--timescale", "1ns/1ps"]  # for Verilator
# all signals public, as cocotb's runner asks, take as long again to compile, and crash where they are many
PORTS_ONLY = ["--public-depth", "1"]
Keep = Callable[[str], AbstractContextManager[Path]]
LOG_LINES = 15  # of the log, where a simulation leaves no results


@dataclass(frozen=True, slots=True)
class BenchResult:
    """The result of one bench.

    tests     how many ran; none is a failure
    messages  one for each failure
    built     the Verilog was accepted
    waves     the FST file
    """

    name: str
    tests: int
    failures: int
    messages: tuple[str, ...]
    seconds: float
    built: bool = True
    waves: Path | None = None

    @property
    def passed(self) -> bool:
        return self.tests > 0 and self.failures == 0


def run_bench(
    verilog: str,
    top: str,
    bench_module: str,
    *,
    simulator: str = "verilator",
    parameters: dict[str, Any] | None = None,
    seed: int = 1,
    waves: bool = False,
    build_dir: Path | None = None,
    testcase: str | Sequence[str] | None = None,
    timeout: float = 600,
    stop_at_first: bool = False,
    inside: bool = False,
) -> BenchResult:
    """Run the cocotb tests of `bench_module` on module `top` of `verilog`.

    parameters     reach the bench by sim.benches.parameters(); JSON
    build_dir      keeps log, results and waves; without it they are gone, a waveform too
    testcase       only the tests whose names end so, or so
    timeout        seconds, after which the simulation is ended, which is a failure
    stop_at_first  leave out what follows a failing test
    inside         the bench looks at more than the top's ports
    raises         BadValue if the simulator is unknown, ToolMissing if it is not here
    """
    environment = environment_of(simulator)
    started = time.monotonic()
    with ExitStack() as stack:
        folder = build_dir or stack.enter_context(leftovers.temporary())
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        results = folder / "results.xml"
        dump = folder / ("dump.fst" if simulator == "verilator" else f"model/{top}.fst")
        for left in (results, dump, folder / "waves.fst"):
            left.unlink(missing_ok=True)
        job = {
            "verilog": verilog,
            "top": top,
            "bench": bench_module,
            "test_dir": str(folder),
            "results": str(results),
            "testcase": testcase,
            "seed": seed,
            "waves": waves,
            **_of_simulator(simulator, verilog, top, seed, waves, inside),
            "environment": {
                ENVIRONMENT: json.dumps({"seed": seed, "parameters": parameters or {}}),
                "COCOTB_REWRITE_ASSERTION_FILES": "",  # the benches' own words suffice
                "COCOTB_MAX_FAILURES": str(int(stop_at_first)),
                "COCOTB_ANSI_OUTPUT": "0",
            },
        }
        status = _simulate(job, folder, environment, timeout)
        tests, messages = _read(results, status, (folder / "log.txt").read_text(errors="replace"), timeout)
        fst = dump.rename(folder / "waves.fst") if dump.exists() else None
    return BenchResult(
        name=bench_module.removeprefix("sim.benches.").replace(".", "/"),
        tests=tests,
        failures=len(messages),
        messages=tuple(messages),
        seconds=time.monotonic() - started,
        built=status != BUILD_FAILED,
        waves=fst,
    )


def environment_of(simulator: str) -> dict[str, str]:
    """The environment that `simulator` runs in; BadValue if it is unknown, ToolMissing if it is not here."""
    check.one_of("simulator", simulator, SIMULATORS)
    if simulator == "icarus":
        if not shutil.which("iverilog"):
            raise ToolMissing("icarus is missing; needed: iverilog on PATH")
        return dict(os.environ)
    find_verilator()
    find_compiler()
    return dict(os.environ)


def _of_simulator(
    simulator: str, verilog: str, top: str, seed: int, waves: bool, inside: bool
) -> dict[str, Any]:
    """The job's entries about the simulator. An Icarus model builds in a moment; a Verilated one has a
    key."""
    if simulator == "icarus":
        return {"simulator": simulator, "options": [], "plusargs": [], "key": None}
    options = [*BENCH, "--public-flat-rw"] if inside else [*BENCH, *PORTS_ONLY]
    options += ["--trace-fst"] if waves else []
    # registers start at random, by the seed: what works only from zero fails
    plusargs = [f"+verilator+seed+{seed}", "+verilator+rand+reset+2"]
    made_from = cache.key(
        verilog, top, options, WARNINGS, BENCH_LEVEL, tool_key(), metadata.version("cocotb"), sys.prefix
    )
    return {"simulator": simulator, "options": options, "plusargs": plusargs, "key": made_from}


def _simulate(job: dict[str, Any], folder: Path, environment: dict[str, str], timeout: float) -> int | None:
    """Exit status of sim.simulate, None if it took too long; its words are in log.txt."""
    (folder / "job.json").write_text(json.dumps(job))
    command = [sys.executable, "-m", "sim.simulate", str(folder / "job.json")]
    environment.pop("PYTEST_CURRENT_TEST", None)  # cocotb's runner would judge the results itself
    with open(folder / "log.txt", "w") as log:
        return process.run(command, None, log, env=environment, timeout=timeout)


def _read(results: Path, status: int | None, log: str, timeout: float) -> tuple[int, list[str]]:
    """(tests that ran, a message for each failure): no results, or none that ran, is a failure."""
    lines = log.splitlines()
    tail = "\n".join(lines[-LOG_LINES:])
    if status is None:
        return 0, [f"the simulation took over {timeout:g} s"]
    if status == BUILD_FAILED:
        said = [line for line in lines if re.search("error|warning", line, re.IGNORECASE)][:LOG_LINES]
        return 0, ["\n".join(["the model did not build:", *(said or [tail])])]
    if not results.exists():
        return 0, [f"the simulation broke off ({status}):\n{tail}"]
    ran = [test for test in ElementTree.parse(results).iter("testcase") if test.find("skipped") is None]
    faults = [(test, fault) for test in ran for fault in test if fault.tag in ("failure", "error")]
    messages = [f"{test.get('name')}: {_reason(fault)}" for test, fault in faults]
    if not ran or (status and not messages):
        messages.append(f"{len(ran)} tests ran, exit status {status}:\n{tail}")
    return len(ran), messages


def _reason(fault: ElementTree.Element) -> str:
    """A failing assertion's own words; the trace where it is another error."""
    message = fault.get("message") or ""
    return message if "AssertionError" in (fault.get("type") or "") and message else (fault.text or message)


def blocks() -> dict[str, ModuleType]:
    """Bench modules, those with CASES, by block: {"vector/requantise": module}."""
    names = [module.name for module in pkgutil.walk_packages(sim.benches.__path__, "sim.benches.")]
    modules = {name: importlib.import_module(name) for name in names}
    return {
        name.removeprefix("sim.benches.").replace(".", "/"): module
        for name, module in modules.items()
        if hasattr(module, "CASES")
    }


def run_block(
    name: str,
    *,
    simulator: str = "verilator",
    seed: int = 1,
    keep: Keep | None = None,
    case: str | None = None,
) -> list[BenchResult]:
    """Run each case of a block, or the one named; messages say how to repeat.

    keep    gives a folder for BLOCK-CASE, in which waves and log are left
    raises  BadValue if there is no such block, case or simulator; ToolMissing
    """
    known = blocks()
    check.one_of("block", name, known)
    cases = {each.name: each for each in known[name].CASES}
    if case is not None:
        check.one_of("case", case, cases)
    environment_of(simulator)
    again = f"systola test {name} --seed {seed} --waves{' --sim icarus' if simulator == 'icarus' else ''}"
    results = []
    for each in cases.values() if case is None else [cases[case]]:
        verilog, top = each.build()
        with keep(f"{name.replace('/', '-')}-{each.name}") if keep else nullcontext() as folder:
            result = run_bench(
                verilog,
                top,
                known[name].__name__,
                simulator=simulator,
                parameters=each.parameters,
                seed=seed,
                waves=keep is not None,
                build_dir=folder,
                inside=getattr(known[name], "INSIDE", False),
            )
        told = [f"{name}: {each.name}, seed {seed}, {text}\n  again: {again}" for text in result.messages]
        results.append(replace(result, name=f"{name} {each.name}", messages=tuple(told)))
    return results
