"""Bench of hw.attention.scores: sums of products in, octaves out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import cocotb

from golden.attention.arithmetic import CAP_INPUT, MAX_SHIFT, MULTIPLIER
from golden.attention.scores import Scaling, cycles, scores, stages
from sim.benches import Faults, names
from sim.benches.attention.lanes import (
    HALF,
    INT4,
    SMALL_HALF,
    TINY,
    LaneBench,
    code,
    lane_case,
    signed,
)


class ScoresBench(LaneBench):
    """Sums with multiplier, shift and, where the parameters have one, cap."""

    def stages(self) -> tuple[str, ...]:
        return stages(self.p)

    def fields(self) -> Mapping[str, int]:
        cap = {"cap": self.p.score.width - 1} if self.p.softcap else {}
        shift = MAX_SHIFT.bit_length()
        return {"dot": self.p.dot.width, "multiplier": MULTIPLIER.width, "shift": shift} | cap

    def results(self) -> Mapping[str, int]:
        return {"score": self.p.score.width, "clipped": 1}

    def random_fields(self) -> Mapping[str, int]:
        """Sums of every size; a shift that leaves about a score, or what tanh takes, or any."""
        p, random = self.p, self.random
        dot = random.randint(p.dot.min, p.dot.max) >> random.randrange(p.dot.width)
        if not random.randrange(4):
            dot = random.choice((p.dot.min, p.dot.max, 0, -1, 1))
        multiplier = random.choice((0, 1, MULTIPLIER.max, *(random.getrandbits(16) for _ in range(5))))
        width = random.choice((p.score.width, CAP_INPUT.width)) if p.softcap else p.score.width
        near = abs(dot * multiplier).bit_length() - width + random.randrange(-2, 8)
        shift = min(max(random.choice((near, random.randint(1, MAX_SHIFT))), 1), MAX_SHIFT)
        if p.softcap and not random.randrange(8):  # half of what tanh takes, as it is: nothing is clipped yet
            dot = (CAP_INPUT.max >> 1) * random.choice((1, -1)) + random.randint(-(1 << 14), 1 << 14)
            return {"dot": code(dot, p.dot.width), "multiplier": 2, "shift": 1, "cap": p.score.max}
        found = {"dot": code(dot, p.dot.width), "multiplier": multiplier, "shift": shift}
        if p.softcap:
            cap = random.choice((0, 1, p.score.max, random.getrandbits(p.score.width - 1)))
            found["cap"] = cap if random.randrange(3) else random.getrandbits(p.score.width - 1)
        return found

    def expected(self, fields: Mapping[str, int]) -> Mapping[str, int | None]:
        by = Scaling(
            multiplier=fields["multiplier"], shift=fields["shift"], cap=fields.get("cap", 0)
        )
        score, clipped = scores(self.p, [signed(fields["dot"], self.p.dot.width)], by)
        return {"score": code(int(score[0]), self.p.score.width), "clipped": int(clipped[0])}


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def scores_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = ScoresBench(dut, stall_in=stall_in, stall_out=stall_out)
    await bench.matches_golden(bench.send_words(), lambda count: cycles(bench.p, count))


@cocotb.test
async def a_stalled_output_lets_exactly_latency_words_in(dut: Any) -> None:
    await ScoresBench(dut, stall_out=1.0).holds_latency_words()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    await ScoresBench(dut, stall_out=stall_out).forgets_at_reset()


case = partial(lane_case, "scores")
CASES = [
    case("int8"),
    case("int4", **INT4),
    case("tiny", **TINY),
    case("fp16", **HALF),
    case("fp16-small", **SMALL_HALF),
    case("int8-softcap", softcap=True),
    case("fp16-softcap", **HALF, softcap=True),
]
QUICK = {"icarus": ["tiny", "int8-softcap"], "verilator": ["int8", "fp16-softcap"]}
LONG = {"verilator": names(CASES)}
EXTREME = [case("fp16-softcap", **HALF, softcap=True)]
MUTANTS = [Faults("int8-softcap", 6)]
