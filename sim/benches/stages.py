"""Bench of hw.stages: registers in a row give what they got, in order, and hold it."""

from typing import Any

import cocotb

from sim.benches import Case, names, parameters
from sim.benches.block import BlockBench

WIDTH = 8  # bits
WORDS = 300


class StagesBench(BlockBench):
    """Words of WIDTH bits, out as they came in."""

    def __init__(self, dut: Any, **stalls: float):
        super().__init__(dut, **stalls)
        self.latency = parameters()["count"]

    def random_word(self) -> int:
        return self.random.getrandbits(WIDTH)

    def golden(self, word: int) -> list[int]:
        return [word]


@cocotb.test
@cocotb.parametrize(stall_in=[0.0, 0.5], stall_out=[0.0, 0.5])
async def words_match_golden(dut: Any, stall_in: float, stall_out: float) -> None:
    bench = StagesBench(dut, stall_in=stall_in, stall_out=stall_out)
    bench.send_random(WORDS)
    await bench.matches_golden(WORDS, lambda count: count + bench.latency)


@cocotb.test
async def a_stalled_output_lets_exactly_latency_words_in(dut: Any) -> None:
    await StagesBench(dut, stall_out=1.0).holds_latency_words()


@cocotb.test
@cocotb.parametrize(stall_out=[0.0, 0.5, 1.0])
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any, stall_out: float) -> None:
    await StagesBench(dut, stall_out=stall_out).forgets_at_reset()


def case(count: int) -> Case:
    """`count` registers."""

    def build() -> tuple[str, str]:
        # not above: the simulator's process imports this module and has no need of Amaranth
        from hw.emit import verilog
        from hw.stages import definition

        registers = definition(WIDTH, count)
        return verilog(registers), registers.name

    return Case(f"x{count}", build, {"count": count})


CASES = [case(1), case(2), case(5)]
QUICK = {"icarus": names(CASES), "verilator": ["x2"]}
EXTREME = CASES
MUTANTS = ()  # tests/sim/test_mutate.py: every fault of them
