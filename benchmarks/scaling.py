"""The same product on 4x4 to 64x64 arrays, cycles counted in the RTL."""

from collections.abc import Iterator

from benchmarks import product
from benchmarks.result import Result

SIZES = (4, 8, 16, 32, 64)


def measure() -> Iterator[Result]:
    """Gemmini, from 16 to 64: 19 %."""
    counted = {size: product.rtl_cycles(size) for size in SIZES}
    speedup = counted[4] / counted[64]
    yield Result(
        "scaling from 4x4 to 64x64", 100 * speedup / 256, 95, "% of ideal",
        "cycles in RTL: " + ", ".join(f"{size}x{size} {cycles:,}" for size, cycles in counted.items()),
    )  # fmt: skip
