"""The compiler from a coded network to a program: places for tensors, steps for operations, commands with
tokens.

Memory holds, in order, constants, tensors by lifetime, and the commands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from golden import check
from golden.accelerator.assembler import Command, pack
from golden.accelerator.commands import TOKENS, Opcode
from golden.accelerator.params import COMMAND_BYTES, AcceleratorParams
from golden.division import ceil_div
from mapping.backends.program import moving
from mapping.backends.program.aliases import Alias, aliases
from mapping.backends.program.buffer_allocation import Life, allocate
from mapping.backends.program.builder import Builder, Step
from mapping.backends.program.dependencies import TokenSchedule, most_tokens
from mapping.backends.program.flatten import flattened
from mapping.backends.program.layout import Place
from mapping.backends.program.padding import masked
from mapping.backends.program.prefetch import Emission
from mapping.backends.program.rearrange import rearranged
from mapping.backends.program.scratchpad_allocation import Constants, Regions
from mapping.backends.program.split_depth import shallow
from mapping.backends.program.units import assign, lowerings, unit_of
from mapping.ir import graph
from mapping.ir.verify import reads, validate, writes
from mapping.refused import at

TOGETHER = 16  # commands that a token stands for, where there are not tokens enough for each

@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program for the accelerator.

    base      address of memory[0]
    memory    uint8: constants, the initial state, commands; 0 where results will stand
    places    of inputs, outputs and state, by name
    address   of the first command
    commands  64 bytes each
    ranges    (operation, first command, end) in order; only END belongs to no operation
    """

    name: str
    base: int
    memory: np.ndarray
    places: Mapping[str, Place]
    address: int
    listed: tuple[Command, ...]
    ranges: tuple[tuple[str, int, int], ...]

    @property
    def commands(self) -> bytes:
        """64 bytes each, as they stand in memory."""
        return self.memory[self.address - self.base :].tobytes()

    @property
    def count(self) -> int:
        """Number of commands."""
        return len(self.listed)

    def write(self, memory: np.ndarray, name: str, codes: np.ndarray) -> None:
        """Put an input's codes into `memory`, uint8 from `base` on."""
        check.one_of(f"{self.name}: tensor", name, self.places)
        place = self.places[name]
        start = place.address - self.base
        memory[start : start + place.bytes] = place.encode(codes)

    def read(self, memory: np.ndarray, name: str) -> np.ndarray:
        """An output's codes, int64, out of `memory`."""
        check.one_of(f"{self.name}: tensor", name, self.places)
        place = self.places[name]
        start = place.address - self.base
        return place.decode(memory[start : start + place.bytes])


def compile(network: graph.CodedNetwork, p: AcceleratorParams, base: int = 0) -> Program:
    """The program of a network; its memory begins at address `base`.

    raises  BadValue, naming the operation, if no unit accepts it, or if no tiling fits, with the size that it
            needs
    """
    validate(network, p)
    check.in_range("base", base, 0, (1 << 32) - 1)
    check.in_range(f"base modulo {COMMAND_BYTES}", base % COMMAND_BYTES, 0, 0)
    return Compiler(lowered(network, p), p, base).program()


def lowered(network: graph.CodedNetwork, p: AcceleratorParams) -> graph.CodedNetwork:
    """The network rewritten so that commands can execute each operation whole; BadValue naming one that no
    unit accepts."""
    assign(network, p)
    return masked(shallow(rearranged(flattened(network, p), p), p), p)


class TooFarAhead(Exception):
    """A unit would need more tokens for another than there are."""


@dataclass(slots=True)
class Compiler:
    """The compilation of one network."""

    network: graph.CodedNetwork
    p: AcceleratorParams
    base: int
    aliases: dict[str, Alias] = field(init=False)
    constants: Constants = field(init=False)

    def program(self) -> Program:
        """See `compile`.

        Where a unit would lead another by more commands than there are tokens, as one that stores a thousand
        sums before the first is loaded again, a token stands for several.
        """
        try:
            return self.attempt(1)
        except TooFarAhead:
            return self.attempt(TOGETHER)

    def attempt(self, together: int) -> Program:
        """The program with a token for `together` commands, see TokenSchedule."""
        self.constants = Constants(self.p.lanes)
        self.aliases = aliases(self.network, self.p)
        builder = Builder(self.p, self.network, self.places(), self.constants, Regions(self.p), self.aliases)
        steps = list(self.steps(builder))
        builder.first = self.base
        builder.changing = self.base + aligned(self.constants.bytes)
        end = self.put(builder)
        words = (end - builder.changing) // self.p.lanes
        builder.schedule = TokenSchedule(self.p.words, words, together)
        ranges = self.emit(builder, [step for _, step in steps], [name for name, _ in steps])
        builder.schedule.emit(Opcode.END, {})
        drafts = builder.schedule.drafts
        most, lead = TOKENS - self.p.queue - 1, most_tokens(drafts)
        if together == 1 and lead > most:
            raise TooFarAhead
        longest = max(ranges, key=lambda each: each[2] - each[1], default=("", 0, 0))[0]
        with at(longest, f"{self.network.name}: node {longest}: "):
            check.in_range("commands by which one unit leads another", lead, 0, most)
        return self.finished(builder, aligned(end), tuple(draft.command() for draft in drafts), ranges)

    def places(self) -> dict[str, Place]:
        """Places of all tensors: constants with their offset, the others without an address yet."""
        places = self.unplaced()
        for name, place in places.items():
            data = self.network.tensors[name].data
            if data is not None:
                words = place.encode(np.asarray(data).reshape(place.shape)).reshape(-1, self.p.lanes)
                places[name] = replace(place, address=self.constants.add(words))
        return places

    def unplaced(self) -> dict[str, Place]:
        """Places of all tensors, without addresses."""
        spread = self.spread()
        places = {}
        for name, tensor in self.network.tensors.items():
            shape = tensor.shape[:-1] if name in spread and tensor.data is not None else tensor.shape
            places[name] = Place(lanes=self.p.lanes, shape=shape, dtype=tensor.dtype, spread=name in spread)
        return places

    def spread(self) -> set[str]:
        """Tensors whose numbers have a vector each: the results of Exponential, and constants that a Map
        reads one a row."""
        found = set()
        for o in self.network.operations:
            if isinstance(o, graph.Exponential):
                found.add(o.r)
            if isinstance(o, graph.MatMul) and o.row_scale:
                found.add(o.row_scale)
            if isinstance(o, graph.Map) and o.b is not None:
                tensor, rows_of_x = self.network.tensors[o.b], self.network.tensors[o.x].shape
                if tensor.data is not None and tensor.shape[-1] == 1 and rows_of_x[-1] > 1:
                    found.add(o.b)
        return found

    def steps(self, builder: Builder) -> Iterator[tuple[str, Step]]:
        """The steps of all operations, each with the name of its operation."""
        for o in self.network.operations:
            given, made = reads(o), writes(o)
            with at(o.name):
                unit = unit_of(self.p, self.network.tensors, o)
                for step in lowerings(unit).OPERATIONS[type(o)](builder, o):
                    step.reads, step.writes = given, made
                    yield o.name, step
        for old, new in self.network.state:
            for step in moving.copy(builder, new, old):
                yield f"state {old}", step

    def put(self, builder: Builder) -> int:
        """Give every tensor its address; returns the end of the last tensor."""
        lives = self.lives()
        own = {name: place for name, place in builder.places.items() if name in lives}
        placed, end = allocate(own, lives, builder.changing)
        for name, tensor in self.network.tensors.items():
            if tensor.data is not None:
                builder.places[name] = replace(
                    builder.places[name], address=builder.first + builder.places[name].address
                )
            elif (alias := self.aliases.get(name, Alias(name, 0))).root in placed:
                address = placed[alias.root].address + alias.offset
                builder.places[name] = replace(builder.places[name], address=address, pitch=alias.pitch)
        return end

    def lives(self) -> dict[str, Life]:
        """Lifetimes of tensors that have memory of their own, extended over all tensors that stand within
        them."""
        last = len(self.network.operations)
        always = {*self.network.inputs, *(name for pair in self.network.state for name in pair)}
        lives: dict[str, Life] = {}

        def lives_at(name: str, time: int) -> None:
            if self.network.tensors[name].data is None:
                root = self.aliases[name].root if name in self.aliases else name
                begin, end = lives.get(root, (time, time))
                lives[root] = min(begin, time), max(end, time)

        for name in always:
            lives_at(name, 0)
            lives_at(name, last)
        for name in self.network.outputs:
            lives_at(name, last)
        for time, o in enumerate(self.network.operations):
            for name in (*reads(o), *writes(o)):
                lives_at(name, time)
        return lives

    def emit(self, builder: Builder, steps: list[Step], names: list[str]) -> tuple[tuple[str, int, int], ...]:
        """Emit all commands; returns the range of commands of each operation."""
        ranges: list[tuple[str, int, int]] = []

        def note(number: int) -> None:
            end = len(builder.schedule.drafts)
            begin = ranges[-1][2] if ranges else 0
            if ranges and ranges[-1][0] == names[number]:
                begin = ranges.pop()[1]
            ranges.append((names[number], begin, end))

        Emission(builder, steps, names).run(note)
        return tuple(ranges)

    def finished(
        self, builder: Builder, address: int, listed: tuple[Command, ...],
        ranges: tuple[tuple[str, int, int], ...],
    ) -> Program:  # fmt: skip
        """The program with the initial contents of its memory."""
        commands = pack(listed)
        memory = np.zeros(address - self.base + len(commands), np.uint8)
        image = self.constants.image()
        memory[: len(image)] = image
        memory[address - self.base :] = np.frombuffer(commands, np.uint8)
        state = {name for pair in self.network.state for name in pair}
        names = [*self.network.inputs, *self.network.outputs, *sorted(state)]
        program = Program(
            name=self.network.name,
            base=self.base,
            memory=memory,
            places={name: builder.places[name] for name in names},
            address=address,
            listed=listed,
            ranges=ranges,
        )
        for name, codes in self.network.initial.items():
            program.write(memory, name, codes)
        return program


def aligned(address: int) -> int:
    """The next address at which commands may stand."""
    return ceil_div(address, COMMAND_BYTES) * COMMAND_BYTES
