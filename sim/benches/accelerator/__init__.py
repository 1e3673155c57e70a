"""Designs at the ends of what an accelerator may be."""

from dataclasses import replace

from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from sim.benches import Case, verilog_case

EXTREMES = {
    "usual": AcceleratorParams(),
    "least": AcceleratorParams(
        unit=MatrixUnitParams(rows=4, cols=4, accumulator_rows=1), banks=2, bank_words=128, queue=2,
        outstanding=2, read_buffer=16, functions=(),
    ),
    "most": AcceleratorParams(
        unit=MatrixUnitParams(rows=64, cols=64, accumulator_rows=1 << 16), banks=16, bank_words=4096,
        queue=64, outstanding=64,
    ),
}  # fmt: skip


def extremes(block: str) -> list[Case]:
    """A block in the usual accelerator (slow), the smallest and a very large one: to be read, not run."""
    cases = (verilog_case(block, lambda p: p, name, p=p) for name, p in EXTREMES.items())
    return [replace(case, slow=case.name == "usual") for case in cases]
