"""Steps without a program: their commands are counted, once for all steps that are alike.

No token is given, no command is encoded, no constant computed, and weights may be unknown.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from golden.accelerator.assembler import Command, legal
from golden.accelerator.commands import Opcode
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.aliases import aliases
from mapping.backends.program.builder import Builder, Step
from mapping.backends.program.compiler import Compiler
from mapping.backends.program.dependencies import complete
from mapping.backends.program.scratchpad_allocation import Chunk, Regions
from mapping.ir import graph
from mapping.unknown import is_unknown, unknown


class Listed:
    """A list of commands in place of mapping.backends.program.dependencies.TokenSchedule."""

    def __init__(self) -> None:
        self.given: list[Command] = []

    def emit(self, opcode: Opcode, fields: dict[str, int], **touched: object) -> None:
        """Append a command; the words that it touches are ignored."""
        self.given.append(legal(opcode, complete(opcode, fields)))


class ConstantSizes:
    """Sizes of constants, in place of scratchpad_allocation.Constants."""

    def __init__(self, lanes: int):
        self.lanes, self.bytes = lanes, 0
        self.known: dict[bytes, int] = {}

    def chunk(self, *words: np.ndarray) -> Chunk:
        """A chunk of arrays uint8 [..., lanes]; known arrays that are small as a table are stored once."""
        key = b"" if len(words) > 1 or is_unknown(words[0]) else words[0].tobytes()
        count = sum(each.size for each in words) // self.lanes
        offset = self.known.get(key, self.bytes)
        if offset == self.bytes:
            self.bytes += count * self.lanes
            if key:
                self.known[key] = offset
        return Chunk(offset, count)

    def again(self, chunk: Chunk) -> Chunk:
        """A second chunk of the same constants, to load them another time."""
        return Chunk(chunk.offset, chunk.words)


Asked = tuple[int, list[Command], list[Command]]  # the number of its commands, its loads, its work


@dataclass(slots=True)
class TakenStep:
    """A step and its commands. name: its operation's.

    alike   a number that all steps with the same commands share
    loads   commands that load its operands; work: all others
    chunks  constants that it is the first to need; constants: their words
    """

    name: str
    step: Step
    alike: int
    loads: Sequence[Command]
    work: Sequence[Command]
    chunks: int
    constants: int


@dataclass(slots=True)
class NetworkSteps:
    """A network's steps, in order."""

    network: graph.CodedNetwork
    p: AcceleratorParams
    builder: Builder = field(init=False)
    made: int = 0
    known: dict[Hashable, Asked] = field(default_factory=dict)
    loaded: set[int] = field(default_factory=set)

    def __iter__(self) -> Iterator[TakenStep]:
        """Yield a TakenStep for each step; steps that are alike share its commands."""
        compiler = Compiler(self.network, self.p, 0)
        compiler.aliases = aliases(self.network, self.p)
        constants: Any = ConstantSizes(self.p.lanes)
        places = compiler.unplaced()
        for name, alias in compiler.aliases.items():
            places[name] = replace(places[name], pitch=alias.pitch)
        self.builder = Builder(self.p, self.network, places, constants, Regions(self.p), compiler.aliases)
        listed: Any = Listed()
        self.builder.schedule = listed
        own: Sequence[str] | None = None
        for name, step in compiler.steps(self.builder):
            if step.reads is not own:  # an operation's steps share a list
                own = step.reads
                self.known.clear()
                self.loaded.clear()
            new = [chunk for chunk in step.chunks if chunk.scratch < 0]
            for chunk in new:
                chunk.scratch = 0
            yield TakenStep(name, step, *self.taken(step), len(new), sum(chunk.words for chunk in new))

    def root(self, tensor: str) -> str:
        """The tensor within whose memory `tensor` stands."""
        alias = self.builder.aliases.get(tensor)
        return alias.root if alias else tensor

    def taken(self, step: Step) -> Asked:
        """A step's commands and their number."""
        if step.alike is None:
            return self.asked(step, ())
        first = step.tile is None or step.tile not in self.loaded
        if step.tile is not None:
            self.loaded.add(step.tile)
        table = self.builder.table.offset if self.builder.table else -1
        key = (step.alike, first, table)
        if key not in self.known:
            self.builder.regions = Regions(self.p)
            self.known[key] = self.asked(step, () if first else (step.load,))
        return self.known[key]

    def asked(self, step: Step, before: Iterable[Callable[[], None]]) -> Asked:
        """The commands of a step that is like none before. before: emits the loads that an earlier step has
        made for it."""
        listed: Any = self.builder.schedule
        listed.given, at = [], 0
        for chunk in step.chunks:  # one behind the other, as a step wants them
            chunk.scratch, at = at, at + chunk.words
        for load in before:
            load()
        listed.given = []
        step.load()
        loads, listed.given = listed.given, []
        step.work()
        self.made += 1
        return self.made, loads, listed.given


def with_unknown_weights(network: graph.CodedNetwork) -> graph.CodedNetwork:
    """The network with unknown weights of products."""
    operations = tuple(
        replace(o, weights=unknown(o.weights.shape, o.weights.dtype)) if isinstance(o, graph.Product) else o
        for o in network.operations
    )
    return replace(network, operations=operations)
