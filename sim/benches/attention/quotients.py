"""Bench of hw.attention.quotients: sums of weighted values in, with a reciprocal; quotients out."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import cocotb
import numpy as np

from golden.attention.arithmetic import FP16_FRACTION, GUARD, LIMB
from golden.attention.quotients import cycles, quotients, stages
from golden.formats import FP16
from golden.vector.reciprocal import reciprocal, steps
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
        """Sums of every size, values that are all alike, ties, the ends, empty rows."""
        p, random = self.p, self.random
        least, largest = self.ends
        if not random.randrange(16):
            return self.codes(0, 0)
        total = random.randint(1, p.keys + 1) * random.randint(1 << p.weight_bits - 1, 1 << p.weight_bits)
        power = 1 << random.randrange(p.weight_bits - 1, p.total.width)
        total = random.choice((total, 1 << p.weight_bits, power, p.keys + 1 << p.weight_bits))
        total = min(total, p.keys + 1 << p.weight_bits)
        value = random.choice((least, largest, 1, -1, random.randint(least, largest)))
        value = value if random.randrange(2) else value >> random.randrange(p.value_width)
        most = min(total, p.keys << p.weight_bits)  # the rest is a sink's
        choice = random.randrange(5)
        if choice == 0:
            weighted = random.randint(least * most, largest * most) >> random.randrange(p.sum_width)
            return self.codes(weighted, total)
        if choice == 1:
            return self.near_half_a_subnormal(power) if p.floating else self.near_a_tie(total, most)
        if choice == 2 and p.floating:
            return self.beyond()
        return self.codes(value * most, total)

    def beyond(self) -> Mapping[str, int]:
        """What no row has: a quotient about the largest number or up to eight times as large, or any."""
        p, random = self.p, self.random
        total = 1 << p.weight_bits - 1
        weighted = self.ends[1] * total * random.randint(7, 64) // 8
        weighted = random.choice((weighted, random.getrandbits(p.sum_width - 1)))
        return self.codes(min(weighted, (1 << p.sum_width - 1) - 1) * random.choice((1, -1)), total)

    def near_half_a_subnormal(self, total: int) -> Mapping[str, int]:
        """Half between two numbers below FP16's least normal one, or a power of two beside; exact in R."""
        half = total * (2 * self.random.getrandbits(11) + 1) // 2
        weighted = half + self.random.choice((0, 1, -1)) * (1 << self.random.randrange(self.p.weight_bits))
        return self.codes(weighted * self.random.choice((1, -1)), total)

    def near_a_tie(self, total: int, most: int) -> Mapping[str, int]:
        """z whose product with an odd mantissa is a half, or just less; where there is none, anything."""
        p = self.p
        mantissa, zeros = (int(each) for each in reciprocal(p.reciprocal, total))
        below, place = p.reciprocal.bits + GUARD, p.reciprocal.width - 1 - zeros
        z = 0
        if mantissa % 2:
            half = (1 << below - 1) - self.random.randrange(2)
            z = signed(half * pow(mantissa, -1, 1 << below) % (1 << below), below)
        weighted = -(-(z << place) >> p.out_fraction + GUARD)
        least, largest = self.ends
        return self.codes(min(max(weighted, least * most), largest * most), total)

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
MUTANTS = [Faults("int4", 4), Faults("fp16-small", 6)]
