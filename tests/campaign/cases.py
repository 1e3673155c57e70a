"""A case of the campaign: a model and its inputs, drawn from a seed alone.

kind "operator"   one operator behind an input or a product, its result the output
kind "network"    two to six operators; constants on either side, outputs in the middle, shared inputs
kind "quantised"  QDQ graphs (tests.campaign.quantised)
kind "typed"      inputs that are no float32 (tests.campaign.typed)
kind "tflite"     TFLite files (tests.campaign.tflite_cases)
"""

from dataclasses import dataclass

import numpy as np

from tests.campaign import quantised, tflite_cases, typed
from tests.campaign.builder import OPSETS, Builder, Illegal, values_of
from tests.campaign.operators import OPERATORS
from tests.campaign.products import conv, gemm, matmul

TRIES = 60
KINDS = ("operator", "network", "quantised", "tflite", "typed")


@dataclass(frozen=True)
class Case:
    """seed, kind and operators for reports; the file as a user has it, its inputs and what is right.

    data, suffix  the file's bytes and kind
    wanted        outputs by name, of onnxruntime or of TFLite
    names         of nodes and tensors, which a refusal may name
    weights       float constants of a TFLite file
    builder       of an ONNX model: every tensor's value; None of a TFLite file
    """

    seed: int
    kind: str
    operators: tuple[str, ...]
    data: bytes
    suffix: str
    feeds: dict[str, np.ndarray]
    wanted: dict[str, np.ndarray]
    names: tuple[str, ...]
    builder: Builder | None
    weights: tuple[np.ndarray, ...] = ()


def draw(kind: str, seed: int) -> Case:
    """The case of a seed. Draws that are no legal model are drawn again, from the seed's own stream."""
    number = KINDS.index(kind)
    for attempt in range(TRIES):
        random = np.random.default_rng([number, seed, attempt])
        try:
            return DRAWS[kind](random, seed)
        except (Illegal, ValueError, IndexError):
            continue  # a generator may ask for what a shape does not have: that draw is none
    raise RuntimeError(f"{kind} {seed}: no legal model in {TRIES} draws")


def finished(kind: str, seed: int, b: Builder, outputs: list[str]) -> Case:
    """The case of an ONNX model."""
    model = b.model(outputs)
    read = {value.name for value in model.graph.input}
    feeds = {name: b.values[name] for name in b.inputs if name in read}
    if not feeds:
        raise Illegal("a model without inputs")
    nodes = [node.name for node in b.nodes] + [tensor for node in b.nodes for tensor in node.output]
    return Case(
        seed=seed, kind=kind, operators=tuple(node.op_type for node in b.nodes), suffix=".onnx",
        data=model.SerializeToString(), feeds=feeds, builder=b, names=(*nodes, *b.inputs, *b.constants),
        wanted=dict(zip(outputs, values_of(model, feeds), strict=True)),
    )  # fmt: skip


def one_operator(random: np.random.Generator, seed: int) -> Case:
    """An operator of the table, each in its turn; in two of three cases behind a product."""
    b = Builder(random)
    b.opset = b.pick(*OPSETS)
    name = list(OPERATORS)[seed % len(OPERATORS)]
    ranks, use = OPERATORS[name]
    x = b.input(b.real(b.shape(b.pick(*ranks))))
    if b.chance(0.65):
        x = product(b, x)
    y = use(b, x)
    return finished("operator", seed, b, [y])


def product(b: Builder, x: str) -> str:
    """A product of x that keeps its rank."""
    value = b.values[x]
    if value.ndim == 4 and b.chance(0.7):
        return conv(b, x)
    if value.ndim == 2 and b.chance(0.3):
        return gemm(b, x)
    y = matmul(b, x)
    if b.values[y].ndim != value.ndim:
        raise Illegal("a product of another rank")
    return y


def network(random: np.random.Generator, seed: int) -> Case:
    """Operators one after the other, each on a random tensor made before, the last ones preferred."""
    b = Builder(random)
    b.opset = b.pick(*OPSETS)
    b.input(b.real(b.shape(b.pick(2, 3, 4, 4))))
    if b.chance(0.2):
        b.input(b.real(b.shape(b.pick(2, 3))))
    first = product(b, "input_0")
    assert first
    for _ in range(int(b.random.integers(1, 6))):
        fitting = [t for t in (*b.inputs, *b.made) if b.values[t].dtype == np.float32]
        x = fitting[-1] if b.chance(0.7) else b.pick(*fitting)
        rank = b.values[x].ndim
        names = [name for name, (ranks, _) in OPERATORS.items() if rank in ranks]
        if not names:
            raise Illegal("a tensor of a rank that no operator takes")
        if b.chance(0.3):
            product(b, x)
        else:
            OPERATORS[b.pick(*names)][1](b, x)
    read = {x for node in b.nodes for x in node.input}
    ends = [t for t in b.made if t not in read]
    middle = [t for t in b.made if t in read and b.chance(0.15)]
    return finished("network", seed, b, [*ends, *middle])


def quantised_network(random: np.random.Generator, seed: int) -> Case:
    b = Builder(random)
    outputs = quantised.build(b)
    return finished("quantised", seed, b, outputs)


def typed_operators(random: np.random.Generator, seed: int) -> Case:
    b = Builder(random)
    outputs = typed.build(b)
    return finished("typed", seed, b, list(dict.fromkeys(outputs)))


def tflite(random: np.random.Generator, seed: int) -> Case:
    """A TFLite file of an operator or two."""
    f, outputs, data = tflite_cases.build(random, seed)
    wanted = tflite_cases.run(data, f.values, len(outputs))
    if any(value.size == 0 or not np.all(np.isfinite(value)) for value in wanted):
        raise Illegal("an empty result, or one that is not finite")
    return Case(
        seed=seed, kind="tflite", operators=(f.kind, *f.operators), suffix=".tflite", data=data, builder=None,
        weights=tuple(f.made),
        feeds={f"t{number}": value for number, value in zip(f.inputs, f.values, strict=True)},
        wanted={f"t{number}": value for number, value in zip(outputs, wanted, strict=True)},
        names=tuple(
            text
            for number, name in enumerate(f.operators)
            for text in (f"operator {number} ({name})", f"node {name.lower()}_{number}")
        ),
    )  # fmt: skip


DRAWS = {"operator": one_operator, "network": network, "quantised": quantised_network,
         "tflite": tflite,
    "typed": typed_operators}  # fmt: skip
