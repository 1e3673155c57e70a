"""A coded network with operations on the host, as programs one after the other, codes handed over between.

Each part takes all that can be done before the next: operations of the units as long as one is ready, then
those of the host.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.compiler import Program, compile
from mapping.ir import graph
from mapping.ir.graph import CodedNetwork
from mapping.ir.verify import reads, writes
from mapping.legalise.float_network import quantise
from mapping.legalise.hosting import culprit, hosted
from mapping.network import Network
from mapping.refused import Refused
from mapping.run.quantised import Call, Values, host, start

Execute = Callable[[Program, np.ndarray], None]  # runs a program in a memory


@dataclass(frozen=True, slots=True)
class Segment:
    """Operations of the units: a network of their own, and its program."""

    network: CodedNetwork
    program: Program


Part = Segment | graph.Host


def parts(network: CodedNetwork, p: AcceleratorParams) -> tuple[Part, ...]:
    """Programs and operations of the host, in order; one program of the whole network if it needs no host.

    raises  Refused, naming an operation that no unit takes
    """
    if not any(isinstance(o, graph.Host) for o in network.operations):
        return (Segment(network, compile(network, p)),)
    known = {*network.inputs, *(name for name, t in network.tensors.items() if t.data is not None)}
    left, found = list(network.operations), list[Part]()
    while left:
        for on_host in (False, True):
            ready = []
            for o in left:
                if isinstance(o, graph.Host) == on_host and known.issuperset(reads(o)):
                    ready.append(o)
                    known.update(writes(o))
            left = [o for o in left if not known.issuperset(writes(o))]
            if on_host:
                found += [o for o in ready if isinstance(o, graph.Host)]
            elif ready:
                own = alone(network, ready, left, len(found))
                found.append(Segment(own, compile(own, p)))
    return tuple(found)


def alone(
    network: CodedNetwork, own: Sequence[graph.Operation], after: Sequence[graph.Operation], number: int
) -> CodedNetwork:
    """A network of these operations. after: which read what they make."""
    made = {name for o in own for name in writes(o)}
    given = {name for o in own for name in reads(o)} - made
    wanted = {*network.outputs, *(new for _, new in network.state), *(n for o in after for n in reads(o))}
    tensors = {name: network.tensors[name] for name in (*given, *made)}
    return replace(
        network,
        name=f"{network.name}, program {number}",
        tensors=tensors,
        operations=tuple(own),
        inputs=tuple(name for name in tensors if name in given and tensors[name].data is None),
        outputs=tuple(name for name in tensors if name in made & wanted),
        state=(),
        initial={},
    )


class Programs:
    """A network's parts, step after step. memories: of each program, by its place among the parts.

    A state stays in its program's memory, or on the host where there are several programs.
    """

    def __init__(self, network: CodedNetwork, p: AcceleratorParams, made: Sequence[Part]) -> None:
        self.network, self.p, self.parts = network, p, made
        self.memories = {
            place: part.program.memory.copy() for place, part in enumerate(made) if isinstance(part, Segment)
        }
        self.state: Values = {}

    def step(self, codes: Mapping[str, np.ndarray], execute: Execute) -> Values:
        """Outputs' codes, by name."""
        whole = len(self.parts) == 1
        values: Values = dict(codes) if whole else start(self.network, {**codes, **self.state})
        for place, part in enumerate(self.parts):
            if isinstance(part, graph.Host):
                values.update(host(Call(self.network, self.p, values), part))
                continue
            memory, program = self.memories[place], part.program
            for name in part.network.inputs:
                if name in values:
                    program.write(memory, name, values[name])
            execute(program, memory)
            values.update({name: program.read(memory, name) for name in part.network.outputs})
        if not whole:
            self.state = {old: values[new] for old, new in self.network.state}
        return {name: values[name] for name in self.network.outputs}


def quantise_with_host(
    network: Network, p: AcceleratorParams, samples: Sequence[Mapping[str, np.ndarray]], method: str = "max"
) -> tuple[CodedNetwork, tuple[Part, ...]]:
    """The network in codes, and its parts: what no unit takes is on the host, node by node.

    raises  BadValue where it is not a node of the network that is refused, or the host cannot take it either
    """
    reasons: dict[str, str] = {}
    while True:
        try:
            coded = quantise(hosted(network, reasons), p, samples, method=method)
            return coded, parts(coded, p)
        except Refused as bad:
            node = culprit(network, bad.name, reasons)
            if node is None:
                raise check.BadValue(str(bad)) from None
            reasons[node.name] = str(bad)
