"""Weights with a scale for each group of the depth: every group's sums are scaled and added, on the RTL."""

import sys
from pathlib import Path

import numpy as np
import pytest

from golden.accelerator import races
from golden.accelerator.assembler import Command, pack
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import Kind
from golden.accelerator.machine import Machine
from golden.accelerator.map_lanes import MapOperation
from golden.accelerator.registers import Cause
from sim.accelerator import Bus, RtlModel

sys.path.insert(0, str(Path(__file__).parent))
from programs import SMALL as P

pytestmark = pytest.mark.rtl

L, ROWS, GROUP = P.lanes, 9, 2 * P.lanes  # of depth
LEFT, TOP, PARAMETERS, SUMS, OUT = 0x1000, 0x2000, 0x4000, 0x6000, 0x7000
FRACTION = 8  # bits that the scaled sums have below 1


def words(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.ascontiguousarray(part).view(np.uint8).ravel() for part in parts])


class Grouped:
    """y = sum over groups of scale[g] (x_g w_g); w [groups * GROUP, L], scale [groups, L]."""

    def __init__(self, groups: int, seed: int):
        random = np.random.default_rng(seed)
        self.groups = groups
        self.x = random.integers(-128, 128, (ROWS, groups * GROUP))
        self.w = random.integers(-128, 128, (groups * GROUP, L))
        self.multiplier = random.integers(1, 1 << 20, (groups, L))
        self.shift = 20 - FRACTION  # scale = multiplier / 2^20

    def parameters(self, group: int) -> np.ndarray:
        """No bias, a multiplier for each lane, one shift; the last set takes FRACTION off."""
        last = group == self.groups
        multiplier = np.ones(L, np.uint32) if last else self.multiplier[group].astype(np.uint32)
        shift = np.full(L, FRACTION if last else self.shift, np.uint8)
        return words(np.zeros(L, np.int32), multiplier, shift)

    def memory(self) -> np.ndarray:
        memory = np.zeros(1 << 15, np.uint8)
        sets = [self.parameters(group) for group in range(self.groups + 1)]
        for place, block in (
            (LEFT, words(self.x.astype(np.int8))),
            (TOP, words(self.w.astype(np.int8))),
            (PARAMETERS, np.concatenate(sets)),
        ):
            memory[place : place + len(block)] = block
        program = words(np.frombuffer(pack(self.commands()), np.uint8))
        memory[: len(program)] = program
        return memory

    def commands(self) -> list[Command]:
        """A MULTIPLY and a MAP a group; from the second on the MAP adds to the sums of 32 bits."""
        deep = self.groups * GROUP // L  # words of a row of x
        left, top = 0, ROWS * deep
        sets = top + self.groups * GROUP
        sums = sets + 9 * (self.groups + 1)
        out = sums + 4 * ROWS
        load = [
            (left, LEFT, ROWS * deep),
            (top, TOP, self.groups * GROUP),
            (sets, PARAMETERS, 9 * (self.groups + 1)),
        ]
        made = [
            Command(
                Opcode.LOAD,
                (),
                ("matrix", "vector") if place == sets else (),
                {"scratch": place, "address": address, "words": count},
            )
            for place, address, count in load
        ]
        each = GROUP // L
        for group in range(self.groups):
            fields = {
                "left": left + group * each,
                "count_x": ROWS,
                "stride_x": deep,
                "count_k0": each,
                "stride_k0": 1,
                "top": top + group * GROUP,
                "top_row_stride": 1,
                "top_pass_stride": L,
            }
            made.append(Command(Opcode.MULTIPLY, () if group else ("load",), (), fields))
            fields = {
                "p": sets + 9 * group,
                "out": sums,
                "out_kind": Kind.WORD,
                "count0": ROWS,
                "out_stride0": 4,
            }
            if group:
                fields |= {
                    "operation": MapOperation.ADD,
                    "b": sums,
                    "b_kind": Kind.WORD,
                    "b_stride0": 4,
                    "b_multiplier": 1,
                }
            made.append(Command(Opcode.MAP, () if group else ("load",), (), fields))
        fields = {
            "a": sums,
            "a_kind": Kind.WORD,
            "a_stride0": 4,
            "p": sets + 9 * self.groups,
            "out": out,
            "out_kind": Kind.HALF,
            "count0": ROWS,
            "out_stride0": 2,
            "low": -32768,
            "high": 32767,
        }
        made.append(Command(Opcode.MAP, (), ("store",), fields))
        made.append(
            Command(Opcode.STORE, ("vector",), (), {"scratch": out, "address": OUT, "words": 2 * ROWS})
        )
        return [*made, Command(Opcode.END)]

    def wanted(self) -> np.ndarray:
        """int64 [ROWS, L]: each group's sums rounded to FRACTION bits, ties up, then their sum to none."""
        total = np.zeros((ROWS, L), np.int64)
        for group in range(self.groups):
            part = slice(group * GROUP, (group + 1) * GROUP)
            scaled = (self.x[:, part] @ self.w[part]) * self.multiplier[group]
            total += scaled + (1 << self.shift - 1) >> self.shift
        return np.clip(total + (1 << FRACTION - 1) >> FRACTION, -32768, 32767)


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("stalls", [0.0, 0.3])
def test_groups_are_dequantised_and_added(groups, stalls):
    job = Grouped(groups, groups)
    assert races.check(P, job.commands()) == []
    golden, memory = job.memory(), job.memory()
    Machine(P, golden).run(0, len(job.commands()))
    found = golden[OUT : OUT + 2 * ROWS * L].view(np.int16).reshape(ROWS, L)
    np.testing.assert_array_equal(found, job.wanted())
    assert np.abs(found).max() > 100
    result = RtlModel(P, memory).run(0, len(job.commands()), Bus(stalls=stalls))
    assert result.cause == Cause.NONE
    np.testing.assert_array_equal(memory, golden)
