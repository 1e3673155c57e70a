"""Arrays of known shape and type whose elements are not known: one zero, broadcast, takes no memory.

A plan in closed form reads no weights: `without_weights` puts unknown arrays in their place, and code that
works on a network's weights asks `is_unknown` first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mapping.network import Network, Node, Shape


class Unknown(np.ndarray):
    """The type of the arrays that `unknown` makes, and of views; results computed from them have this type
    but are known."""


def unknown(shape: Shape, dtype: Any = np.float32) -> np.ndarray:
    """An array of a shape and type, its elements not known."""
    return np.broadcast_to(np.zeros((), dtype), shape).view(Unknown)


def is_unknown(values: np.ndarray) -> bool:
    """Whether all elements of an array are the single one that `unknown` made."""
    if not isinstance(values, Unknown):
        return False
    return not any(step for step, size in zip(values.strides, values.shape, strict=True) if size > 1)


def reals(values: np.ndarray) -> np.ndarray:
    """`values` as float64."""
    return unknown(values.shape, np.float64) if is_unknown(values) else np.asarray(values, np.float64)


def column_sums(values: np.ndarray) -> np.ndarray:
    """Sums over the first axis of integers [k, n]; 0 for unknown ones."""
    return np.zeros(values.shape[1], values.dtype) if is_unknown(values) else values.sum(axis=0)


def weights_of(node: Node) -> tuple[str, ...]:
    """Operands of a node that are weights, if they are constants."""
    if node.is_product:
        return node.inputs[:2]
    return node.inputs[:1] if node.operator == "Gather" else ()


def without_weights(network: Network) -> Network:
    """The network with unknown arrays in the place of its weights: products' factors, tables of reals."""
    names = {name for node in network.nodes for name in weights_of(node) if name in network.constants}
    found = {
        name: unknown(value.shape, value.dtype) for name in names
        if (value := network.constants[name]).dtype.kind == "f" and value.size > 1
    }  # fmt: skip
    return replace(network, constants={**network.constants, **found})


def values_of(network: Network) -> Mapping[str, np.ndarray]:
    """An unknown array for each tensor that a network computes or is given."""
    tensors = (*network.inputs, *(name for node in network.nodes for name in node.outputs if name))
    return {name: unknown(network.shapes[name], network.type_of(name)) for name in tensors}


def side_by_side(matrices: Sequence[np.ndarray]) -> np.ndarray:
    """Matrices [k, n] of as many rows as one."""
    if all(is_unknown(each) for each in matrices):
        return unknown((len(matrices[0]), sum(each.shape[1] for each in matrices)), matrices[0].dtype)
    return np.concatenate(matrices, axis=1)
