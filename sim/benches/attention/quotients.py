"""Bench of hw.attention.quotients: sums of weighted values in, with a reciprocal; quotients out."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import cocotb
import numpy as np

from golden.attention.arithmetic import FP16_FRACTION, LIMB
from golden.attention.quotients import cycles, quotients, stages
from golden.formats import FP16
from golden.vector.reciprocal import reciprocal, steps
from sim.benches import names
from sim.benches.attention.lanes import (
    HALF,
    INT4,
    NARROW,
    SMALL_HALF,
    TINY,
    LaneBench,
    code,
    lane_case,
    signed,
)


class QuotientsBench(LaneBench):
    """Sums of rows: |o| is at most l times the largest value, and l at least half the largest weight."""

    def stages(self) -> tuple[str, ...]:
        return stages(self.p)

    def fields(self) -> Mapping[str, int]:
        r = self.p.reciprocal
        return {"weighted": self.p.sum_width, "mantissa": r.bits + 1, "zeros": len(steps(r.width))}

    def results(self) -> Mapping[str, int]:
        return {"out": self.p.out.width}

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the largest value, in units of its last bit."""
        if self.p.floating:
            largest = int(FP16.max) << FP16_FRACTION
            return -largest, largest
        return -(1 << self.p.value_width - 1), (1 << self.p.value_width - 1) - 1

    def codes(self, weighted: int, total: int) -> Mapping[str, int]:
        mantissa, zeros = reciprocal(self.p.reciprocal, total)
        return {"weighted": code(weighted, self.p.sum_width), "mantissa": int(mantissa), "zeros": int(zeros)}

    def every(self) -> Iterable[Mapping[str, int]]:
        """Every sum of weights with every sum of values that it can have."""
        least, largest = self.ends
        if self.p.sum_width + self.p.total.width > NARROW:
            return
        for total in range(1 << self.p.weight_bits - 1, (self.p.keys + 1 << self.p.weight_bits) + 1):
            most = min(total, self.p.keys << self.p.weight_bits)
            for weighted in range(least * most, largest * most + 1):
                yield self.codes(weighted, total)

    def random_fields(self) -> Mapping[str, int]:
        """Sums of every size, multiples of the total (values that are all alike), the ends, empty rows."""
        p, random = self.p, self.random
        least, largest = self.ends
        if not random.randrange(16):
            return self.codes(0, 0)
        total = random.randint(1, p.keys + 1) * random.randint(1 << p.weight_bits - 1, 1 << p.weight_bits)
        power = 1 << random.randrange(p.weight_bits - 1, p.total.width)
        total = random.choice((total, 1 << p.weight_bits, power))
        total = min(total, p.keys << p.weight_bits)
        value = random.choice((least, largest, 1, -1, random.randint(least, largest)))
        value = value if random.randrange(2) else value >> random.randrange(p.value_width)
        if random.randrange(3):
            return self.codes(value * total, total)
        weighted = random.randint(least * total, largest * total) >> random.randrange(p.sum_width)
        return self.codes(weighted, total)

    def expected(self, fields: Mapping[str, int]) -> Mapping[str, int | None]:
        p = self.p
        weighted = signed(fields["weighted"], p.sum_width)
        mantissa, zeros = np.array([fields["mantissa"]]), np.array([fields["zeros"]])
        if not p.floating:
            return {"out": code(int(quotients(p, np.array([weighted]), mantissa, zeros)[0]), p.out.width)}
        limbs = np.array([[weighted >> LIMB], [weighted & (1 << LIMB) - 1]])
        return {"out": int(FP16.encode(quotients(p, limbs, mantissa, zeros))[0])}


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def quotients_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = QuotientsBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.matches_golden(bench.send_words(), lambda count: cycles(bench.p, count))


@cocotb.test
async def a_stalled_output_lets_exactly_latency_words_in(dut: Any) -> None:
    await QuotientsBench(dut, stall_out=1.0).holds_latency_words()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    await QuotientsBench(dut, stall_out=stall_out).forgets_at_reset()


case = partial(lane_case, "quotients")
CASES = [
    case("int8"),
    case("int4", **INT4),
    case("tiny", **TINY),
    case("int12-long", value="int12", out_fraction=4, keys=1 << 16, weight_bits=20),
    case("fp16", **HALF),
    case("fp16-small", **SMALL_HALF),
]
QUICK = {"icarus": ["int4", "fp16-small"], "verilator": ["int8", "fp16"]}
LONG = {"verilator": names(CASES)}
EXTREME = [case("int8"), case("fp16", **HALF)]
MUTANTS = ()
