"""Runs cocotb benches on Verilog: `run_bench` one, `run_block` each case of a block, for `systola test`."""

import importlib
import json
import pkgutil
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import sim.benches
from golden import check
from sim import leftovers
from sim.benches import ENVIRONMENT
from sim.build import BuildError
from sim.simulate import LOG, RESULTS, WAVES, Simulation
from sim.tools import ToolMissing, find_compiler, find_verilator
from sim.verilate import VerilogError

SIMULATORS = ("verilator", "icarus")
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
    need(simulator)
    started = time.monotonic()
    simulation = Simulation(
        verilog=verilog, top=top, bench=bench_module, simulator=simulator, seed=seed, testcase=testcase,
        waves=waves, inside=inside,
        environment={
            ENVIRONMENT: json.dumps({"seed": seed, "parameters": parameters or {}}),
            "COCOTB_MAX_FAILURES": str(int(stop_at_first)),
        },
    )  # fmt: skip
    with ExitStack() as stack:
        folder = build_dir or stack.enter_context(leftovers.temporary())
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        dump, kept_waves = folder / WAVES, folder / "waves.fst"
        for left in (folder / RESULTS, dump, kept_waves):
            left.unlink(missing_ok=True)
        built, tests, messages = _simulate(simulation, folder, timeout)
        fst = dump.rename(kept_waves) if dump.exists() else None
    return BenchResult(
        name=bench_module.removeprefix("sim.benches.").replace(".", "/"),
        tests=tests,
        failures=len(messages),
        messages=tuple(messages),
        seconds=time.monotonic() - started,
        built=built,
        waves=fst,
    )


def need(simulator: str) -> None:
    """Raise BadValue if `simulator` is unknown, ToolMissing if it is not here."""
    check.one_of("simulator", simulator, SIMULATORS)
    if simulator == "icarus":
        if not shutil.which("iverilog"):
            raise ToolMissing("icarus is missing; needed: iverilog on PATH")
        return
    find_verilator()
    find_compiler()


def _simulate(simulation: Simulation, folder: Path, timeout: float) -> tuple[bool, int, list[str]]:
    """(whether the model was built, tests that ran, a message for each failure)."""
    try:
        command = simulation.build(folder)
    except (BuildError, VerilogError) as error:
        lines = str(error).splitlines()
        said = [line for line in lines if re.search("error|warning", line, re.IGNORECASE)][:LOG_LINES]
        return False, 0, ["\n".join(["the model did not build:", *(said or lines[-LOG_LINES:])])]
    status = simulation.run(command, folder, timeout)
    log = (folder / LOG).read_text(errors="replace")
    return True, *_read(folder / RESULTS, status, log, timeout)


def _read(results: Path, status: int | None, log: str, timeout: float) -> tuple[int, list[str]]:
    """(tests that ran, a message for each failure): no results, or none that ran, is a failure."""
    tail = "\n".join(log.splitlines()[-LOG_LINES:])
    if status is None:
        return 0, [f"the simulation took over {timeout:g} s"]
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
    need(simulator)
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
