"""A grouped network, run: products by constant weights on an engine, all else in float32 on the host.

On a tile a product goes whole. On a systolic array each group is a product of its own; its sums leave as they
are, and the host scales and adds them up as the tile does: golden.tile.tile.added, fp32 in the groups'
order. Then y = float32(scale * channel * total + bias), computed in float64.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from golden import operators
from golden.pe import tiled
from golden.pe.quantise import activations
from golden.pe.weights import Quantised
from golden.systolic.gemm import Gemm, Schedule
from golden.tile.tile import TileParams, added, less_zeros
from mapping.cost.tilings import place
from mapping.grouped.design import Design, array_gemm, groups, pe_of
from mapping.grouped.engines import Engine
from mapping.grouped.quantise import GroupedNetwork, GroupedProduct
from mapping.layers import ProductLayer
from mapping.run.floating import run_node
from mapping.target import Target, TileTarget

Progress = Callable[[str, int, int], None]  # layer, layers done, of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedRun:
    """One product as it ran. cycles: as the engine counted them. error, cosine: of the product, beside the
    float product of the same activations by the weights before they were quantised."""

    name: str
    gemm: Gemm
    cycles: int
    error: float
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedExecution:
    """outputs: of the network, by name. layers: in order. tensors: all that was computed, if asked for."""

    outputs: dict[str, np.ndarray]
    layers: list[GroupedRun]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def execute(
    quantised: GroupedNetwork,
    inputs: Mapping[str, np.ndarray],
    engine: Engine,
    *,
    progress: Progress | None = None,
    all_tensors: bool = False,
) -> GroupedExecution:
    """Run on one set of inputs.

    raises  BadValue for inputs of another shape or type, activations out of range; what the engine raises
    """
    network = quantised.network
    network.check_inputs(inputs)
    values, runs = {**network.constants, **inputs}, list[GroupedRun]()
    last_use = {tensor: i for i, node in enumerate(network.nodes) for tensor in node.inputs}
    for i, node in enumerate(network.nodes):
        if node.name in quantised.products:
            runs.append(run_product(quantised.products[node.name], quantised.design, values, engine))
            if progress:
                progress(node.name, len(runs), len(quantised.products))
        else:
            values.update(zip(node.outputs, run_node(node, values), strict=False))
        for tensor in {*node.inputs, *node.outputs} - {*network.outputs}:
            if not all_tensors and last_use.get(tensor, i) == i:
                values.pop(tensor, None)
    computed = [t for t in values if t and t not in network.constants and t not in inputs]
    return GroupedExecution(
        outputs={tensor: values[tensor] for tensor in network.outputs},
        layers=runs,
        tensors={tensor: values[tensor] for tensor in computed} if all_tensors else {},
    )


def run_product(
    x: GroupedProduct, design: Design, values: dict[str, np.ndarray], engine: Engine
) -> GroupedRun:
    """A product on the engine, its result put into `values`."""
    left = x.layer.left(values[x.layer.inputs[0]]).astype(np.float64)
    if isinstance(design, TileTarget):
        y, cycles = on_tile(x, design, left, engine)
    else:
        y, cycles = on_array(x, design, left, engine)
    wanted = left @ x.real
    values[x.layer.output_name] = finished(x.layer, y, values)
    return GroupedRun(
        name=x.layer.name,
        gemm=x.layer.gemm,
        cycles=cycles,
        error=relative_error(y, wanted),
        cosine=cosine(y, wanted),
    )


def on_tile(
    x: GroupedProduct, design: TileTarget, left: np.ndarray, engine: Engine
) -> tuple[np.ndarray, int]:
    """float64 [batch, m, n] and cycles, product after product."""
    found, cycles = np.empty((x.layer.gemm.batch, x.layer.gemm.m, x.layer.gemm.n)), 0
    for b, weights in enumerate(x.weights):
        codes, scale = activations(design.tile.pe, left[b])
        made = engine.tile(x.layer.name, design.tile, codes, weights.weights)
        found[b] = made.values * scale * weights.channel
        cycles += made.cycles or 0
    return found, cycles


def on_array(x: GroupedProduct, design: Target, left: np.ndarray, engine: Engine) -> tuple[np.ndarray, int]:
    """The same, the groups a batch."""
    p, count = design.unit.pe, groups(x.layer, design)
    coded = [activations(p, each, count) for each in left]
    lefts = np.concatenate([in_groups(codes.T, count).swapaxes(1, 2) for codes, _ in coded])
    rights = np.concatenate([in_groups(each.weights.codes, count) for each in x.weights])
    made = engine.sums(x.layer.name, schedule(x.layer, design), lefts, rights)
    sums = made.values.reshape(len(left), count, *made.values.shape[1:])
    found = [
        totals(p, sums[b], x.weights[b], codes, scale) * (scale if scale.shape[1] == 1 else 1.0)
        for b, (codes, scale) in enumerate(coded)
    ]
    return np.stack([y * each.channel for y, each in zip(found, x.weights, strict=True)]), made.cycles or 0


def schedule(x: ProductLayer, design: Target) -> Schedule:
    """How the array goes through the groups of a layer."""
    bits = -(-pe_of(design).accumulator.width // 8) * 8
    return place(x.name, design, array_gemm(x, design), bits).schedule


def in_groups(values: np.ndarray, count: int) -> np.ndarray:
    """[K, N] -> [count, K / count, N]."""
    return values.reshape(count, -1, values.shape[1])


def totals(p: object, sums: np.ndarray, q: Quantised, codes: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """fp32 [m, n] of sums [groups, m, n]; a scale for each group, a power of two, is multiplied in here."""
    tile, w, total = TileParams(rows=1, cols=1, pe=p), q.weights, np.zeros(sums.shape[1:])
    if w.zeros is not None and not tiled.zero_bits(p):
        raise AssertionError("zero points of sums that have none")
    row_sums = in_groups(codes.T, len(sums)).sum(1)
    for g, each in enumerate(sums):
        zeros = None if w.zeros is None else w.zeros[g]
        units = scale[:, g, None] if scale.shape[1] > 1 else None
        total = added(tile, total, less_zeros(tile, each, zeros, row_sums[g]), w.scales[g], units)
    return total


def finished(layer: ProductLayer, y: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """float32 output: bias added, activation applied."""
    output = layer.output(y)
    if layer.inputs[2:] not in ((), ("",)):
        bias = np.asarray(values[layer.inputs[2]], np.float64) * float(layer.attributes.get("beta", 1.0))
        if layer.operator == "Conv":
            bias = bias.reshape(-1, *[1] * (output.ndim - 2))
        output = output + bias
    output = output.astype(np.float32)
    return operators.evaluate(layer.activation, [output], {})[0] if layer.activation else output


def relative_error(y: np.ndarray, wanted: np.ndarray) -> float:
    """|y - wanted| / |wanted|, of all elements; 0 where both are zero."""
    difference, size = float(np.linalg.norm(y - wanted)), float(np.linalg.norm(wanted))
    return difference / size if size else float(difference > 0)


def cosine(y: np.ndarray, wanted: np.ndarray) -> float:
    """Of all elements as one vector; 1 where both are zero."""
    sizes = float(np.linalg.norm(y) * np.linalg.norm(wanted))
    return float((y * wanted).sum()) / sizes if sizes else float(not np.any(y) and not np.any(wanted))
