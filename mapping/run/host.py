"""A quantised network, run: matrix products by an engine, all else in float32 on the host.

A tensor is real (float32, or an integer type of the network's own) or, between two products that need no
real value, codes (int64). Sums become real as float32(factor * (sum - zero_point * sum of weights) + bias),
computed in float64 and rounded once, so that the outputs too are the same for every engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from golden import operators
from golden.systolic.gemm import Gemm, Schedule
from golden.systolic.matrix_unit import Scaling
from golden.systolic.matrix_unit import cycles as golden_cycles
from mapping.backends.engines import Engine
from mapping.network import Node
from mapping.quantise.matrix_products import QuantisedNetwork, QuantisedProduct
from mapping.quantise.requantise_points import MOVING
from mapping.run.floating import run_node

Progress = Callable[[str, int, int], None]  # layer, layers done, of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRun:
    """One product as it ran. compute_cycles: golden. engine_cycles: as the engine counted them, or None.
    codes: requantised on the array. digest: of its values, the same for every engine."""

    name: str
    gemm: Gemm
    compute_cycles: int
    engine_cycles: int | None
    codes: bool
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """outputs: of the network, by name. layers: in order. tensors: all that was computed, if asked for."""

    outputs: dict[str, np.ndarray]
    layers: list[LayerRun]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def execute(
    quantised: QuantisedNetwork,
    inputs: Mapping[str, np.ndarray],
    engine: Engine,
    *,
    progress: Progress | None = None,
    all_tensors: bool = False,
) -> Execution:
    """Run on one set of inputs.

    raises  BadValue for inputs of another shape or type; what the engine raises
    """  # fmt: skip
    network = quantised.network
    network.check_inputs(inputs)
    state = State({**network.constants, **inputs})
    runs = []
    for i, node in enumerate(network.nodes):
        if node.is_product:
            runs.append(run_product(quantised.products[node.name], state, engine))
            if progress:
                progress(node.name, len(runs), len(quantised.products))
        else:
            run_host(node, state)
        if not all_tensors:
            state.forget(network.nodes[i:], network.outputs)
    values = {**state.real, **state.codes}
    computed = {t: v for t, v in values.items() if t and t not in network.constants and t not in inputs}
    return Execution(
        outputs={tensor: state.real[tensor] for tensor in network.outputs},
        layers=runs,
        tensors=computed if all_tensors else {},
    )


class State:
    """Tensors by name: `real`, and `codes` between products."""

    def __init__(self, real: Mapping[str, np.ndarray]) -> None:
        self.real, self.codes = dict(real), dict[str, np.ndarray]()

    def forget(self, nodes: tuple[Node, ...], kept: tuple[str, ...]) -> None:
        """Drop what the first of `nodes` has read and the others do not."""
        needed = {*kept, *(tensor for node in nodes[1:] for tensor in node.inputs)}
        for tensor in nodes[0].inputs:
            if tensor not in needed:
                self.real.pop(tensor, None)
                self.codes.pop(tensor, None)


def run_host(node: Node, state: State) -> None:
    """A host node. Codes are moved as they are; a constant factor is in their readers' scales already."""
    if node.inputs and node.inputs[0] in state.codes:
        codes = state.codes[node.inputs[0]]
        moved = run_node(node, {**state.real, node.inputs[0]: codes}) if node.operator in MOVING else [codes]
        state.codes.update(zip(node.outputs, moved, strict=False))
    else:
        state.real.update(zip(node.outputs, run_node(node, state.real), strict=False))


def run_product(x: QuantisedProduct, state: State, engine: Engine) -> LayerRun:
    """A matrix product on the engine, its result put into `state`."""
    schedule, tensor = x.placement.schedule, x.layer.output_name
    left = x.layer.left(factor(x, 0, state), padding=x.zero_point)
    right = x.weights.codes if x.weights else x.layer.right(factor(x, 1, state))
    found = engine.product(x.layer.name, schedule, left, right, x.scaling)
    if x.scaling is not None:
        state.codes[tensor] = x.layer.output(found.values)
    else:
        state.real[tensor] = real(x, found.values, right, state)
    return record(x.layer.name, schedule, found.values, found.cycles, x.scaling)


def factor(x: QuantisedProduct, place: int, state: State) -> np.ndarray:
    """Codes of a factor: as they are, or of its real values."""
    tensor, scale = x.layer.inputs[place], (x.left, x.right)[place]
    assert scale is not None
    if tensor in state.codes:
        return state.codes[tensor]
    values = state.real[tensor]
    return scale.quantise(values if place or x.evened is None else values / x.layer.along_channels(x.evened))


def real(x: QuantisedProduct, sums: np.ndarray, right: np.ndarray, state: State) -> np.ndarray:
    """Output of a product whose sums left the array, in its own type: bias added, activation applied."""
    if x.zero_point:
        sums = sums - x.zero_point * right.sum(axis=1, keepdims=True)
    y = sums * x.factor
    if x.bias is not None:
        y = y + x.bias
    output = x.layer.output(y)
    if x.bias is None and x.layer.inputs[2:] not in ((), ("",)):
        bias = x.layer.added(state.real[x.layer.inputs[2]].astype(np.float64))
        output = output + float(x.layer.attributes.get("beta", 1.0)) * bias
    output = output.astype(x.layer.dtype)
    return operators.evaluate(x.layer.activation, [output], {})[0] if x.layer.activation else output


def record(
    name: str, schedule: Schedule, values: np.ndarray, cycles: int | None, scaling: Scaling | None
) -> LayerRun:
    """What is kept of a run product."""
    return LayerRun(
        name=name,
        gemm=schedule.gemm,
        compute_cycles=golden_cycles(schedule),
        engine_cycles=cycles,
        codes=scaling is not None,
        digest=blake2b(values.tobytes(), digest_size=16).hexdigest(),
    )
