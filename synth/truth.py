"""Is the netlist what was designed? Its block's own bench on it, and Yosys' proof that it is the RTL.

The bench's golden model judges the netlist's Verilog with models of the cells, written from the Liberty's
functions; for vectors in bulk there is synth.gate_simulator, which reads the same functions.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sim import quote
from sim.benches import Case
from sim.runner import BenchResult, run_bench
from synth import cell_models, process
from synth.asic import MappedNetlist
from synth.process import SynthesisError
from synth.yosys import yosys

DEPTH = 4  # cycles of induction: more than a PE has registers in a row
UNPROVEN = "Unproven"


def netlist_verilog(mapped: MappedNetlist) -> str:
    """The netlist with a model of each cell and macro in it: Verilog that any simulator runs."""
    used = [mapped.liberty.cells[name] for name in sorted(mapped.by_kind)]
    macros = mapped.models.read_text() if mapped.models else ""
    return "\n".join([mapped.verilog.read_text(), cell_models.verilog(used), macros])


def bench_on_netlist(
    bench: ModuleType, case: Case, mapped: MappedNetlist, *, verilog: str | None = None, **options: Any
) -> BenchResult:
    """The bench of a block (a module of sim.benches) on the netlist of one of its cases.

    verilog  instead of netlist_verilog(mapped): a broken one, to see that it is noticed
    options  of sim.runner.run_bench: simulator, seed, timeout, stop_at_first
    """
    text = netlist_verilog(mapped) if verilog is None else verilog
    return run_bench(text, mapped.top, bench.__name__, parameters=case.parameters, **options)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether each output and register of the netlist was proven to be the RTL's. log: Yosys' own."""

    proven: bool
    log: Path


def prove(
    rtl: str, mapped: MappedNetlist, folder: Path, *, verilog: str | None = None, timeout: float = 600
) -> Proof:
    """Yosys' equivalence of RTL and netlist: SAT on each output and register, induction over DEPTH cycles.

    For PEs and the like, not for what holds memories. A register must have kept its name.
    verilog  as in bench_on_netlist
    raises   SynthesisError if Yosys fails otherwise
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gold.v").write_text(rtl)
    (folder / "gate.v").write_text(netlist_verilog(mapped) if verilog is None else verilog)
    top = quote.yosys(mapped.top)
    prepare = f"hierarchy -check -top {top}; proc; flatten; opt_clean"
    commands = [f"read_verilog -sv gold.v; {prepare}; rename {top} gold; design -stash gold"]
    commands += [f"read_verilog gate.v; {prepare}; rename {top} gate; design -stash gate"]
    commands += ["design -copy-from gold -as gold gold", "design -copy-from gate -as gate gate"]
    commands += ["equiv_make gold gate equiv", "hierarchy -top equiv", "opt_clean", "techmap; opt_clean"]
    commands += [f"equiv_simple -seq {DEPTH}", f"equiv_induct -seq {DEPTH}", "equiv_status -assert"]
    lines = [line for command in commands for line in command.split("; ")]
    try:
        return Proof(True, yosys(lines, folder, name="equivalence", timeout=timeout))
    except SynthesisError:
        log = folder / "equivalence.log"
        if UNPROVEN.lower() in process.message(log, ("ERROR",)).lower():
            return Proof(False, log)
        raise
