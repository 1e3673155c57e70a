"""The builder that lowerings share: steps, loads and stores by address, constants, epilogues.

An operation is lowered to steps. The constants of a step are loaded first (see the module `prefetch`), then
the step's `load` emits the loads of its operands, and `work` all its other commands.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from golden import check
from golden.accelerator.commands import Opcode
from golden.accelerator.elements import BLOCK_WORDS
from golden.accelerator.multiply import most_passes
from golden.accelerator.params import FIRST_FUNCTION, AcceleratorParams
from mapping.backends.program.aliases import Alias
from mapping.backends.program.dependencies import Span, TokenSchedule
from mapping.backends.program.layout import KINDS, Place, parameter_blocks, table_words
from mapping.backends.program.scratchpad_allocation import Chunk, Constants, Regions
from mapping.ir.graph import CodedNetwork, Epilogue
from mapping.refused import at

LONGEST = (1 << 16) - 1  # a field of a run or of a count
Loop = tuple[int, int, int]  # count, stride in memory (bytes), stride in the scratchpad (words)


def nothing() -> None:
    """Emit no command: the `load` or `work` of a step that has none."""


@dataclass(slots=True, kw_only=True)
class Step:
    """A step of an operation.

    load, work     emit its loads, and all its other commands
    chunks         its constants
    reads, writes  tensors; filled in by the compiler, one list for all steps of an operation
    ahead          whether constants of later steps may be prefetched behind it
    alike          a key: steps of one operation with the same key take the same commands, words and cycles;
                   None: this step is unlike all others
    tile           a number: of alike steps with the same number, the first loads operands that the others
                   find loaded; None: no other step shares them
    part           the share of x's rows that have been read, and of y's that are complete, after this step
    """

    chunks: Sequence[Chunk] = ()
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    load: Callable[[], None] = nothing
    work: Callable[[], None] = nothing
    ahead: bool = True
    alike: Hashable = None
    tile: int | None = None
    part: tuple[float, float] = (1.0, 1.0)


@dataclass(slots=True)
class Builder:
    """Emits the commands of steps.

    places    of all tensors; their addresses are known once the constants' size is
    first     address of the constants
    changing  address from which on memory changes while the program runs
    table     the table that the vector unit holds
    """

    p: AcceleratorParams
    network: CodedNetwork
    places: dict[str, Place]
    constants: Constants
    regions: Regions
    aliases: Mapping[str, Alias]
    first: int = 0
    changing: int = 0
    schedule: TokenSchedule = field(init=False)
    table: Chunk | None = None

    @property
    def lanes(self) -> int:
        return self.p.lanes

    def place(self, name: str) -> Place:
        """The place of a tensor."""
        return self.places[name]

    def multiply(self, name: str, fields: dict[str, int], reads: Sequence[Span]) -> None:
        """Emit a MULTIPLY of the operation `name`; Refused for more passes than a sum may have, as those
        of a window whose pixels are a pass each."""
        passes = prod(fields.get(f"count_k{loop}", 1) for loop in range(3))
        with at(name, f"operation {name}: "):
            what, why = f"passes of {self.lanes} products in a sum", f"pe.group over {self.lanes} rows"
            check.in_range(what, passes, 1, most_passes(self.p), why)
        self.schedule.emit(Opcode.MULTIPLY, fields, reads=reads)

    def memory_span(self, address: int, words: int, loops: Sequence[Loop]) -> list[Span]:
        """The words of memory that a command may touch, if any of them can change."""
        low, high = address, address + words * self.lanes
        for count, stride, _ in loops:
            low, high = low + min(0, (count - 1) * stride), high + max(0, (count - 1) * stride)
        return (
            [((low - self.changing) // self.lanes, (high - low) // self.lanes)]
            if low >= self.changing
            else []
        )

    def move(
        self, opcode: Opcode, address: int, scratch: int, words: int, loops: Sequence[Loop] = ()
    ) -> None:
        """LOAD or STORE: a run of words for each point of the loops, the last one innermost."""
        words, loops = self.merged(words, loops)
        if words > LONGEST:
            half = LONGEST // 2
            self.move(opcode, address, scratch, half, loops)
            self.move(opcode, address + half * self.lanes, scratch + half, words - half, loops)
            return
        if len(loops) > 3 or any(count > LONGEST for count, _, _ in loops):
            count, stride, scratch_stride = loops[0]
            for i in range(count):
                self.move(opcode, address + i * stride, scratch + i * scratch_stride, words, loops[1:])
            return
        fields = {"address": address, "scratch": scratch, "words": words}
        for number, (count, stride, scratch_stride) in enumerate(reversed(loops), 1):
            fields[f"count{number}"] = count
            fields[f"address_stride{number}"] = stride
            fields[f"scratch_stride{number}"] = scratch_stride
        here = [(scratch, words + sum((count - 1) * stride for count, _, stride in loops))]
        there = self.memory_span(address, words, loops)
        if opcode == Opcode.LOAD:
            self.schedule.emit(opcode, fields, writes=here, memory_reads=there)
        else:
            self.schedule.emit(opcode, fields, reads=here, memory_writes=there)

    def merged(self, words: int, loops: Sequence[Loop]) -> tuple[int, list[Loop]]:
        """The same words as a longer run and fewer loops, where neighbours in memory and scratchpad join."""
        kept: list[Loop] = []
        for count, stride, scratch_stride in reversed([loop for loop in loops if loop[0] > 1]):
            if not kept and stride == words * self.lanes and scratch_stride == words:
                words *= count
            elif kept and (stride, scratch_stride) == (kept[-1][0] * kept[-1][1], kept[-1][0] * kept[-1][2]):
                kept[-1] = (kept[-1][0] * count, *kept[-1][1:])
            else:
                kept.append((count, stride, scratch_stride))
        return words, kept[::-1]

    def load(self, address: int, scratch: int, words: int, loops: Sequence[Loop] = ()) -> None:
        self.move(Opcode.LOAD, address, scratch, words, loops)

    def store(self, address: int, scratch: int, words: int, loops: Sequence[Loop] = ()) -> None:
        self.move(Opcode.STORE, address, scratch, words, loops)

    def fill(
        self, scratch: int, words: int, value: int, loops: Sequence[tuple[int, int]] = (), size: int = 1
    ) -> None:
        """FILL with elements of `size` bytes, 1 or 2; loops: at most three (count, stride), the last one
        innermost."""
        if words < 1 or any(count < 1 for count, _ in loops):
            return
        pair = (value & 0xFF) * 0x101 if size == 1 else value & 0xFFFF
        fields = {"scratch": scratch, "words": words, "value": pair}
        for number, (count, stride) in enumerate(reversed(loops), 1):
            fields[f"count{number}"], fields[f"scratch_stride{number}"] = count, stride
        span = (scratch, words + sum((count - 1) * stride for count, stride in loops))
        self.schedule.emit(Opcode.FILL, fields, writes=[span])

    def load_chunk(self, chunk: Chunk) -> bool:
        """Load constants that are not in the scratchpad yet; False if there is no room."""
        if chunk.scratch < 0:
            if not self.regions.weights.place(chunk):
                return False
            self.load(self.first + chunk.offset, chunk.scratch, chunk.words)
        return True

    def function(self, epilogue: Epilogue, table: Chunk | None) -> int:
        """The number of an epilogue's function; its table, if it has one, is loaded into the vector unit
        first."""
        if epilogue.function == "none":
            return 0
        if epilogue.function != "table":
            return FIRST_FUNCTION + self.p.functions.index(epilogue.function)
        assert table is not None
        if self.table is None or self.table.offset != table.offset:
            self.schedule.emit(Opcode.TABLE, {"a": table.scratch}, reads=[(table.scratch, 512 // self.lanes)])
            self.table = table
        return 1

    def epilogue_fields(self, epilogue: Epilogue, table: Chunk | None, dtype: str) -> dict[str, int]:
        """The fields of MAP that an epilogue sets, without those of its parameter blocks."""
        word = dtype == "int32"
        return {
            "function": self.function(epilogue, table),
            "post_multiplier": epilogue.post_multiplier,
            "post_shift": epilogue.post_shift,
            "zero_point": 0 if word else epilogue.zero_point,
            "low": 0 if word else epilogue.low,
            "high": 0 if word else epilogue.high,
            "out_kind": KINDS[dtype],
        }

    def table_chunk(self, epilogue: Epilogue) -> list[Chunk]:
        """The table of an epilogue as constants, if it has one."""
        if epilogue.function != "table":
            return []
        assert epilogue.table is not None
        return [self.constants.chunk(table_words(self.p, epilogue.table))]

    def parameters(
        self, epilogue: Epilogue, channels: int, part: tuple[int, int] | None = None
    ) -> "Parameters":
        """An epilogue's parameter blocks as constants of their own; part: (first, count) of the vectors."""
        blocks = parameter_blocks(self.p, epilogue, channels)
        if len(blocks) == 1:
            return Parameters(self.constants.chunk(blocks), 0, 0)
        first, count = part or (0, len(blocks))
        return Parameters(self.constants.chunk(blocks[first : first + count]), 0, BLOCK_WORDS, first)


@dataclass(slots=True)
class Parameters:
    """Parameter blocks in a chunk from word `begin` on, the first for vector `first`; stride: 0 if one serves
    all."""

    chunk: Chunk
    begin: int
    stride: int
    first: int = 0

    def address(self, vector: int) -> int:
        """Address in the scratchpad of a vector's block."""
        return self.chunk.scratch + self.begin + (vector - self.first) * self.stride

    def fields(self, vector: int) -> dict[str, int]:
        """The fields of MAP for parameter blocks that change with loop 2, from vector `vector` on."""
        return {"p": self.address(vector), "p_stride": self.stride}

    def span(self, vector: int, vectors: int) -> Span:
        """The words of several vectors' blocks."""
        return self.address(vector), (vectors if self.stride else 1) * BLOCK_WORDS
