"""Helpers of passes: one rewrite at a time until none applies, and removal of dead nodes and constants."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from golden import check
from mapping.network import Network, Node


def until_settled(step: Callable[[Network], Network | None]) -> Callable[[Network], Network]:
    """The pass that repeats `step`, which makes one rewrite or returns None."""

    def settle(network: Network) -> Network:
        while (rewritten := step(network)) is not None:
            network = rewritten
        return network

    settle.__name__, settle.__doc__ = step.__name__, step.__doc__
    return settle


def changed(
    network: Network, *, nodes: Mapping[str, Node | None], constants: Mapping[str, np.ndarray] | None = None
) -> Network:
    """The network with the named nodes replaced (None: removed) and new constants, without dead nodes or
    constants."""
    constants = constants or {}
    placed = (nodes.get(node.name, node) for node in network.nodes)
    return remove_dead(
        replace(
            network,
            nodes=tuple(node for node in placed if node is not None),
            constants={**network.constants, **constants},
            shapes={**network.shapes, **{name: value.shape for name, value in constants.items()}},
        )
    )


def exchanged(network: Network, node: Node, move: Node, first: Node) -> Network:
    """The network with `move`, whose result `node` alone reads, behind `first`, which is `node` on what
    `move` reads."""
    then = replace(move, inputs=(*first.outputs, *move.inputs[1:]), outputs=node.outputs)
    nodes = [then if n.name == node.name else first if n.name == move.name else n for n in network.nodes]
    shapes = {**network.shapes, first.outputs[0]: network.shapes[move.inputs[0]]}
    return remove_dead(replace(network, nodes=tuple(nodes), shapes=shapes))


def sole_reader(network: Network, readers: Mapping[str, list[Node]], tensor: str) -> Node | None:
    """The node that alone reads `tensor`, once; None otherwise, or if it is an output of the network."""
    found = readers.get(tensor, [])
    return found[0] if len(found) == 1 and tensor not in network.outputs else None


def weights_of(network: Network, node: Node) -> np.ndarray | None:
    """The constant second factor of a matrix product."""
    return network.constants.get(node.inputs[1])


def bias_of(network: Network, node: Node, channels: int) -> np.ndarray | None:
    """The constant bias [channels] of a MatMul or Conv, zeros where it has none; None if it is computed."""
    if len(node.inputs) < 3 or not node.inputs[2]:
        return np.zeros(channels, np.float32)
    return network.constants.get(node.inputs[2])


def channel_vector(value: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray | None:
    """`value`, broadcast to `shape`, as a vector along `axis`; None if it varies along another."""
    if value.ndim > len(shape):
        return None
    axis %= len(shape)
    aligned = (1,) * (len(shape) - value.ndim) + value.shape
    if any(size != 1 for i, size in enumerate(aligned) if i != axis):
        return None
    return np.broadcast_to(value.reshape(-1), shape[axis : axis + 1])


def reduced_axes(node: Node, rank: int, constants: Mapping[str, np.ndarray]) -> list[int]:
    """The axes that a reduction takes, from the front; none where it takes none. BadValue where they are
    computed."""
    given = node.attributes.get("axes")
    if len(node.inputs) > 1 and node.inputs[1]:
        if node.inputs[1] not in constants:
            raise check.fail(f"input {node.inputs[1]}", "computed", "a constant")
        given = constants[node.inputs[1]].ravel().tolist()
    if not given:
        return [] if node.attributes.get("noop_with_empty_axes") else list(range(rank))
    return sorted({int(axis) % rank for axis in given})


def remove_dead(network: Network) -> Network:
    """The network without nodes and constants that no output needs. Inputs stay."""
    needed, kept = set(network.outputs), []
    for node in reversed(network.nodes):
        if needed & set(node.outputs):
            needed |= set(node.inputs)
            kept.append(node)
    constants = {name: value for name, value in network.constants.items() if name in needed}
    alive = {*constants, *network.inputs, *(t for node in kept for t in node.outputs)}
    shapes = {name: shape for name, shape in network.shapes.items() if name in alive}
    return replace(network, nodes=tuple(reversed(kept)), constants=constants, shapes=shapes)
