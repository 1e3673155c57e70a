"""Segments: a coded network with operations on the host, as programs one after the other that hand over
codes.

Each segment takes all operations that can be done before the next: the units' operations while any is ready,
then the host's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from golden import check
from golden.accelerator.params import AcceleratorParams
from mapping.backends.program.compiler import Program, compile
from mapping.backends.streams import gemm_of
from mapping.ir import graph
from mapping.ir.graph import CodedNetwork
from mapping.ir.verify import reads, writes
from mapping.legalise.hosting import culprit, hosted
from mapping.network import Network
from mapping.refused import Refused
from mapping.run.quantised import RULES, Call, Values, start

Run = Callable[[int, Mapping[str, np.ndarray]], Values]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Segment(Generic[Made]):
    """Operations of the units as a network of their own, with its program (or what a plan makes in its
    place)."""

    network: CodedNetwork
    program: Made


Part = Segment[Program] | graph.Host
Compile = Callable[[CodedNetwork, AcceleratorParams], Made]


def parts(network: CodedNetwork, p: AcceleratorParams, host: bool = False) -> tuple[Part, ...]:
    """Programs and operations of the host, in order; one program of the whole network if it needs no host."""
    return parted(network, p, compile, host)


def parted(
    network: CodedNetwork, p: AcceleratorParams, make: Compile[Made], host: bool
) -> tuple[Segment[Made] | graph.Host, ...]:
    """The same, with the results of `make` in place of programs.

    host    whether operations that `make` refuses go to the host
    raises  Refused, naming an operation that no unit accepts
    """
    while True:
        try:
            return divided(network, p, make)
        except Refused as bad:
            refused = [o for o in network.operations if o.name == bad.name and not isinstance(o, graph.Host)]
            if not (host and refused):
                raise
            there = on_host(network, p, refused[0], str(bad))
            operations = tuple(there if o is refused[0] else o for o in network.operations)
            network = replace(network, operations=operations)


def on_host(network: CodedNetwork, p: AcceleratorParams, o: graph.Operation, reason: str) -> graph.Host:
    """The same operation as one of the host, with the reason."""
    given, made = reads(o), writes(o)

    def compute(codes: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = RULES[type(o)](Call(network, p, dict(zip(given, codes, strict=True))), o)
        return [found[name] for name in made]

    gemm = gemm_of(network, o)
    return graph.Host(
        name=o.name, x=given[0], others=tuple(given[1:]), y=made[0], results=tuple(made[1:]),
        operator=graph.operator_of(o), reason=reason, macs=gemm.macs if gemm else 0, compute=compute,
    )  # fmt: skip


def divided(
    network: CodedNetwork, p: AcceleratorParams, make: Compile[Made]
) -> tuple[Segment[Made] | graph.Host, ...]:
    """The parts of a network whose refused operations are already the host's."""
    if not any(isinstance(o, graph.Host) for o in network.operations):
        return (Segment(network, make(network, p)),)
    known = {*network.inputs, *(name for name, t in network.tensors.items() if t.data is not None)}
    left, found = list(network.operations), list[Segment[Made] | graph.Host]()
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
                found.append(Segment(own, make(own, p)))
    return tuple(found)


def alone(
    network: CodedNetwork, own: Sequence[graph.Operation], after: Sequence[graph.Operation], number: int
) -> CodedNetwork:
    """A network of these operations. after: the operations that read their results."""
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
    """A network's parts, run step after step. The state of a single program is its own; of several, the
    host's."""

    def __init__(self, network: CodedNetwork, p: AcceleratorParams, made: Sequence[Part]) -> None:
        self.network, self.p, self.parts = network, p, made
        self.state: Values = {}

    def step(self, codes: Mapping[str, np.ndarray], run: Run) -> Values:
        """Codes of the outputs, by name. run: called with a part's index and its inputs' codes; returns its
        outputs'."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Segment):
            return run(0, codes)
        values = start(self.network, {**codes, **self.state})
        for place, part in enumerate(self.parts):
            if isinstance(part, graph.Host):
                values.update(RULES[graph.Host](Call(self.network, self.p, values), part))
            else:
                values.update(run(place, {name: values[name] for name in part.network.inputs}))
        self.state = {old: values[new] for old, new in self.network.state}
        return {name: values[name] for name in self.network.outputs}


def with_host(network: Network, make: Callable[[Network], Made]) -> Made:
    """The result of `make` for the network, or for the network with the nodes that no rule takes moved to the
    host.

    raises  BadValue where the refusal is about no node of the network, or the host cannot take the node
            either
    """
    reasons: dict[str, str] = {}
    while True:
        try:
            return make(hosted(network, reasons))
        except Refused as bad:
            node = culprit(network, bad.name, reasons)
            if node is None:
                raise check.BadValue(reasons.get(bad.name, str(bad))) from None
            reasons[node.name] = str(bad)
