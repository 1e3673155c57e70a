"""Requantise points: whether a matrix product's results leave as codes for the next product, or as sums for
the host.

A product leaves the array as codes if nothing needs its real value: all its readers, through operators that
only move elements (or scale them all alike), are factors of other products, in formats that hold the codes.
Any other product leaves as sums, which the host scales to float32.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from golden.division import ceil_div
from golden.formats import Int
from mapping.layers import ProductLayer, layer, layers
from mapping.network import Network, Node, ShapeNetwork
from mapping.target import Target

MOVING = ("Flatten", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze")


def constant_factor(node: Node, constants: Mapping[str, np.ndarray]) -> float | None:
    """The positive number by which a Mul or Div by a constant multiplies its first input, or None."""
    if node.operator not in ("Mul", "Div") or len(node.inputs) != 2:
        return None
    value = constants.get(node.inputs[1])
    if value is None or value.size != 1:
        return None
    number = float(value.reshape(-1)[0])
    if not 0 < number < float("inf"):
        return None
    return number if node.operator == "Mul" else 1 / number


def factor_through(node: Node, constants: Mapping[str, np.ndarray]) -> float | None:
    """The number by which `node` multiplies its first input's elements; None if it does more than
    move them."""
    return 1.0 if node.operator in MOVING else constant_factor(node, constants)


@dataclass(frozen=True, slots=True)
class TensorRead:
    """A layer that reads a tensor: as its factor 0 or 1 (`place`), `factor` times the tensor's value."""

    layer: str
    place: int
    factor: float


def readers(network: Network, tensor: str) -> list[TensorRead] | None:
    """The products that read `tensor`, if nothing else does; a network's output is also read outside."""
    consumers, found = network.consumers(), []
    waiting = [(tensor, 1.0)]
    while waiting:
        current, factor = waiting.pop()
        if current in network.outputs:
            return None
        for node in consumers.get(current, ()):
            places = [i for i, name in enumerate(node.inputs) if name == current]
            if node.is_product and max(places) < 2:
                found += [TensorRead(node.name, i, factor) for i in places]
                continue
            through = factor_through(node, network.constants)
            if places != [0] or through is None:
                return None
            waiting += [(output, factor * through) for output in node.outputs]
    return found or None


def factor_format(target: Target, place: int) -> Int:
    """Format of a product's factor 0 (activations) or 1 (weights)."""
    fmt: Int = target.unit.pe.weight if place else target.unit.pe.activation
    return fmt


def leaves_as_codes(network: Network, x: ProductLayer, target: Target) -> list[TensorRead] | None:
    """The readers of a layer's codes, or None if it leaves as sums.

    The requantiser has a scale and a bias for each column, the same for a whole batch: weights that differ
    within it (a convolution's groups), an activation other than ReLU, or a bias that is no vector [n], are
    left to the host.
    """
    if x.constant_weights and x.gemm.batch > 1:
        return None
    if x.activation not in (None, "Relu") or not channel_bias(network, x):
        return None
    if not x.constant_weights and not target.unit.pe.activation.signed:
        return None  # the zero point's share of a sum is then known to the host alone
    found = readers(network, x.output_name)
    out = target.unit.out
    if found and all(factor_format(target, read.place).holds(out.min, out.max) for read in found):
        return found
    return None


def channel_bias(network: Network, x: ProductLayer) -> bool:
    """No bias, or a constant one for each column."""
    name = x.inputs[2] if len(x.inputs) > 2 else ""
    if not name:
        return True
    value = network.constants.get(name)
    if value is None:
        return False
    return value.size == 1 or value.shape[-1] == value.size == x.gemm.batch * x.gemm.n


def result_bits(network: Network | ShapeNetwork, target: Target) -> dict[str, int]:
    """Bits that a result of each layer takes in memory: those of a code, or of a sum in whole bytes."""
    if isinstance(network, ShapeNetwork):
        return {x.name: target.unit.out.width for x in layers(network)}
    sums = ceil_div(target.unit.pe.accumulator.width, 8) * 8
    found = [layer(network, node) for node in network.nodes if node.is_product]
    codes = {x.name for x in found if leaves_as_codes(network, x, target)}
    return {x.name: target.unit.out.width if x.name in codes else sums for x in found}
