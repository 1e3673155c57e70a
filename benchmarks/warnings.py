"""Warnings of Verilator -Wall beyond the waived, of every dataflow; and do Icarus and Yosys accept it?"""

from collections.abc import Iterator

from benchmarks.result import Result
from golden.systolic.params import DATAFLOWS, MatrixUnitParams
from sim.accept import icarus_accepts, yosys_accepts
from sim.device import block_verilog
from sim.verilate import WAIVED, verilate_lint


def measure() -> Iterator[Result]:
    """Each tool raises with its own words where it does not accept."""
    for dataflow in DATAFLOWS:
        unit = MatrixUnitParams(dataflow=dataflow)
        text = block_verilog(unit)
        verilate_lint(text, unit.name)
        icarus_accepts(text)
        yosys_accepts(text, unit.name)
        waived = ", ".join(WAIVED)
        yield Result(f"warnings, {dataflow}-stationary", 0, 0, "", f"waived with a reason: {waived}", True)
