"""One simulation: a bench's model is built, then runs, a process of its own with cocotb and the bench inside.

The simulator is started by the environment variables that cocotb's documentation has for flows of one's own;
its runner would be a second Python around each simulation, which takes as long as a short one.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import find_libpython
from cocotb_tools import config

from sim import process
from sim.build import BENCH_LEVEL, BuildError, build_bench, tool_key
from sim.cache import kept, key
from sim.tools import ToolMissing
from sim.verilate import WARNINGS

BENCH = ["--vpi", "--x-initial", "unique", "--timescale", "1ns/1ps"]  # for Verilator
# all signals public, as cocotb's runner asks, take as long again to compile, and crash where they are many
PORTS_ONLY = ["--public-depth", "1"]
RESULTS, LOG = "results.xml", "log.txt"  # where a simulation runs
WAVES = "dump.fst"  # as cocotb's main program calls it
DUMP = """module dump();
initial begin
  $dumpfile("{file}");
  $dumpvars(0, {top});
end
endmodule
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What is simulated, and how.

    bench        the module of cocotb tests
    environment  variables for the bench and for cocotb
    testcase     only the tests whose names end so, or so; None: all
    inside       the bench looks at more than the top's ports
    """

    verilog: str
    top: str
    bench: str
    simulator: str
    seed: int
    environment: Mapping[str, str]
    testcase: str | Sequence[str] | None = None
    waves: bool = False
    inside: bool = False

    def build(self, folder: Path) -> list[str]:
        """Build the model, in `folder` or in the cache; the command that runs it.

        raises  BuildError, VerilogError with the tool's words
        """
        if self.simulator == "icarus":
            return self.build_icarus(folder)
        options = [*BENCH, "--public-flat-rw"] if self.inside else [*BENCH, *PORTS_ONLY]
        options += ["--trace-fst"] if self.waves else []
        made_from = key(self.verilog, self.top, options, WARNINGS, BENCH_LEVEL, tool_key(),
                        metadata.version("cocotb"), sys.prefix)  # fmt: skip
        main = config.share_dir / "lib" / "verilator" / "verilator.cpp"
        model = kept("bench", made_from, lambda empty: build_bench(
            empty, self.verilog, self.top, options, main, config.libs_dir))  # fmt: skip
        # registers start at random, by the seed: what works only from zero fails
        random = [f"+verilator+seed+{self.seed}", "+verilator+rand+reset+2"]
        return [str(model / self.top), *(["--trace"] if self.waves else []), *random]

    def build_icarus(self, folder: Path) -> list[str]:
        """The same for Icarus, which builds a model in a moment."""
        files = {"timescale": "+timescale+1ns/1ps\n", "design.v": self.verilog}
        if self.waves:
            files["dump.v"] = DUMP.format(file=WAVES, top=self.top)
        for name, text in files.items():
            (folder / name).write_text(text)
        tops = [self.top, *(["dump"] if self.waves else [])]
        command = ["iverilog", "-g2012", "-f", "timescale", "-o", "model"]
        command += [word for top in tops for word in ("-s", top)]
        status, said = process.said([*command, *(name for name in files if name.endswith(".v"))], folder)
        if status:
            raise BuildError(said)
        library = config.lib_name_path("vpi", "icarus")
        return ["vvp", "-m", str(library), "model", "-fst" if self.waves else "-none"]

    def run(self, command: Sequence[str], folder: Path, timeout: float) -> int | None:
        """Exit status of what `build` gave, run in `folder`; None if it took over `timeout` seconds."""
        with open(folder / LOG, "w") as log:
            return process.run(command, folder, log, env=self.variables(folder), timeout=timeout)

    def variables(self, folder: Path) -> dict[str, str]:
        """The environment of the simulator."""
        given = {
            "COCOTB_TOPLEVEL": self.top,
            "COCOTB_TEST_MODULES": self.bench,
            "COCOTB_RESULTS_FILE": str(folder / RESULTS),
            "COCOTB_RANDOM_SEED": str(self.seed),
            "COCOTB_REWRITE_ASSERTION_FILES": "",  # the benches' own words suffice
            "COCOTB_ANSI_OUTPUT": "0",
            "TOPLEVEL_LANG": "verilog",
            "GPI_USERS": embedded_python(),
            "PYGPI_PYTHON_BIN": sys.executable,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), str(config.libs_dir)]),
        }
        if self.simulator == "verilator":
            given["COCOTB_TRUST_INERTIAL_WRITES"] = "1"  # as its runner does: Verilator delays them itself
        if self.testcase is not None:
            names = [self.testcase] if isinstance(self.testcase, str) else self.testcase
            given["COCOTB_TEST_FILTER"] = rf"\.({'|'.join(f'.*{re.escape(name)}' for name in names)})$"
        return {**os.environ, **given, **self.environment}


@cache
def embedded_python() -> str:
    """What cocotb's library loads in a simulator: Python's library, and the entry to cocotb."""
    library = os.environ.get("LIBPYTHON_LOC") or find_libpython.find_libpython()
    if library is None:
        raise ToolMissing("Python's shared library is missing; needed: the one of this Python, for cocotb")
    return f"{library};{config.pygpi_entry_point()}"
