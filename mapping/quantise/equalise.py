"""Equalisation: channels scaled to similar ranges before they are coded in 8 bits, where that costs nothing.

    Y = A W = (A / e) (e W)

The vector unit requantises each channel by its own factor, so the result of a Normalise, of a product without
a function, or of a copy of 16-bit codes can be divided by e at no cost, if only products by constant weights
read it. e is chosen as in mapping.quantise.smoothquant.

Source: Xiao et al., SmoothQuant, ICML 2023, equation 4.
"""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from mapping.layers import layer
from mapping.legalise.coder import Coder
from mapping.legalise.products import is_weighted
from mapping.network import Node
from mapping.quantise.channels import quantise_channels
from mapping.quantise.smoothquant import Channels
from mapping.quantise.weights import real_weights

ELEMENTWISE = ("Add", "Sub", "Mul", "Elementwise", "Identity")  # results whose axes are an operand's


def candidates(c: Coder) -> dict[str, list[Node]]:
    """Tensors that may be equalised, and the products that read them as 8-bit codes."""
    found = {}
    for tensor, forms in c.wanted.items():
        maker, readers = c.producers.get(tensor), c.readers.get(tensor, [])
        if "byte" not in forms or maker is None or tensor in c.network.outputs:
            continue
        factors = [n for n in readers if is_weighted(c, n) and n.inputs[0] == tensor and not grouped(n)]
        others = [n for n in readers if n not in factors]
        half = all(n.operator in ("Add", "Sub", "Normalise") or tensor in n.inputs[3:] for n in others)
        own = plain_product(c, maker) or (maker.operator == "Normalise" and is_bias(c, maker))
        if factors and half and (own or "half" in forms) and keeps_channels(c, maker, factors):
            found[tensor] = factors
    return found


def keeps_channels(c: Coder, maker: Node, readers: list[Node]) -> bool:
    """Whether the codes' last axis is the readers' channels. A Normalise may leave its own axes there."""
    x = maker.inputs[0]
    channels = {1 if n.operator == "Conv" else len(c.shape(n.inputs[0])) - 1 for n in readers}
    if maker.operator != "Normalise":
        return len(c.natural(maker.outputs[0])) <= 1 or channels == {last_axis(c, maker)}
    return channels <= set(axes_of(maker)) or len(c.natural(x)) <= 2


def last_axis(c: Coder, maker: Node) -> int:
    """The axis of a node's result that is last in its codes; -1 where that is not known yet."""
    y = c.shape(maker.outputs[0])
    if maker.operator == "Conv" or "Pool" in maker.operator:
        return 1
    if is_weighted(c, maker):
        return len(y) - 1
    for x in maker.inputs:
        before = c.producers.get(x)
        if before is not None and c.shape(x) == y and maker.operator in ELEMENTWISE:
            return last_axis(c, before)
    return axes_of(maker)[-1] if maker.operator == "Normalise" else -1


def axes_of(norm: Node) -> tuple[int, ...]:
    """The axes over which a Normalise normalises, counted from the front."""
    return tuple(norm.attributes.get("axes", (norm.attributes["axis"],)))


def grouped(node: Node) -> bool:
    return int(node.attributes.get("group", 1)) > 1


def plain_product(c: Coder, node: Node) -> bool:
    """Whether a node is a product without a fused function or tensor that has one scale for all channels."""
    alone = "function" not in node.attributes and len(node.inputs) < 4
    return is_weighted(c, node) and not grouped(node) and alone


def is_bias(c: Coder, node: Node) -> bool:
    """Whether a Normalise adds the same to each row."""
    rank = len(c.shape(node.inputs[0]))
    beta = node.attributes["beta"]
    return bool(axes_of(node) == (rank - 1,) and prod(beta.shape[:-1]) == 1)


def bare(node: Node) -> Node:
    """A product without its fused nodes."""
    kept = {key: value for key, value in node.attributes.items() if key != "function"}
    return replace(node, inputs=node.inputs[:2], attributes=kept)


def seers(c: Coder, found: dict[str, list[Node]]) -> dict[str, Channels]:
    return {tensor: Channels(layer(c.network, bare(readers[0]))) for tensor, readers in found.items()}


def choose(c: Coder, found: dict[str, list[Node]], channels: dict[str, Channels]) -> None:
    """Choose the factors e; fills c.evened."""
    pe = c.p.unit.pe
    for tensor, readers in found.items():
        each = [real_weights(layer(c.network, bare(n)), c.network.constants[n.inputs[1]])[0] for n in readers]
        if len({len(w) for w in each}) == 1:
            weights = np.concatenate(each, axis=1)
            c.evened[tensor] = channels[tensor].choose(
                weights, lambda w: as_coded(w, pe, c.method), pe.activation, c.method
            )


def as_coded(w: np.ndarray, pe: Any, method: str) -> np.ndarray:
    """Weights [k, n] rounded to the reals that their codes represent."""
    numbers, scale = quantise_channels(pe, w, method=method, least=0.0)
    return np.asarray(numbers * scale)
