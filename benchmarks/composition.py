"""Area and power composed of the cost library's parts, against synthesis of the whole, flattened.

Matrix units as accelerators have them (no requantiser), int8, on Debian's OSU 0.18 um cells. The whole is
flattened and optimised until nothing changes, as far as the parts are; what Yosys' own `synth -flatten` makes
of it, which narrows the sums of the first rows only, stands beside it. Power: at a layer's operands, toggles
counted in both netlists. Nothing comes out of an earlier run's store. 16x16 takes some ten minutes of one
core; SYSTOLA_SIZES=4,8 leaves it out.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from unittest.mock import patch

from benchmarks.result import Result
from golden.systolic.params import MatrixUnitParams
from hw.emit import verilog
from hw.systolic import matrix_unit
from synth import hierarchy
from synth.asic import MappedNetlist, map_asic
from synth.asic_flow import cost
from synth.compose import Composition, PartCost, compose
from synth.hierarchy import Own
from synth.liberty import Liberty, default_liberty
from synth.power_flow import areas_of, composed, of_unit, small
from systola.recorded import workload

SIZES = tuple(int(size) for size in os.environ.get("SYSTOLA_SIZES", "4,8,16").split(","))
PERIOD = 10.0  # ns


def unit(size: int) -> MatrixUnitParams:
    return MatrixUnitParams(rows=size, cols=size, accumulator_rows=64, scaled=False)


def text(p: MatrixUnitParams) -> str:
    return str(verilog(matrix_unit.definition(p)))


def from_parts(p: MatrixUnitParams, liberty: Liberty) -> Composition:
    """`p` composed; each part synthesised."""

    def measure(own: Own) -> PartCost:
        with tempfile.TemporaryDirectory() as folder:
            return cost(map_asic(own.verilog, own.part.module, liberty, Path(folder), flatten=True))

    return compose(text(p), p.name, measure, ["benchmark"])


def logic_of(total: PartCost) -> float:
    """um2 of the cells."""
    return total.figures["area"] - total.figures["memory"]


def off(found: float, real: float) -> float:
    """Per cent that `found` is beside `real`."""
    return 100 * abs(found / real - 1)


def area(size: int, parts: Composition, whole: MappedNetlist, plain: MappedNetlist, took: str) -> Result:
    total, logic = parts.total.figures["area"], logic_of(parts.total)
    return Result(
        f"{size}x{size} unit, area", off(total, whole.area_um2), 5, "% off",
        f"composed {total:,.0f} um2, the whole {whole.area_um2:,.0f} um2 ({took}); without the macros, "
        f"the same in both, {logic:,.0f} um2, {off(logic, whole.area_um2 - whole.memory_um2):.2f} % off; "
        f"Yosys' own flatten {plain.area_um2:,.0f} um2, {off(total, plain.area_um2):.2f} % off; "
        f"{len(parts.lines)} parts, of which {parts.made} were new", True,
    )  # fmt: skip


def measure() -> Iterator[Result]:
    """The bars: 5 % of the area, 10 % of the power."""
    liberty, work = Liberty.read(default_liberty()), workload(unit(4))
    with tempfile.TemporaryDirectory() as temporary, patch.dict(os.environ, SYSTOLA_CACHE=temporary):
        folder = Path(temporary)
        p = small(unit(SIZES[0]))
        base = map_asic(text(p), p.name, liberty, folder / "small", flatten=False)
        burnt = of_unit(base, p, work, PERIOD, folder / "small")
        for size in SIZES:
            began = perf_counter()
            parts = from_parts(unit(size), liberty)
            took = perf_counter() - began
            watts = composed(base, burnt, areas_of(parts), parts.total.figures["sequential"])
            flat = hierarchy.flat(text(unit(size)), unit(size).name)
            whole = map_asic(flat, unit(size).name, liberty, folder / f"{size}", flatten=True)
            seconds = f"{took:.0f} s, {perf_counter() - began - took:.0f} s"
            plain = map_asic(text(unit(size)), unit(size).name, liberty, folder / "plain", flatten=True)
            yield area(size, parts, whole, plain, seconds)
            real = of_unit(whole, unit(size), work, PERIOD, folder / f"{size}").total
            yield Result(
                f"{size}x{size} unit, power", off(watts, real), 10, "% off",
                f"composed from the simulated {p.rows}x{p.cols} unit {watts:.1f} mW, the whole simulated "
                f"{real:.1f} mW at {1000 / PERIOD:g} MHz; {work.source}", True,
            )  # fmt: skip
