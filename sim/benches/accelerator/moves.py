"""Random LOADs, FILLs, GATHERs and STOREs that stay inside memory, for the benches of load and store."""

from random import Random

import numpy as np

from golden.accelerator.assembler import Command
from golden.accelerator.commands import Opcode
from golden.accelerator.footprints import scratch_runs
from golden.accelerator.machine import Machine
from golden.accelerator.moves import rows, runs, words
from golden.accelerator.params import AcceleratorParams
from golden.systolic.params import MatrixUnitParams
from sim.benches import Case, verilog_case

SIZE = 1 << 14  # bytes of memory, at the end of the address space
BASE = (1 << 32) - SIZE
INDEX = 16  # words of the scratchpad, from 0 on, that hold row numbers
TABLE = 40  # rows that may be gathered
NUMBERS = 1024  # bytes of row numbers at the memory's beginning
Run = tuple[int, int]


def params_of(lanes: int, outstanding: int) -> AcceleratorParams:
    """The parameters of a case: a small scratchpad."""
    return AcceleratorParams(
        unit=MatrixUnitParams(rows=lanes, cols=lanes), banks=4, bank_words=64, outstanding=outstanding
    )


def number_of(command: Command) -> int:
    """A command's 512 bits."""
    return int.from_bytes(command.encode(), "little")


def cases_of(unit: str, *each: tuple[int, int]) -> list[Case]:
    """Of a unit: lanes, outstanding."""
    return [
        verilog_case(f"accelerator/units/{unit}", params_of, f"{n}-o{most}", lanes=n, outstanding=most)
        for n, most in each
    ]


class Moves:
    """Random commands, and golden's scratchpad and memory as they go on.

    longest  words of a command, about
    """

    def __init__(self, p: AcceleratorParams, random: Random):
        self.p, self.random, self.longest = p, random, 40
        generator = np.random.default_rng(random.getrandbits(32))
        self.machine = Machine(p, generator.integers(0, 256, SIZE, np.uint8), BASE)
        self.machine.scratch[:] = generator.integers(0, 256, self.machine.scratch.shape, np.uint8)
        self.good_numbers()

    def good_numbers(self) -> None:
        """Row numbers below the limit, in memory and in the scratchpad."""
        generator = np.random.default_rng(self.random.getrandbits(32))
        numbers = generator.integers(0, TABLE, NUMBERS // 4).astype("<i4").view(np.uint8)
        self.machine.memory[:NUMBERS] = numbers
        self.machine.scratch[:INDEX] = numbers[: INDEX * self.p.lanes].reshape(INDEX, -1)

    def loops(self) -> dict[str, int]:
        """words and counts."""
        random, left = self.random, self.longest
        counts = {}
        for name in random.sample(["words", "count1", "count2", "count3"], 4):
            counts[name] = random.choice((1, 1, 2, random.randint(1, max(1, left))))
            if counts[name] > left:
                counts[name] = 1
            left //= counts[name]
        return counts

    def move(self, opcode: Opcode) -> Command:
        """A LOAD or STORE whose runs lie in memory."""
        random, size = self.random, self.p.lanes
        counts = self.loops()
        while True:
            strides = [random.choice((0, counts["words"], random.randint(-60, 60))) * size for _ in range(3)]
            reach = [stride * (counts[f"count{i + 1}"] - 1) for i, stride in enumerate(strides)]
            low = -sum(min(0, r) for r in reach)
            high = SIZE - sum(max(0, r) for r in reach) - counts["words"] * size
            if low <= high:
                break
        address = BASE + random.choice((low, high, random.randint(low, high))) // size * size
        memory = {f"address_stride{i + 1}": stride for i, stride in enumerate(strides)}
        return Command(opcode, fields={**counts, **memory, "address": address, **self.places(counts)})

    def places(self, counts: dict[str, int]) -> dict[str, int]:
        """scratch and strides there, off the row numbers."""
        while True:
            found = {f"scratch_stride{i}": self.stride() for i in (1, 2, 3)}
            found["scratch"] = self.random.getrandbits(16)
            if self.machine.walked(scratch_runs({**counts, **found})).min() >= INDEX:
                return found

    def stride(self) -> int:
        """Most are small."""
        random = self.random
        return random.choice((0, 1, -1, random.randint(-8, 8), random.randint(-(1 << 15), (1 << 15) - 1)))

    def fill(self) -> Command:
        """A FILL."""
        counts = self.loops()
        value = self.random.getrandbits(16)
        return Command(Opcode.FILL, fields={**counts, **self.places(counts), "value": value})

    def new_numbers(self) -> Command:
        """A LOAD of row numbers into their place."""
        count = self.random.randint(1, INDEX)
        start = self.random.randrange(NUMBERS // self.p.lanes - count + 1) * self.p.lanes
        at = self.random.randrange(INDEX - count + 1)
        return Command(Opcode.LOAD, fields={"address": BASE + start, "scratch": at, "words": count})

    def gather(self, **given: int) -> Command:
        """A GATHER whose index is among the row numbers, wherever in a word they begin."""
        random, each = self.random, max(1, self.p.lanes // 4)
        length, index = random.randint(1, 5), random.randrange(INDEX)
        count = random.randint(1, min(12, (INDEX - index) * each))
        stride = random.choice((length, -length, random.randint(1, 9))) * self.p.lanes
        first = (TABLE - 1) * -stride if stride < 0 else 0
        counts = {"words": length, "count1": count, "count2": 1, "count3": 1}
        places = self.places(counts)
        fields = {
            "words": length, "count1": count, "index": index, "limit": TABLE, "address_stride1": stride,
            "address": BASE + NUMBERS + first, "scratch": places["scratch"],
            "scratch_stride1": places["scratch_stride1"],
        }  # fmt: skip
        return Command(Opcode.GATHER, fields=fields | given)

    def expect(self, command: Command) -> tuple[list[Run], int]:
        """Golden does the command: (its runs, words that it moves)."""
        fields = command.fields
        asked: list[Run] = []
        if command.opcode in (Opcode.LOAD, Opcode.STORE):
            asked = list(runs(self.p, fields))
        elif command.opcode == Opcode.GATHER:
            asked = list(rows(self.p, fields, self.numbers(command)))
        self.machine.execute(command)
        return asked, words(fields)

    def numbers(self, command: Command) -> list[int]:
        """Row numbers of a GATHER, as the scratchpad has them now."""
        start = command.fields["index"]
        found = self.machine.scratch[start : start + INDEX].ravel()[: 4 * command.fields["count1"]]
        return [int(number) for number in found.view("<u4")]
