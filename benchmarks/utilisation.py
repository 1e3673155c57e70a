"""How much of a 16x16 weight-stationary array works, counted in the RTL, first word in to last word out."""

from collections.abc import Iterator

from benchmarks import product
from benchmarks.result import Result


def measure() -> Iterator[Result]:
    """Best published: O-POPE 99.97 %, RedMulE 99.4 %."""
    cycles = product.rtl_cycles(16)
    ideal = product.GEMM.macs / 256
    yield Result(
        "utilisation, 512x512x512 int8 on 16x16", 100 * ideal / cycles, 99.98, "%",
        f"{cycles:,} cycles in RTL, outputs bit-exact; {ideal:,.0f} would be 100 %",
    )  # fmt: skip
