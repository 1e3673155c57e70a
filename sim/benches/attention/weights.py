"""Bench of hw.attention.weights: a score and its row's maximum in, a power of two out."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import cocotb
import numpy as np

from golden.attention.weights import cycles, stages, weights
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


class WeightsBench(LaneBench):
    """Scores not above their maximum, where they count."""

    def stages(self) -> tuple[str, ...]:
        return stages(self.p)

    def fields(self) -> Mapping[str, int]:
        return {"score": self.p.score.width, "top": self.p.octave.width, "keep": 1}

    def results(self) -> Mapping[str, int]:
        return {"weight": self.p.weight.width}

    def least_top(self, score: int) -> int:
        """The ceiling of a score."""
        return -(-score >> self.p.fraction)

    def every(self) -> Iterable[Mapping[str, int]]:
        p = self.p
        if p.score.width + p.octave.width > NARROW:
            return
        for score in range(p.score.min, p.score.max + 1):
            for top in range(self.least_top(score), self.least_top(p.score.max) + 1):
                yield self.codes(score, top, 1)

    def codes(self, score: int, top: int, keep: int) -> Mapping[str, int]:
        p = self.p
        return {"score": code(score, p.score.width), "top": code(top, p.octave.width), "keep": keep}

    def random_fields(self) -> Mapping[str, int]:
        """Any fraction; near the maximum, or anywhere below; one in four does not count, and is anything."""
        p, random = self.p, self.random
        score = random.randint(p.score.min, p.score.max)
        if not random.randrange(4):
            score = random.choice((p.score.min, p.score.max, 0, -1, score >> p.fraction << p.fraction))
        least, most = self.least_top(score), self.least_top(p.score.max)
        top = min(most, least + random.randrange(4)) if random.randrange(2) else random.randint(least, most)
        if random.randrange(4):
            return self.codes(score, top, 1)
        return self.codes(score, random.randint(p.octave.min, p.octave.max), 0)

    def expected(self, fields: Mapping[str, int]) -> Mapping[str, int | None]:
        p = self.p
        if not fields["keep"]:
            return {"weight": 0}
        score, top = signed(fields["score"], p.score.width), signed(fields["top"], p.octave.width)
        return {"weight": int(weights(p, np.array([score]), np.array([top]))[0])}


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def weights_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = WeightsBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.matches_golden(bench.send_words(), lambda count: cycles(bench.p, count))


@cocotb.test
async def a_stalled_output_lets_exactly_latency_words_in(dut: Any) -> None:
    await WeightsBench(dut, stall_out=1.0).holds_latency_words()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    await WeightsBench(dut, stall_out=stall_out).forgets_at_reset()


case = partial(lane_case, "weights")
CASES = [
    case("int16-lines"),
    case("int16-table", segment_bits=8, degree=0),
    case("int20-quadratics", **HALF),
    case("int10-quadratics", **SMALL_HALF),
    case("int16-w8", **INT4),
    case("tiny", **TINY),
    case("tiny-table", **TINY | {"degree": 0, "segment_bits": 3}),
]
QUICK = {"icarus": ["tiny", "tiny-table"], "verilator": ["int16-lines", "int20-quadratics"]}
LONG = {"verilator": names(CASES)}
EXTREME = [case("int20-quadratics", **HALF), case("table", segment_bits=8, degree=0)]
MUTANTS = [Faults("tiny", 6)]
