"""Batches of images: the network of one image, coded once, and its operations repeated for each image.

Rows of several samples are rows of one product; images are not, since a window moves over a single image.
Whether the images of a batch are independent is tested: the network of one, run on each of random inputs,
must give what the network of all gives.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from golden import check
from mapping.ir import graph
from mapping.network import Network, Node
from mapping.run.floating import IMPOSSIBLE, Values, run_float, run_node

SIZED = ("Reshape", "Expand")  # whose second operand is a shape
NEAR = 1e-3  # of what sums in another order differ by
NAMES = ("x", "y", "w", "k", "v", "b", "i", "r", "row_scale", "mask")  # fields that name a tensor
LISTS = ("others", "results")  # and several


def samples_of(network: Network) -> int:
    """The length of the first axis, if all inputs have the same, else 1."""
    first = {each.shape[0] if each.shape else 1 for each in network.inputs.values()}
    return first.pop() if len(first) == 1 else 1


def alone(network: Network, sample: Mapping[str, np.ndarray] | None = None) -> Network | None:
    """The network of one image; None if the batch is one image, there are no images, or samples depend on
    each other.

    sample  gives integers among the inputs, where these are not free to choose
    """
    count = samples_of(network)
    if count == 1 or not any(has_window(node) and network.shapes[node.inputs[0]][0] == count
                             for node in network.nodes):
        return None  # fmt: skip
    random = np.random.default_rng(0)
    given = {}
    for name, (shape, dtype) in network.inputs.items():
        free = random.integers(0, 2, shape) if dtype.kind in "iub" else random.normal(size=shape)
        given[name] = sample[name] if sample and dtype.kind != "f" else free.astype(dtype)
    if any((x == x[:1]).all() for x in given.values()):
        return None  # equal samples do not show whether they meet
    try:
        parts = [run_each(network, count, each) for each in split(given, count)]
        whole = run_float(network, given)
    except (check.BadValue, *IMPOSSIBLE):
        return None
    for name in network.outputs:
        made = [values[name] for values, _ in parts]
        if any(x.shape[:1] != (1,) for x in made) or not same(np.concatenate(made), whole[name]):
            return None
    values, constants = parts[0]
    return replace(
        network, constants=constants, shapes={name: x.shape for name, x in values.items()},
        inputs={name: each._replace(shape=(1, *each.shape[1:])) for name, each in network.inputs.items()},
    )  # fmt: skip


def has_window(node: Node) -> bool:
    """Whether an operator moves a window over an image."""
    return node.operator == "Conv" or "Pool" in node.operator


def run_each(network: Network, count: int, given: Mapping[str, np.ndarray]) -> tuple[Values, Values]:
    """Every tensor and constant of the network for one sample, from a network of `count` samples."""
    constants = dict(network.constants)
    for node in network.nodes:
        for name in node.inputs[1:2] if node.operator in SIZED else ():
            if name in constants and constants[name].size and constants[name].flat[0] == count:
                constants[name] = np.concatenate([[1], constants[name][1:]]).astype(constants[name].dtype)
    values: Values = {**constants, **given}
    for node in network.nodes:
        values.update(zip(node.outputs, run_node(node, values), strict=False))
    return values, constants


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are equal up to the order of float sums."""
    if a.shape != b.shape:
        return False
    size = float(np.abs(np.where(np.isfinite(b), b, 0)).max(initial=0))
    return np.allclose(a, b, rtol=NEAR, atol=NEAR * size, equal_nan=True)


def split(sample: Mapping[str, np.ndarray], count: int) -> list[dict[str, np.ndarray]]:
    """The inputs of each of `count` samples."""
    return [{name: x[i : i + 1] for name, x in sample.items()} for i in range(count)]


def repeated(one: graph.CodedNetwork, count: int) -> graph.CodedNetwork:
    """`one` for each of `count` samples, which stand one after the other in its inputs and outputs."""
    if one.state:
        raise check.fail(f"{one.name}: samples", count, "1: the network keeps a state")
    tensors = {name: tensor for name, tensor in one.tensors.items() if tensor.data is not None}
    tensors |= {name: batch(one.tensors[name], count) for name in (*one.inputs, *one.outputs)}
    operations: list[graph.Operation] = []
    for sample in range(count):
        names = {n: f"{n}@{sample}" for n, t in one.tensors.items() if t.data is None}
        tensors |= {own: replace(one.tensors[name], name=own) for name, own in names.items()}
        operations += [
            graph.Slice(name=names[n], x=n, y=names[n], axis=0, start=sample, length=1) for n in one.inputs
        ]
        operations += [renamed(o, names, f"{o.name}@{sample}") for o in one.operations]
    for name in one.outputs:
        rows = [f"{name}@{sample}" for sample in range(count)]
        shape = (1, *one.tensors[name].shape)
        for row in rows:
            tensors[f"{row}:row"] = replace(tensors[row], name=f"{row}:row", shape=shape)
            operations.append(graph.Reshape(name=f"{row}:row", x=row, y=f"{row}:row"))
        parts = tuple(f"{row}:row" for row in rows)
        operations.append(graph.Concat(name=name, x=parts[0], others=parts[1:], axis=0, y=name))
    return replace(one, tensors=tensors, operations=tuple(operations))


def batch(t: graph.Tensor, count: int) -> graph.Tensor:
    """An input or output of all samples."""
    wide = replace(t, shape=(count, *t.shape))
    if t.reals is None:
        return wide
    reals = replace(t.reals, shape=(count, *t.reals.shape[1:]), axes=(0, *t.reals.axes))
    return replace(wide, reals=reals)


def renamed(o: graph.Operation, names: Mapping[str, str], name: str) -> graph.Operation:
    """The operation, with other names for itself and its tensors."""
    changed: dict[str, Any] = {"name": name}
    for field in NAMES:
        if (old := getattr(o, field, None)) is not None:
            changed[field] = names.get(old, old)
    for field in LISTS:
        if hasattr(o, field):
            changed[field] = tuple(names.get(old, old) for old in getattr(o, field))
    residual = getattr(o, "residual", None)
    if residual is not None:
        changed["residual"] = replace(residual, b=names.get(residual.b, residual.b))
    return replace(o, **changed)

