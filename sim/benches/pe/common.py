"""The bench of every PE of a systolic array: operands each cycle, the sum `latency` later; no handshake.

A PE's own bench is its CASES, and these tests by their import:

    from sim.benches.pe.common import a_reset_changes_no_sum, case, sums_match_golden
"""

from collections.abc import Callable
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, Timer

from sim.benches import Case, parameters, seed
from sim.benches.pe import vectors
from sim.benches.pe.vectors import PeVectors, golden_codes, module_of, params_of
from sim.benches.stream import text

COUNT = 1500
PERIOD = 10  # ns


class PeBench:
    """Drives the ports, keeps what stood at them in each cycle. clk is driven by hand: a PE may have none."""

    def __init__(self, dut: Any):
        given = parameters()
        self.dut, self.module = dut, module_of(given["kind"])
        self.p = params_of(given["kind"], given["params"])
        self.exhaustive: bool = given["exhaustive"]
        self.latency: int = self.module.latency(self.p)
        self.clocked = hasattr(dut, "clk")
        self.seen: dict[str, list[int]] = {name: [] for name in (*PeVectors._fields, "acc_out")}

    def stimulus(self, rng: np.random.Generator, exhaustive: bool) -> list[tuple[int, ...]]:
        """All corners crossed, then every pair of operands, or random ones; in a random order."""
        pairs = vectors.every_pair if exhaustive else vectors.random_pairs
        more = () if exhaustive else (COUNT,)
        parts = (vectors.crossed(self.module, self.p), pairs(self.module, self.p, rng, *more))
        words = np.concatenate([np.stack(part, 1) for part in parts])
        return [tuple(word) for word in rng.permutation(words).tolist()]

    def aligned(self, words: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """What stands at the ports, cycle by cycle: a running sum `latency` cycles behind its operands."""
        behind = [words[0]] * self.latency
        pairs = zip([*words, *behind], [*behind, *words], strict=True)
        return [(weight, activation, acc) for (weight, activation, _), (_, _, acc) in pairs]

    async def cycle(self, operands: tuple[int, ...]) -> None:
        """One cycle: operands just after the edge, everything read when it has settled."""
        for name, code in zip(PeVectors._fields, operands, strict=True):
            getattr(self.dut, name).value = code
        if self.clocked:
            self.dut.clk.value = 0
        await Timer(PERIOD // 2, "ns")
        await ReadOnly()
        for name, codes in self.seen.items():
            bits = text(getattr(self.dut, name))
            codes.append(-1 if bits.strip("01") else int(bits, 2))
        await Timer(PERIOD // 2, "ns")
        if self.clocked:
            self.dut.clk.value = 1
            await Timer(1, "ns")

    def golden(self, given: PeVectors) -> np.ndarray:
        """acc_out, uint64 codes."""
        return golden_codes(self.module, self.p, given)

    def describe(self, given: PeVectors, index: int) -> str:
        """One set of operands."""
        return vectors.describe(self.p, given, index)

    def scoreboard(self) -> int:
        """Golden on what stood at the inputs, against acc_out; the number of sums compared."""
        count = len(self.seen["acc_out"]) - self.latency
        weight, activation = (np.array(self.seen[name][:count], np.uint64) for name in PeVectors._fields[:2])
        given = PeVectors(weight, activation, np.array(self.seen["acc_in"][self.latency :], np.uint64))
        golden = self.golden(given).tolist()
        for index, (found, wanted) in enumerate(
            zip(self.seen["acc_out"][self.latency :], golden, strict=True)
        ):
            what = self.describe(given, index) if found != wanted else ""
            assert found == wanted, f"cycle {index}: {what} gives {found:#x}, golden {wanted:#x}"
        return count


def tests_of(bench_of: Callable[[Any], PeBench]) -> tuple[Any, Any]:
    """The two tests of a bench: sums_match_golden, a_reset_changes_no_sum."""

    @cocotb.test
    async def sums_match_golden(dut: Any) -> None:
        bench = bench_of(dut)
        if bench.clocked:
            dut.rst.value = 0
        words = bench.stimulus(np.random.default_rng(seed()), bench.exhaustive)
        for operands in bench.aligned(words):
            await bench.cycle(operands)
        assert bench.scoreboard() == len(words)
        if bench.exhaustive:
            pairs = set(zip(bench.seen["weight"], bench.seen["activation"], strict=True))
            assert len(pairs) == 1 << bench.p.weight.width + bench.p.activation.width, "a pair was left out"

    @cocotb.test
    async def a_reset_changes_no_sum(dut: Any) -> None:
        """Operands are data: what is valid is known outside, and a PE in an array is never cleared."""
        bench = bench_of(dut)
        words = bench.stimulus(np.random.default_rng(seed() + 1), False)[:100]
        for index, operands in enumerate(words):
            if bench.clocked:
                dut.rst.value = int(index % 7 == 3)
            await bench.cycle(operands)
        assert bench.scoreboard() == len(words) - bench.latency

    return sums_match_golden, a_reset_changes_no_sum


sums_match_golden, a_reset_changes_no_sum = tests_of(PeBench)


def case(kind: str, name: str, /, *, exhaustive: bool = False, **params: Any) -> Case:
    """The PE of these parameters: formats as text, all else as it is.

    exhaustive  every pair of operands; else random ones. sim.pe_sweep tries many more.
    """

    def build() -> tuple[str, str]:
        from hw.emit import verilog  # the simulator's process, which imports this module, needs no Amaranth
        from hw.pe import definition

        block = definition(params_of(kind, params))
        return verilog(block), block.name

    return Case(name, build, {"kind": kind, "params": params, "exhaustive": exhaustive})
