"""Random programs that are well formed: jobs of load, work and store, two at a time, each in its half.

A job's loads take a token of the store two jobs before, whose half they overwrite; its store gives it.
golden.accelerator.races says the same of each program in the bench.
"""

from itertools import pairwise
from random import Random

import numpy as np

from golden.accelerator.assembler import Command, pack
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS, Kind
from golden.accelerator.map_lanes import MAX_SHIFT, MapOperation
from golden.accelerator.params import AcceleratorParams

WORDS = {Kind.BYTE: 1, Kind.HALF: 2, Kind.WORD: 4}
Place = tuple[int, int]  # of a job's result: scratchpad address, words


class Maker:
    """A program and its memory, from a seed.

    memory    uint8: commands at 0, then sets of parameters, row numbers, random operands, room for results
    commands  of the program, END the last
    """

    def __init__(self, p: AcceleratorParams, random: Random, size: int, jobs: int):
        self.p, self.random, self.jobs = p, random, jobs
        self.memory = np.frombuffer(random.randbytes(size), np.uint8).copy()
        self.commands: list[Command] = []
        self.half = p.words // 2
        self.parameters, self.operands = size // 4, size // 2
        self.rows = self.parameters + 16 * BLOCK_WORDS * p.lanes
        self.results, self.limit = 3 * size // 4, size
        self.put_parameters()
        for number in range(jobs):
            self.job(number)
        self.commands.append(Command(Opcode.END))
        program = np.frombuffer(pack(self.commands), np.uint8)
        assert len(program) <= self.parameters, "more commands than room"
        self.memory[: len(program)] = program

    def put_parameters(self) -> None:
        """Sixteen sets, corners among them, and sixteen row numbers."""
        lanes, random = range(self.p.lanes), self.random
        for index in range(16):
            bias = [random.choice((0, random.randint(-(1 << 20), 1 << 20), -(1 << 31))) for _ in lanes]
            multiplier = [random.choice((1, random.getrandbits(31))) for _ in lanes]
            shift = [random.choice((0, random.randint(1, 48), MAX_SHIFT)) for _ in lanes]
            parts = (np.array(bias, "<i4"), np.array(multiplier, "<u4"), np.array(shift, np.uint8))
            block = np.concatenate([part.view(np.uint8) for part in parts])
            start = self.parameters + index * BLOCK_WORDS * self.p.lanes
            self.memory[start : start + len(block)] = block
        numbers = np.array([random.randrange(8) for _ in range(16)], "<i4").view(np.uint8)
        self.memory[self.rows : self.rows + len(numbers)] = numbers

    def job(self, number: int) -> None:
        """One job in its half."""
        self.base = self.place = number % 2 * self.half
        self.wait = ("store",) if number >= 2 else ()
        kinds = (self.product, self.product, self.elements, self.elements, self.rows_of, self.gathered)
        out, words = self.random.choice(kinds)()
        address = self.somewhere(self.results, self.limit, words)
        after = ("load",) if number + 2 < self.jobs else ()
        self.add(Opcode.STORE, ("vector",), after, scratch=out, words=words, address=address)
        if self.random.random() < 0.1:
            self.commands.append(Command(Opcode.FENCE))

    def add(self, opcode: Opcode, wait: tuple[str, ...], signal: tuple[str, ...], **fields: int) -> None:
        self.commands.append(Command(opcode, wait=wait, signal=signal, fields=fields))

    def room(self, words: int) -> int:
        """So many words of this job's half."""
        found, self.place = self.place, self.place + words
        assert self.place <= self.base + self.half, "a job too large for half the scratchpad"
        return found

    def somewhere(self, low: int, high: int, words: int) -> int:
        """A word's address from which on so many fit."""
        lanes = self.p.lanes
        return low + self.random.randrange((high - low) // lanes - words) * lanes

    def load(self, words: int, signal: tuple[str, ...] = (), address: int | None = None) -> int:
        """Words from memory, in one run or several; where they are."""
        scratch = self.room(words)
        if address is None:
            address = self.somewhere(self.operands, self.results, words)
        runs = self.random.choice([n for n in (1, 2, 3, 4) if words % n == 0])
        length = words // runs
        self.add(Opcode.LOAD, self.wait, signal, scratch=scratch, words=length, count1=runs, address=address,
                 address_stride1=length * self.p.lanes, scratch_stride1=length)  # fmt: skip
        self.wait = ()
        return scratch

    def block(self, signal: tuple[str, ...]) -> int:
        """One of the sets of parameters."""
        index = self.random.randrange(16)
        return self.load(BLOCK_WORDS, signal, self.parameters + index * BLOCK_WORDS * self.p.lanes)

    def tail(self, kind: Kind) -> dict[str, int]:
        """Fields of MAP for the operations behind requantisation."""
        random = self.random
        return {
            "out_kind": kind,
            "low": random.choice((-128, 0, -5)),
            "high": random.choice((127, 100)),
            "zero_point": random.randint(-20, 20),
            "function": random.choice((0, 0, *range(2, 2 + len(self.p.functions)))),
            "post_multiplier": random.choice((0, 0, random.getrandbits(16))),
            "post_shift": random.randrange(32),
        }

    def kind(self) -> Kind:
        return self.random.choice((Kind.BYTE, Kind.HALF, Kind.WORD))

    def product(self) -> Place:
        """A product and what follows it, sometimes with a residual."""
        random = self.random
        rows, passes, tiles = random.randint(1, 6), random.randint(1, 3), random.randint(1, 2)
        packed = self.p.packed_rows
        each = self.p.lanes // packed
        left = self.load(rows * passes)
        top = self.load(tiles * passes * each, ("matrix",))
        more = {}
        if random.random() < 0.3:
            b = self.load(tiles * rows)
            more = {"b": b, "b_kind": Kind.BYTE, "b_stride0": 1, "b_stride2": rows,
                    "operation": MapOperation.ADD, "b_multiplier": random.randint(-300, 300),
                    "b_shift": random.randrange(8)}  # fmt: skip
        p, kind = self.block(("vector",)), self.kind()
        size = WORDS[kind]
        out = self.room(tiles * rows * size)
        transpose = int(packed == 1 and random.random() < 0.3)
        cuts = [0, passes]
        if tiles == 1 and passes > 1 and random.random() < 0.7:  # in parts
            cuts.insert(1, random.randint(1, passes - 1))
        for first, end in pairwise(cuts):
            self.add(Opcode.MULTIPLY, () if first else ("load",), (), left=left + first, count_x=rows,
                     stride_x=passes, count_k0=end - first, stride_k0=1, tiles0=tiles,
                     top=top + first * each, top_row_stride=1, top_pass_stride=each,
                     top_tile_stride0=passes * each, transpose=transpose,
                     open=int(first > 0), more=int(end < passes))  # fmt: skip
        self.add(Opcode.MAP, ("load",), ("store",), p=p, out=out, count0=rows, count2=tiles, out_stride0=size,
                 out_stride2=rows * size, **self.tail(kind), **more)  # fmt: skip
        return out, tiles * rows * size

    def elements(self) -> Place:
        """Element by element, or a reduction; sometimes by a table."""
        random = self.random
        n0, n1, n2, n3 = (random.randint(1, 3) for _ in range(4))
        total = n0 * n1 * n2 * n3
        a_kind, out_kind, operation = self.kind(), self.kind(), random.choice(list(MapOperation))
        reduce = int(operation != MapOperation.ADD and random.random() < 0.4)
        tail = self.tail(out_kind)
        a = self.load(total * WORDS[a_kind])
        more: dict[str, int] = {}
        places = (1, n0, n0 * n1, n0 * n1 * n2)
        if operation in (MapOperation.MUL, MapOperation.ADD) or random.random() < 0.5:
            b_kind = random.choice((Kind.BYTE, Kind.HALF))
            more = {"b": self.load(total * WORDS[b_kind]), "b_kind": b_kind}
            more |= {f"b_stride{i}": place * WORDS[b_kind] for i, place in enumerate(places)}
        if random.random() < 0.3 and total < 20:
            self.add(Opcode.TABLE, ("load",), (), a=self.load(512 // self.p.lanes, ("vector",)))
            tail["function"] = 1
        p, size = self.block(("vector",)), WORDS[out_kind]
        steps, count = ((0, 0, 1, n2), n2 * n3) if reduce else (places, total)
        out = self.room(count * size)
        more |= {f"a_stride{i}": place * WORDS[a_kind] for i, place in enumerate(places)}
        more |= {f"out_stride{i}": step * size for i, step in enumerate(steps)}
        self.add(Opcode.MAP, ("load",), ("store",), a=a, p=p, out=out, a_kind=a_kind, operation=operation,
                 reduce=reduce, a_zero=random.randint(-128, 127), b_zero=random.randint(-128, 127),
                 a_unsigned=random.getrandbits(1), b_unsigned=random.getrandbits(1), count0=n0, count1=n1,
                 count2=n2, count3=n3, b_shift=random.randrange(12),
                 b_multiplier=random.randint(-3000, 3000), **more, **tail)  # fmt: skip
        return out, count * size

    def rows_of(self) -> Place:
        """Exponentials or norms of rows."""
        random = self.random
        vectors, rows = random.randint(1, 3), random.randint(1, 4)
        words = rows * vectors
        a = self.load(2 * words, ("vector",))
        common = {"a": a, "count0": vectors, "count1": rows, "a_stride0": 2, "a_stride1": 2 * vectors}
        if random.random() < 0.5:
            out = self.room(words + 2 * rows)
            self.add(Opcode.EXPONENTIAL, ("load",), ("store",), out=out, r=out + words, out_stride0=1,
                     out_stride1=vectors, r_stride1=2, length=random.randint(0, vectors * self.p.lanes),
                     length_step=random.randint(-1, 1), **common)  # fmt: skip
            return out, words + 2 * rows
        columns = random.getrandbits(1)
        out = self.room(2 * words)
        length = vectors if columns else random.randint(1, vectors * self.p.lanes)
        self.add(Opcode.NORMALISE, ("load",), ("store",), out=out, out_stride0=2, out_stride1=2 * vectors,
                 columns=columns, rms=random.getrandbits(1), length=length, epsilon=random.randint(1, 1000),
                 fraction=random.randrange(13), **common)  # fmt: skip
        return out, 2 * words

    def gathered(self) -> Place:
        """Rows by number in a filled place, through the vector unit."""
        words, rows = self.random.randint(1, 3), self.random.randint(1, 8)
        count = rows * words + 2
        index = self.load(4 * 16 // self.p.lanes, (), self.rows)
        a = self.room(count)
        self.add(Opcode.FILL, (), (), scratch=a, words=count, value=self.random.getrandbits(16))
        self.add(Opcode.GATHER, (), (), scratch=a, words=words, count1=rows, index=index, limit=8,
                 address=self.somewhere(self.operands, self.results, 8 * words),
                 address_stride1=words * self.p.lanes, scratch_stride1=words)  # fmt: skip
        p, out = self.block(("vector",)), self.room(count)
        self.add(Opcode.MAP, ("load",), ("store",), a=a, a_kind=Kind.BYTE, out_kind=Kind.BYTE, p=p, out=out,
                 count0=count, a_stride0=1, out_stride0=1, low=-128, high=127)  # fmt: skip
        return out, count
