"""Bench of hw.attention.products: q k, and w v, in as codes, out as fixed-point numbers."""

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import product
from typing import Any

import cocotb
import numpy as np

from golden.attention.arithmetic import FP16_FRACTION
from golden.attention.products import cycles, products, stages
from golden.formats import FP16, Float, Int
from sim.benches import Faults, names
from sim.benches.attention.lanes import (
    HALF,
    INT4,
    NARROW,
    SMALL_HALF,
    TINY,
    LaneBench,
    code,
    lane_case,
)

INFINITE = FP16.max_code + 1  # codes from here on, without their signs, are no numbers


def number(fmt: Int | Float, bits: int) -> float | int:
    """The value of a code; of what is no finite number, infinity or NaN."""
    value = fmt.decode(np.array([bits], np.uint64))[0]
    return float(value) if isinstance(fmt, Float) else int(value)


class ProductsBench(LaneBench):
    """Of q and k, or of w and v, as the case says."""

    def stages(self) -> tuple[str, ...]:
        return stages(self.p)

    @property
    def operands(self) -> dict[str, Int | Float]:
        """Their formats."""
        p = self.p
        return {"q": p.query, "k": p.key} if self.which == "dot_product" else {"w": p.weight, "v": p.value}

    def fields(self) -> Mapping[str, int]:
        return {name: fmt.width for name, fmt in self.operands.items()}

    def results(self) -> Mapping[str, int]:
        invalid = {"invalid": 1} if self.p.floating else {}
        if self.which == "value_product":
            return {"product": self.p.weighted_width} | invalid
        return {"product": self.p.product.width} | ({"saturated": 1} if self.p.floating else {}) | invalid

    def every(self) -> Iterable[Mapping[str, int]]:
        if sum(self.fields().values()) > NARROW:
            return
        formats = [fmt for fmt in self.operands.values() if isinstance(fmt, Int)]
        for values in product(*(range(least, largest + 1) for least, largest in map(self.ends, formats))):
            named = zip(self.operands, values, formats, strict=True)
            yield {name: code(value, fmt.width) for name, value, fmt in named}

    def random_fields(self) -> Mapping[str, int]:
        return {name: self.random_code(fmt) for name, fmt in self.operands.items()}

    def random_code(self, fmt: Int | Float) -> int:
        """Any; a third the ends, zero, and of FP16 subnormals, infinities, NaN and what lies next to them."""
        random = self.random
        if isinstance(fmt, Int):
            least, largest = self.ends(fmt)
            corner = random.choice((least, largest, 0, 1, largest - 1))
            return code(random.randint(least, largest) if random.randrange(3) else corner, fmt.width)
        if random.randrange(3):
            return random.getrandbits(fmt.width)
        edge = random.choice((0, 1, 0x3FF, 0x400, 0x3C00, INFINITE - 1, INFINITE, INFINITE + 1, 0x7FFF))
        return edge | random.getrandbits(1) << FP16.width - 1

    def ends(self, fmt: Int) -> tuple[int, int]:
        """The least and the largest value that comes: a weight is at most 2^weight_bits."""
        return fmt.min, fmt.max if fmt != self.p.weight else 1 << self.p.weight_bits

    def expected(self, fields: Mapping[str, int]) -> Mapping[str, int | None]:
        a, b = (number(fmt, fields[name]) for name, fmt in self.operands.items())
        wrong = not np.isfinite(a) or not np.isfinite(b)
        flags = {name: None for name in self.results() if name != "product"}
        if wrong:
            return {"product": None} | flags | {"invalid": 1}
        if self.which == "value_product":
            unit = 1 << FP16_FRACTION if self.p.floating else 1
            exact = int(a) * int(b * unit)
            return {"product": code(exact, self.p.weighted_width)} | {name: 0 for name in flags}
        value, saturated = products(self.p, np.array([a]), np.array([b]))
        found = {"saturated": int(saturated[0]), "invalid": 0}
        return {"product": code(int(value[0]), self.p.product.width)} | {name: found[name] for name in flags}


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def products_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = ProductsBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.matches_golden(bench.send_words(), lambda count: cycles(bench.p, count))


@cocotb.test
async def a_stalled_output_lets_exactly_latency_words_in(dut: Any) -> None:
    await ProductsBench(dut, stall_out=1.0).holds_latency_words()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    await ProductsBench(dut, stall_out=stall_out).forgets_at_reset()


case = partial(lane_case, "products")
CASES = [
    case("dot-int8", "dot_product"),
    case("dot-int4", "dot_product", **INT4),
    case("dot-int8-int4", "dot_product", key="int4"),
    case("dot-tiny", "dot_product", **TINY),
    case("dot-fp16", "dot_product", **HALF),
    case("dot-fp16-small", "dot_product", **SMALL_HALF),
    case("value-int8", "value_product"),
    case("value-tiny", "value_product", **TINY),
    case("value-fp16", "value_product", **HALF),
    case("value-fp16-small", "value_product", **SMALL_HALF),
]
QUICK = {"icarus": ["dot-tiny", "dot-fp16-small", "value-tiny", "value-fp16-small"],
         "verilator": ["dot-int4", "dot-fp16", "value-fp16"]}  # fmt: skip
LONG = {"verilator": names(CASES)}
EXTREME = [case("dot-fp16", "dot_product", **HALF), case("value-fp16", "value_product", **HALF)]
MUTANTS = [Faults("dot-fp16-small", 6), Faults("value-fp16-small", 4)]
